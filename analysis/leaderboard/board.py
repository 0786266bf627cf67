"""Every procedure on every cell.

    measure(results) -> DataFrame          a row for every cell, procedure and way of scoring: every split by itself
    leaderboard(splits) -> DataFrame       medians over the splits -> leaderboard.csv, COLUMNS
    spread(splits) -> DataFrame            median and 90th percentile over the splits -> spread.csv

Metrics are means over the test curves, as in the Multi-Power repository. Points "all" are all logged ones, "new" those after the
fork from every fit curve; a test curve without new points counts for "all" only.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple
from functools import cache
from itertools import combinations
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.fitting import select
from analysis.leaderboard.datasets import Group, groups
from analysis.leaderboard.procedures import PROCEDURES, Procedure, learn, predict
from analysis.leaderboard.protocols import Cell, cells
from analysis.metrics import Score, score
from curves import InputError, LossCurve

WORKERS = 2
CERTAIN = 1.96 * np.sqrt(2)  # noises by which two final losses must differ for one schedule to be the better one
KEYS = ["dataset", "size", "protocol", "scored", "law"]
METRICS = ["R2", "MAE", "RMSE", "PredE", "WorstE", "final_error"]
COLUMNS = [*KEYS, "parameters", "fit_curves", *METRICS, "rank_accuracy", "fit_ms", "compute_fraction"]


def measure(results: Path | str, names=tuple(PROCEDURES), only=None) -> pd.DataFrame:
    """Return a row for every cell, procedure and way of scoring, with the fit curves in the column `split`.

    results  the folder with own runs; progress goes to standard error
    """
    known = all_groups(str(results))
    tasks = [(str(results), i, name) for i, group in enumerate(known) if only is None or group.dataset in only for name in names]
    tasks.sort(key=lambda task: -len(known[task[1]].curves))
    with ProcessPoolExecutor(WORKERS) as pool:
        parts = list(tqdm(pool.map(task_rows, tasks), total=len(tasks), desc="leaderboard", leave=False))
    return pd.DataFrame([row for part in parts for row in part])


@cache
def all_groups(results: str) -> list[Group]:
    return groups(results)


def task_rows(task) -> list[dict]:
    results, i, name = task
    known = all_groups(results)
    return list(group_rows(known[i], PROCEDURES[name], known))


def group_rows(group: Group, procedure: Procedure, known: list[Group]) -> Iterator[dict]:
    """Yield the rows of one procedure on one group; `known` are the groups that priors may be learned from."""
    priors = [learn(part, known, group.family) for part in procedure.parts]
    features = cache(lambda name: [part.law.features([group.curves[name]]) for part in procedure.parts])
    for cell in cells(group):
        yield from cell_rows(cell, procedure, priors, features)


def cell_rows(cell: Cell, procedure: Procedure, priors, features) -> Iterator[dict]:
    """Yield the rows of one cell, scored on all points and on the new ones."""
    began = process_time()
    try:
        fits = [part.fit(cell.fit, prior) for part, prior in zip(procedure.parts, priors, strict=True)]
        spent = 1000 * (process_time() - began)
        predicted = [predict(fits, features(test.name)) for test in cell.tests]
    except InputError:  # a law that is not defined on these curves
        return
    about = {
        "dataset": cell.group.dataset,
        "size": cell.group.size,
        "protocol": cell.protocol,
        "law": procedure.name,
        "parameters": sum(len(fit.free) for fit in fits),
        "fit_curves": len(cell.fit),
        "split": " ".join(curve.name for curve in cell.fit),
        "rank_accuracy": rank_accuracy(cell, predicted),
        "fit_ms": spent,
        "compute_fraction": cell.compute_fraction,
    }
    for scored, masks in (("all", [test.step > 0 for test in cell.tests]), ("new", new(cell))):
        scores = [
            score(loss[keep], test.loss[keep])
            for loss, test, keep in zip(predicted, cell.tests, masks, strict=True)
            if keep.any()
        ]
        if scores:
            yield about | {"scored": scored, "curves": len(scores)} | dict(zip(METRICS, means(scores), strict=True))


def new(cell: Cell) -> list[np.ndarray]:
    """Return which points of each test lie after the fork from every fit curve."""
    return [test.step > fork for test, fork in zip(cell.tests, cell.forks, strict=True)]


def means(scores: list[Score]) -> list[float]:
    """Return the mean of every metric over curves; R2, undefined for one point, over those that have it."""
    table = np.array([astuple(s) for s in scores])
    return [float(np.mean(column[np.isfinite(column)])) if np.isfinite(column).any() else np.nan for column in table.T]


def rank_accuracy(cell: Cell, predicted: list[np.ndarray]) -> float:
    """Return of how many pairs of tests of equal length the better is told; nan without a pair that differs beyond the noise."""
    right = [
        (a[-1] < b[-1]) == (one.final_loss < two.final_loss)
        for (a, one), (b, two) in combinations(zip(predicted, cell.tests, strict=True), 2)
        if differ(one, two, cell.group.noise)
    ]
    return float(np.mean(right)) if right else np.nan


def differ(one: LossCurve, two: LossCurve, noise: float) -> bool:
    """Whether two runs of equal length end further apart than runs under one schedule do."""
    apart = abs(one.final_loss / two.final_loss - 1) > CERTAIN * noise
    return apart and one.schedule.steps == two.schedule.steps


def leaderboard(splits: pd.DataFrame) -> pd.DataFrame:
    """Return the table of the issue: of every cell, the median over its splits; of rank_accuracy, the mean."""
    how = dict.fromkeys([*METRICS, "parameters", "fit_curves", "fit_ms", "compute_fraction"], "median")
    table = splits.groupby(KEYS, sort=False).agg(how | {"rank_accuracy": "mean"}).reset_index()
    return table.astype({"parameters": int, "fit_curves": int})[COLUMNS]


def spread(splits: pd.DataFrame) -> pd.DataFrame:
    """Return how much the errors of every cell depend on the split."""
    by = splits.groupby(KEYS, sort=False)
    columns = {"splits": by.size()}
    for metric in ("PredE", "final_error"):
        columns[f"{metric}_median"], columns[f"{metric}_p90"] = by[metric].median(), by[metric].quantile(0.9)
    return pd.DataFrame(columns).reset_index()
