"""Whole runs of a model, forecast from runs of smaller ones alone: `python -m analysis calibrate`.

Of every public set-up whose sizes were trained alike: each size with two smaller ones or more is forecast from the runs of the four smaller sizes nearest
to it, at every evaluation. Parameters, priors and widths see nothing of the model itself; the form of the law was chosen with all sizes in view, so errors are somewhat optimistic. Priors come from other groups of authors, and so do the widths of intervals. The sizes of the
annealing paper are no ladder: each is a set-up of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.calibration.calibrate import checked, without
from analysis.pages.writer import write_page, write_tables
from losslaws.curves import LossCurve
from losslaws.curves.public import Group, groups
from losslaws.forecast.ladder import Model, fit_ladder
from losslaws.forecast.prior import RELATIVE, Told, adams, fitted_points
from losslaws.words import markdown

LADDERS = ("olmo-ladder", "mpl", "slimpajama-scaling", "openwebtext2-scaling", "gemstones")
BELOW = 4  # sizes that are seen, at most
RUNS = 5  # of a model, seen or asked about, evenly drawn
ASKED = 6  # sizes of a data set that are asked about, evenly drawn
LATE = 0.2  # of a run, from which on its errors count


def ladders(dataset: str) -> Iterator[tuple[list[Group], Group]]:
    """Yield the smaller models that are seen, and the one that is asked about."""
    models = sorted(groups(dataset), key=lambda group: group.parameters)
    for i in np.unique(np.linspace(2, len(models) - 1, ASKED).round().astype(int)) if len(models) > 2 else ():
        yield models[max(0, i - BELOW) : i], models[i]


def runs(group: Group) -> list[LossCurve]:
    """Return some runs of a group, evenly drawn, with losses enough to be read."""
    every = [curve for curve in group.curves.values() if curve.step.size > RUNS]
    return [every[i] for i in np.unique(np.linspace(0, len(every) - 1, RUNS).round().astype(int))]


def errors(told: Sequence[Told]) -> pd.DataFrame:
    """Return a row for every run that is asked about: columns as of `calibrate.errors`, and late_error and worst_error, from LATE of the run on.

    Priors come from other authors than its own. Rows are repeated for every other group of authors, in `also`, as if their priors
    had been left out too: two sizes tell more than priors do.
    """
    rows = []
    for dataset in LADDERS:
        for smaller, asked in tqdm(list(ladders(dataset)), desc=dataset, leave=False):
            optimiser = asked.optimiser if asked.rate == "absolute" else RELATIVE
            seen = [replace(curve, name=f"{group.size} {curve.name}") for group in smaller for curve in runs(group)]
            model = Model(asked.parameters, asked.tokens_per_step)
            fitted = fit_ladder(seen, model, without(told, asked.authors), optimiser)
            for curve in runs(asked):
                late = fitted_points(curve)
                loss, spread = fitted.losses(curve.schedule, late.step)
                error = (loss / late.loss - 1)[late.step >= LATE * late.step[-1]]
                rows.append(
                    {
                        "authors": asked.authors,
                        "dataset": dataset,
                        "size": asked.size,
                        "kind": "ladder",
                        "stage": fitted.stage,
                        "adam": adams(optimiser),
                        "smaller": " ".join(group.size for group in smaller),
                        "target": curve.name,
                        "error": error[-1],
                        "late_error": np.abs(error).mean(),
                        "worst_error": np.abs(error).max(),
                        "spread": spread[-1],
                    }
                )
    once = pd.DataFrame(rows)
    names = once["authors"].unique()
    return pd.concat([once.assign(also=""), *(once[once["authors"] != name].assign(also=name) for name in names)])


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every model that was asked about, per cent."""
    check = checked(table)
    check = check.assign(error=check["error"].abs())
    by = check.groupby(["dataset", "size", "smaller"], sort=False)
    found = 100 * by.agg(
        late_error=("late_error", "mean"),
        worst_error=("worst_error", "max"),
        final_error=("error", "mean"),
        half_width=("half", "mean"),
        coverage=("inside", "mean"),
    )
    found.insert(0, "runs", by.size())
    return found.reset_index()


def write(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write ladder.csv, ladder_cases.csv and the page into `folder`; return the pages."""
    check = checked(table).drop(columns=["also", "adam", "kind", "stage"])
    found = summary(table)
    write_tables(folder, {"ladder": found, "ladder_cases": check}, digits=5)
    columns = {
        "dataset": ("data set", "s"),
        "size": ("forecast", "s"),
        "smaller": ("from", "s"),
        "runs": ("runs", "d"),
        "late_error": ("mean error", ".2f"),
        "worst_error": ("largest", ".2f"),
        "final_error": ("at the end", ".2f"),
        "half_width": ("half-width", ".2f"),
        "coverage": ("coverage", ".0f"),
    }
    olmo = (
        100
        * check[check["dataset"] == "olmo-ladder"].set_index("target")[["late_error", "worst_error", "error", "half"]]
    ).reset_index()
    text = [
        "# A model from smaller ones",
        __doc__.split("\n\n", 1)[1].strip(),
        "## All ladders",
        "Errors in per cent, from a fifth of each run on: mean, largest of any evaluation of any run, and at the end; half-width and coverage of the 90 % intervals of the end.",
        markdown(found, columns),
        "## The 760M model of the OLMo ladder, by length",
        markdown(
            olmo,
            {
                "target": ("run", "s"),
                "late_error": ("mean error", ".2f"),
                "worst_error": ("largest", ".2f"),
                "error": ("at the end", "+.2f"),
                "half": ("half-width", ".2f"),
            },
        ),
    ]
    return write_page(folder, "ladder", "\n\n".join(text) + "\n")
