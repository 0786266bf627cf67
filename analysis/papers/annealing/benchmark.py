"""Compute against accuracy: what a prediction of the final loss costs in training FLOPs, and how wrong it is.

    benchmark(experiment) -> DataFrame           one row for every method, seed and target -> benchmark.csv
    summary(table) -> DataFrame                  one row for every method
    equal_error(table) -> DataFrame              Chinchilla's compute and that of the annealing law at the same error
    consumed(curves) -> float                    FLOPs of runs whose shared beginnings are trained once
    cost_table() -> DataFrame                    the paper's Table 2, from step counts

A target is a run of the base model that is longer than the fitted runs. A method sees only runs no longer than its target, never
runs under the target's schedule, and, where there are several seeds, never a run of the target's seed: each seed's fit is asked about the
runs of the next. A method with fewer runs than parameters is listed as not identified rather than fitted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.papers.annealing.experiment import Experiment
from analysis.papers.annealing.noise import SEED, over_seeds
from losslaws import laws
from losslaws.curves import LossCurve, Schedule
from losslaws.curves.runs import consumed, final, same_model, select, settled
from losslaws.fitting import fit

REFERENCE = "Chinchilla, 3 cosines"


@dataclass(frozen=True)
class Method:
    """A way to predict a final loss.

    name     what tables and figures call it
    law      name of the law that is fitted
    runs     names of the runs that the fit consumes
    targets  beginning of the names of the runs that it speaks about; empty: of every schedule
    share    of each run's steps, from the first on, that is read and paid
    """

    name: str
    law: str
    runs: tuple[str, ...]
    targets: str = ""
    share: float = 1.0

    @property
    def finals_only(self) -> bool:
        """Whether the law reads nothing of a run but its final loss."""
        return self.law != "annealing"


def lengths(family: str, *numbers: str) -> tuple[str, ...]:
    """Kinds of one family at several lengths."""
    return tuple(f"{family}-{number}x" for number in numbers)


COSINES, SIX = lengths("cosine", "05", "1", "2"), lengths("cosine", "025", "05", "075", "1", "15", "2")
METHODS = (
    # no decay: C and lambda stay unknown, so it speaks of no other schedule
    Method("annealing, constant-1x", "annealing", ("constant-1x",), "constant"),
    Method("annealing, first 5 % of constant-1x", "annealing", ("constant-1x",), "constant", 0.05),
    *(
        Method(f"annealing, {run}", "annealing", (run,))
        for run in ("cosine-025x", "cosine-05x", "cosine-1x", "wsd20-linear-1x")
    ),
    Method("annealing, constant-05x + cosine-05x", "annealing", ("constant-05x", "cosine-05x")),
    *(
        Method(f"annealing, constant-1x + {run}", "annealing", ("constant-1x", run))
        for run in ("wsd20-linear-1x", "cosine-1x")
    ),
    Method(
        "annealing, constant-1x + cosine-1x + wsd40-linear-1x",
        "annealing",
        ("constant-1x", "cosine-1x", "wsd40-linear-1x"),
    ),
    Method("annealing, 3 cosines", "annealing", COSINES),
    Method("Chinchilla, 2 cosines", "steps_power", COSINES[:2], "cosine"),
    Method(REFERENCE, "steps_power", COSINES, "cosine"),
    Method("Chinchilla, 6 cosines", "steps_power", SIX, "cosine"),
)
SIZED = "Chinchilla with sizes"  # the cosines of the base model, and every run of another size
READS = ["law", "identified"]  # columns that the analysis reads and no reader needs beside `method` and `note`
COLUMNS = ("method", "runs", "seed", "flops", "target", "predicted", "measured", "error", "seed_noise", "note", *READS)


def methods(experiment: Experiment) -> list[Method]:
    """Return METHODS and, where the experiment trained other sizes, the Chinchilla fit that reads those too."""
    sizes = tuple(experiment.role("size"))
    return [*METHODS, *([Method(SIZED, "chinchilla", (*COSINES, *sizes), "cosine")] if sizes else [])]


def targets(experiment: Experiment, method: Method) -> list[str]:
    """Return the kinds whose final loss `method` may be asked for, in order of their names."""
    base = experiment.base
    longest = max(experiment.curves[name].schedule.steps for name in method.runs)
    return [
        name
        for name, curve in sorted(experiment.curves.items())
        if name.startswith(method.targets)
        and name not in method.runs
        and same_model(curve, base)
        and curve.schedule.peak == base.schedule.peak
        and curve.schedule.steps >= max(longest, base.schedule.steps + 1)
    ]


def benchmark(experiment: Experiment) -> pd.DataFrame:
    """Return one row for every method whose runs exist, every seed of them, and every target.

    seed        of the fitted runs
    flops       training FLOPs of the runs that the fit consumed; fraction: of those of REFERENCE (nan: not run)
    predicted, measured   final loss, nats per token; error: predicted / measured - 1; both nan where not identified
    seed_noise  standard deviation of the measured loss over seeds, relative
    pareto      whether no cheaper method is closer to this target
    law         what was fitted; identified: whether its runs tell every parameter
    """
    rows = []
    for method in methods(experiment):
        if experiment.has(*method.runs):
            for seed in sorted(set.intersection(*(set(experiment.runs[name]) for name in method.runs))):
                rows += evaluate(experiment, method, seed)
    table = pd.DataFrame(rows, columns=COLUMNS)
    reference = table.loc[table["method"] == REFERENCE, "flops"]
    table.insert(4, "fraction", table["flops"] / (reference.iloc[0] if len(reference) else np.nan))
    table["pareto"] = False
    for _, rivals in table.groupby(["target", "seed"]):
        table.loc[rivals.index, "pareto"] = [on_front(row, rivals) for row in rivals.itertuples()]
    return table


def begun(curve: LossCurve, share: float) -> LossCurve:
    """Return the first `share` of a run."""
    if share == 1:
        return curve
    steps = round(share * curve.schedule.steps)
    cut = select(curve, curve.step <= steps) if (curve.step <= steps).any() else select(curve, [0])
    length = max(steps, cut.step[-1])
    return replace(
        cut,
        schedule=Schedule(curve.schedule.lr[:length], min(curve.schedule.warmup, length), curve.schedule.name),
        train_loss=None,
        grad_norm=None,
    )


def evaluate(experiment: Experiment, method: Method, seed: int) -> Iterable[dict]:
    """Fit `method` once to the runs of `seed` and yield a row for every target."""
    runs = [begun(experiment.runs[name][seed], method.share) for name in method.runs]
    options = {} if method.finals_only else {"warmup": experiment.warmup}
    law = laws.build(method.law, **options)
    seen = [final(run) if method.finals_only else run if method.share < 1 else settled(run) for run in runs]
    points, unknown = sum(run.step.size for run in seen), len(law.parameters)
    fitted = fit(law, seen) if points >= unknown else None
    relation = experiment.relations.get(SEED)
    for name in targets(experiment, method):
        target = other_seed(experiment.runs[name], seed)
        predicted = fitted.predict(final(target))[0] if fitted else np.nan
        yield {
            "method": method.name,
            "runs": " ".join(method.runs),
            "seed": seed,
            "flops": consumed(runs),
            "target": name,
            "predicted": predicted,
            "measured": target.final_loss,
            "error": predicted / target.final_loss - 1,
            "seed_noise": relation.relative if relation else np.nan,
            "note": "; ".join(fitted.warnings)
            if fitted
            else f"not identified: {points} points for {unknown} parameters",
            "law": method.law,
            "identified": fitted is not None and fitted.identified,
        }


def other_seed(runs: dict[int, LossCurve], seed: int) -> LossCurve:
    """The run of the next seed after `seed`, in a circle; of one seed alone, that."""
    others = sorted(runs, key=lambda s: (s <= seed, s))
    return runs[next((s for s in others if s != seed), seed)]


def on_front(row, rivals: pd.DataFrame) -> bool:
    """Whether no rival is at once as cheap and closer, or cheaper and as close."""
    flops, error = rivals["flops"], rivals["error"].abs()
    better = (flops <= row.flops) & (error <= abs(row.error)) & ((flops < row.flops) | (error < abs(row.error)))
    return bool(np.isfinite(row.error) and not better.any())


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for every method of a benchmark table: its cost, and its absolute errors over its targets.

    interval  95 % half-width of the mean error over seeds, by Student's t; nan of one seed
    """
    size = table.assign(error=table["error"].abs())
    found = (
        size.groupby(["method", "runs"], sort=False)
        .agg(
            flops=("flops", "first"),
            fraction=("fraction", "first"),
            targets=("target", "nunique"),
            seeds=("seed", "nunique"),
            mean_error=("error", "mean"),
            worst_error=("error", "max"),
            seed_noise=("seed_noise", "mean"),
            note=("note", "first"),
        )
        .reset_index()
    )
    each = size.groupby(["method", "seed"])["error"].mean()
    errors = [each[method].dropna() for method in found["method"]]
    found.insert(7, "interval", [over_seeds(values)[1] if len(values) > 1 else np.nan for values in errors])
    return found


