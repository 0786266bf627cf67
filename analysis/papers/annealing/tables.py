"""The tables of a report: columns named for a reader, numbers rounded, written as Markdown."""

import numpy as np
import pandas as pd

from analysis.papers.annealing import benchmark
from analysis.papers.paper import Paper
from losslaws.fitting import metrics
from losslaws.words import markdown, percent, scientific

ONE_MODEL = ("fit", "unseen", "length", "claim")  # roles of the runs that the law of the base model speaks of


def summary(paper: Paper) -> str:
    """The main findings, a line each."""
    experiment, fit = paper.evidence.own, paper.evidence.own.fit
    scores = experiment.predictions().query("fit == 'annealing'").groupby("role")
    seen, unseen = (scores.get_group(role) if role in scores.groups else None for role in ("fit", "unseen"))
    others = " on the seeds that it was not fitted to" if experiment.halves[1] else ""
    rows = [
        ("Fit", f"{' and '.join(fit.curves)}: R² {fit.r2:.4f}, mean error {percent(seen['mean_error'].mean())}{others}")
    ]
    if unseen is not None:
        mean, low, high = (percent(getattr(unseen["mean_error"], of)()) for of in ("mean", "min", "max"))
        final, most, new = (
            percent(unseen["final_error"].abs().mean()),
            percent(unseen["final_error"].abs().max()),
            percent(unseen["new_mean_error"].mean()),
        )
        plain, steps = (percent(unseen[f"{rival}_final"].abs().mean()) for rival in ("without_S2", "steps_power"))
        rows.append(
            (
                "Unseen schedules",
                f"{len(unseen)} curves predicted with a mean error of {mean} ({low} to {high}), {new} on new steps; final losses {final} "
                f"(at most {most}), with C = 0 {plain}, by a power law in steps {steps}",
            )
        )
    if experiment.noise:
        seeds = f"standard deviation over {experiment.noise.freedom + 1} seeds"
        rows.append(
            ("Seed noise", f"another seed changes a final loss by {percent(experiment.noise.relative)} ({seeds})")
        )
    rows.append(("Compute", paper.evidence.headline))
    rows.append(("Claims", paper.verdicts))
    printed, theirs = paper.evidence.paper_fit, paper.evidence.unseen.values()
    error = np.mean([metrics.score(printed.predict(curve), curve.loss).mean_error for curve in theirs])
    rows.append(
        (
            "The paper's own points",
            f"R² {printed.r2:.5f}; {len(theirs)} unseen schedules with a mean error of {percent(error)}",
        )
    )
    return markdown(pd.DataFrame(rows, columns=["what", "found"]), {"what": ("", ""), "found": ("", "")})


def runs(paper: Paper) -> str:
    """Every run: what it was and how it ended."""
    fit, rows = paper.evidence.own.fit, []
    for run in paper.evidence.own.curves.values():
        predicted = fit.predict(run, run.step[-1:])[0] if run.role in ONE_MODEL else np.nan
        rows.append(
            {
                "run": run.name,
                "role": run.role,
                "N": run.parameters["non_embedding"] / 1e6,
                "steps": run.schedule.steps,
                "tokens": run.tokens_per_step * run.schedule.steps / 1e6,
                "flops": run.flops,
                "peak": run.schedule.peak,
                "measured": run.final_loss,
                "predicted": predicted,
                "error": predicted / run.final_loss - 1,
            }
        )
    columns = {
        "run": ("run", ""),
        "role": ("role", ""),
        "N": ("N (M)", ".3g"),
        "steps": ("steps", ",d"),
        "tokens": ("tokens (M)", ".2f"),
        "flops": ("FLOPs", scientific),
        "peak": ("peak rate", "g"),
        "measured": ("final loss", ".4f"),
        "predicted": ("predicted", ".4f"),
        "error": ("error", lambda x: f"{100 * x:+.2f} %"),
    }
    return markdown(pd.DataFrame(rows), columns)


