"""A schedule that was found, held against others by training them all: which ends lowest, and by how many seeds' spread?

    trial(curves, search) -> DataFrame      a row for every schedule, best first
    write_trial(folder, search) -> [Path]   trial.csv, laws.csv, the figure and trial.md into `folder`

The curves are those of conf/sweep/optimized.yaml: cells NAME-seedK, every schedule with the same seeds.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.pages.figure import Drawing, save
from analysis.pages.page import TEMPLATES
from analysis.pages.writer import show, write_page, write_tables
from analysis.trial.regret import cliff, regret
from losslaws import style
from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.curves.store import load_folder
from losslaws.search.optimize import LAW, Search
from losslaws.words import markdown

BASELINE = "cosine"
ENOUGH = 2.0  # standard deviations of one run's final loss by which a schedule must win


def by_schedule(curves: dict[str, LossCurve]) -> dict[str, list[LossCurve]]:
    """Return the runs of every schedule, by its line of the sweep; seeds in order. Raises InputError without the baseline or seeds."""
    groups: dict[str, list[LossCurve]] = {}
    for _, curve in sorted(curves.items()):
        groups.setdefault(curve.source["line"], []).append(curve)
    if BASELINE not in groups or any(len(runs) < 2 for runs in groups.values()):
        raise InputError(
            f"trial: needs at least two seeds of every schedule, '{BASELINE}' among them; got {', '.join(curves)}"
        )
    return groups


def trial(curves: dict[str, LossCurve], search: Search) -> pd.DataFrame:
    """Return what each schedule reached, what was predicted for it, and its gain over the baseline, lowest loss first.

    The spread is that of one run's final loss over seeds, pooled over the schedules. least_gain is the gain with the seed that
    shows the smallest one, seed against same seed.
    """
    groups = by_schedule(curves)
    losses = {name: np.array([run.final_loss for run in runs]) for name, runs in groups.items()}
    spread = spread_over_seeds(groups)
    base = losses[BASELINE]
    rows = [
        {
            "schedule": name,
            "seeds": values.size,
            "mean_loss": values.mean(),
            "predicted": predicted(search, groups[name][0]),
            "seed_std": spread,
            "gain": base.mean() - values.mean(),
            "gain_in_std": (base.mean() - values.mean()) / spread,
            "least_gain": np.min(base - values),
        }
        for name, values in losses.items()
    ]
    return pd.DataFrame(rows).sort_values("mean_loss", ignore_index=True)


def spread_over_seeds(groups: dict[str, list[LossCurve]]) -> float:
    """Return the standard deviation of one run's final loss over seeds, pooled over the schedules, nats per token."""
    return float(np.sqrt(np.mean([np.var([run.final_loss for run in runs], ddof=1) for runs in groups.values()])))


def predicted(search: Search, run: LossCurve) -> float:
    """Return the final loss that the search's law gives for `run`; a schedule from a file does not say that it warms up."""
    return float(search.fit.predict(Schedule(run.schedule.lr, search.warmup), run.step[-1:])[0])


def choice_of_law() -> pd.DataFrame:
    """Return the regret of every law, with the cliff of those that the search can minimise."""
    table = regret()
    laws = {LAW: LAW, "annealing": "annealing", "annealing_progress, p .7": "annealing_progress"}
    return table.assign(cliff=table["law"].map({name: cliff(law) for name, law in laws.items()}))


def schedules_and_losses(curves: dict[str, LossCurve]):
    """Left, the learning rates that were applied. Right, the second half of the loss curves, less the mean of the cosine: means and,
    shaded, the range over seeds."""
    figure = style.canvas(style.DOUBLE, 2.6)
    rates, losses = figure.subplots(1, 2)
    base = np.mean([run.loss for run in by_schedule(curves)[BASELINE]], axis=0)
    for name, runs in by_schedule(curves).items():
        late = runs[0].step > runs[0].schedule.steps / 2
        every = np.array([(run.loss - base)[late] for run in runs])
        (line,) = rates.plot(np.arange(1, runs[0].schedule.steps + 1), runs[0].schedule.lr, label=name)
        losses.plot(runs[0].step[late], every.mean(axis=0), label=name)
        losses.fill_between(runs[0].step[late], every.min(axis=0), every.max(axis=0), color=line.get_color(), alpha=0.2)
    rates.set(title="What was applied", xlabel="step", ylabel="learning rate")
    losses.set(title="What came of it", xlabel="step", ylabel=f"loss less that of {BASELINE} (nats/token)")
    rates.legend()
    ends = {name: np.mean([run.final_loss for run in runs]) for name, runs in by_schedule(curves).items()}
    first, second = sorted(ends, key=ends.get)[:2]
    gap, spread = ends[second] - ends[first], spread_over_seeds(by_schedule(curves))
    return style.headline(
        figure, f"{first} ends lowest, {gap:.3f} nats below {second}; the spread of one run over seeds is {spread:.3f}"
    )


def write_trial(folder: Path, search: Search) -> list[Path]:
    """Write the trial's tables, figure and page; return the pages' paths. Raises InputError where its curves are missing."""
    curves = load_folder(folder)
    tables = {"trial": trial(curves, search), "laws": choice_of_law()}
    write_tables(folder, tables, digits=6)
    drawing = save(schedules_and_losses, folder / "figures", 1, curves)
    return write_page(folder, "trial", render(tables["trial"], tables["laws"], search, curves, drawing))


def render(
    table: pd.DataFrame, laws: pd.DataFrame, search: Search, curves: dict[str, LossCurve], drawing: Drawing
) -> str:
    """Return the page of the trial as Markdown."""
    row = table.set_index("schedule")
    loss = {"mean_loss": ("mean final loss", ".4f"), "predicted": ("predicted", ".4f")}
    gain = {
        "gain": (f"gain over {BASELINE}", ".4f"),
        "gain_in_std": ("in seed std", ".1f"),
        "least_gain": ("least, seed by seed", ".4f"),
    }
    regrets = {
        "mean_regret": ("mean regret", ".4f"),
        "worst_regret": ("worst", ".4f"),
        "rank_correlation": ("rank correlation", ".2f"),
    }
    return TEMPLATES.get_template("trial/trial.md.j2").render(
        table=markdown(table, {"schedule": ("schedule", ""), "seeds": ("seeds", "d")} | loss | gain),
        laws=markdown(
            laws, {"law": ("law", ""), "fitted_to": ("fitted to", "")} | regrets | {"cliff": ("cliff", ".3f")}
        ),
        figure=show(drawing),
        found=row.loc["found"],
        baseline=BASELINE,
        enough=ENOUGH,
        rivals=[
            (name, row.loc["found", "gain"] - row.loc[name, "gain"])
            for name in row.index
            if name not in ("found", BASELINE)
        ],
        search=search,
        steps=next(iter(curves.values())).schedule.steps,
        choices=int(laws["choices"].max()),
    )