def equal_error(table: pd.DataFrame) -> pd.DataFrame:
    """Return, for every identified Chinchilla method, the cheapest annealing method that is no worse on the same targets.

    Annealing fits that their runs do not identify do not count: one of them hits some target by chance.

    ratio        FLOPs of that annealing method / FLOPs of the Chinchilla method; nan where none is as close
    noise_ratio  the same when an error may be larger by what the seed changes (seed_noise)
    """
    size = table.assign(error=table["error"].abs())
    rows = []
    for name, own in size[size["law"] != "annealing"].groupby("method", sort=False):
        if own["error"].isna().any():
            continue
        identified = (size["law"] == "annealing") & size["identified"]
        rivals = size[identified & size["target"].isin(own["target"])]
        rivals = rivals.groupby("method").filter(lambda rows, own=own: set(rows["target"]) == set(own["target"]))
        means = rivals.groupby("method").agg(flops=("flops", "first"), error=("error", "mean")).sort_values("flops")
        error, flops, noise = own["error"].mean(), own["flops"].iloc[0], own["seed_noise"].mean()
        reached = means[means["error"] <= error]
        near = means[means["error"] <= error + np.nan_to_num(noise)]
        rows.append(
            {
                "method": name,
                "targets": " ".join(dict.fromkeys(own["target"])),
                "error": error,
                "flops": flops,
                "annealing": reached.index[0] if len(reached) else "none reaches it",
                "annealing_error": reached["error"].iloc[0] if len(reached) else np.nan,
                "ratio": reached["flops"].iloc[0] / flops if len(reached) else np.nan,
                "seed_noise": noise,
                "noise_annealing": near.index[0] if len(near) else "none reaches it",
                "noise_ratio": near["flops"].iloc[0] / flops if len(near) else np.nan,
            }
        )
    return pd.DataFrame(rows)


def cost_table(points: int = 100, spacing: int = 1000, annealing_steps: int = 50_000) -> pd.DataFrame:
    """Return what `points` fit points cost: the paper's Table 2 (Tissue et al. 2024), in steps and relative to cosines.

    Chinchilla needs one completed run for each point: at lengths spacing, 2 spacing, ..., points x spacing. WSD runs
    share the stable trunk of the longest and add one decay each. The annealing law reads its points along a curve.
    """
    lengths = spacing * np.arange(1, points + 1)
    steps = {"Chinchilla, cosines": lengths.sum()}
    for ratio in (0.2, 0.1):
        steps[f"Chinchilla, WSD {ratio:.0%} branches"] = (1 - ratio) * lengths[-1] + ratio * lengths.sum()
    steps["annealing law"] = annealing_steps
    table = pd.DataFrame({"method": list(steps), "steps": [float(s) for s in steps.values()]})
    return table.assign(fraction=table["steps"] / table["steps"].iloc[0])