def fits(paper: Paper) -> str:
    """Every fit with its parameters."""
    table = paper.tables["fits"]
    names = [c for c in table.columns[table.columns.get_loc("converged") + 1 : table.columns.get_loc("given")]]
    columns = {"fit": ("fit", ""), "points": ("points", "d"), "r2": ("R²", ".5f")}
    return markdown(table, columns | {name: (name, ".4g") for name in names if table[name].notna().any()})


def predictions(paper: Paper) -> str:
    """Errors of the curves that the fit did not see, beside those with the paper's lambda."""
    table = paper.tables["predictions"]
    table = table[table["role"] == "unseen"]
    own, given = (table[table["fit"] == fit].set_index("curve") for fit in ("annealing", "annealing-.999"))
    own = own.assign(given=given["mean_error"]).reset_index()
    columns = {
        "curve": ("unseen curve", ""),
        "seeds": ("seeds", "d"),
        "mean_error": ("mean error", percent),
        "new_mean_error": ("new steps", percent),
        "final_error": ("final loss", percent),
        "standard_error": ("seeds alone, final loss", known),
        "without_S2": ("mean, C = 0", percent),
        "without_S2_final": ("final, C = 0", percent),
        "steps_power": ("mean, power law in steps", percent),
        "steps_power_final": ("final, power law in steps", percent),
        "given": ("mean with lambda .999", percent),
    }
    return markdown(own, columns)


def known(share: float) -> str:
    """A share in per cent, or that it is not known."""
    return percent(share) if np.isfinite(share) else "unknown"


def noise(paper: Paper) -> str:
    """What a difference of final losses is uncertain by, by how the runs are related."""
    columns = {
        "relation": ("relation of two runs", ""),
        "sd": ("standard deviation (nats)", ".4f"),
        "relative": ("relative", percent),
        "degrees_of_freedom": ("degrees of freedom", "d"),
    }
    table = paper.tables["noise"]
    return markdown(table, columns) if len(table) else "Every run has one seed, so nothing is known of it."


def tuning(paper: Paper) -> str:
    """The sweep that the peak rate was chosen by; empty where it is not there."""
    if "tuning" not in paper.tables:
        return ""
    table = paper.tables["tuning"]
    columns = {
        "peak": ("peak rate", "g"),
        "cosine": ("cosine", ".4f"),
        "wsd": ("WSD, 20 % decay", ".4f"),
        "mean": ("mean", ".4f"),
        "above": ("above the lowest", ".4f"),
        "above_95": ("which noise may be (95 %)", ".4f"),
        "sd_over_seeds": ("sd over seeds", ".4f"),
        "seeds": ("seeds", "d"),
        "chosen": ("", lambda chosen: "chosen" if chosen else ""),
    }
    return markdown(table, columns)


def compute(paper: Paper) -> str:
    """Cost and error of every method of the benchmark, numbered as in the figure."""
    table = paper.tables["benchmark_summary"]
    table = table.assign(number=range(1, len(table) + 1))
    columns = {
        "number": ("no.", "d"),
        "method": ("method", ""),
        "flops": ("FLOPs", scientific),
        "fraction": ("share", lambda x: percent(x, 0)),
        "targets": ("targets", "d"),
        "seeds": ("seeds", "d"),
        "mean_error": ("mean error", percent),
        "interval": ("± over seeds", known),
        "worst_error": ("worst", percent),
        "note": ("note", ""),
    }
    return markdown(table, columns)


def equal_error(paper: Paper) -> str:
    """The annealing law's compute at Chinchilla's error."""
    columns = {
        "method": ("method", ""),
        "targets": ("target", ""),
        "error": ("its error", percent),
        "annealing": ("cheapest annealing fit as close", ""),
        "ratio": ("compute ratio", ".2f"),
        "noise_annealing": ("cheapest within seed noise", ""),
        "noise_ratio": ("compute ratio ", ".2f"),
    }
    return (
        markdown(paper.evidence.equal_error, columns)
        if len(paper.evidence.equal_error)
        else "No Chinchilla fit was possible in this profile."
    )


def cost(paper: Paper) -> str:
    """The paper's own count of what 100 fit points cost."""
    columns = {"method": ("method", ""), "steps": ("steps", ",.0f"), "fraction": ("share", lambda x: percent(x, 1))}
    return markdown(benchmark.cost_table(), columns)
