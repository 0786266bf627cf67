"""Every procedure on every cell.

    board = Board(results)                 the groups, and what each procedure knows of them beforehand
    board.splits() -> DataFrame            a row for every cell, procedure and way of scoring: every split by itself
    leaderboard(splits) -> DataFrame       medians over the splits -> leaderboard.csv, COLUMNS
    spread(splits) -> DataFrame            median and 90th percentile over the splits -> spread.csv

Metrics are means over the test curves, as in the Multi-Power repository. Points "all" are all logged ones, "new" those after the
fork from every fit curve; a test curve without new points counts for "all" only. A law that is not defined on the curves of
a cell has no row there.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple
from functools import cache, cached_property, partial
from itertools import combinations
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.leaderboard import procedures
from analysis.leaderboard.datasets import groups
from analysis.leaderboard.procedures import PROCEDURES, SELECTION, Beforehand, Priors, Procedure, SourceFits
from analysis.leaderboard.protocols import Cell, cells, trained
from losslaws.curves import InputError, LossCurve
from losslaws.curves.public import Group
from losslaws.fitting import Fit
from losslaws.fitting.metrics import Score, score

CERTAIN = 1.96 * np.sqrt(2)  # noises by which two final losses must differ for one schedule to be the better one
KEYS = ["dataset", "size", "protocol", "scored", "law"]
METRICS = ["R2", "MAE", "RMSE", "PredE", "WorstE", "final_error"]
COST = ["fit_ms", "prior_ms", "compute_fraction", "prior_fraction"]
COLUMNS = [*KEYS, "parameters", "fit_curves", *METRICS, "rank_accuracy", *COST]


class Board:
    """The groups of curves and the procedures, and the ways to try each of these on each of those, in parallel.

    results     the folder with own runs, read anew by every worker
    procedures  default: every entry
    """

    def __init__(self, results: Path | str, procedures: Sequence[Procedure] = tuple(PROCEDURES.values())):
        self.results, self.procedures = Path(results), procedures
        self.groups = all_groups(self.results)

    def everywhere(self, ask: Callable, what: str, tasks: Sequence[tuple]) -> list:
        """Return ask(group, ...) for every task (place of the group, procedure, ...), in order; progress on standard error."""
        with ProcessPoolExecutor() as pool:
            answers = pool.map(partial(work, self.results, ask), tasks)
            return list(tqdm(answers, total=len(tasks), desc=what, leave=False))

    @cached_property
    def source_fits(self) -> dict[str, list[tuple[Group, SourceFits, float]]]:
        """The fits to each group of SELECTION from which priors are learned and their milliseconds, by the procedure's name."""
        tellers = [i for i, group in enumerate(self.groups) if group.dataset in SELECTION]
        tasks = [(i, p) for p in self.procedures if any(part.known for part in p.parts) for i in tellers]
        found = {p.name: [] for p in self.procedures}
        answers = self.everywhere(source_fits, "priors", tasks) if tasks else []
        for (i, p), fits in zip(tasks, answers, strict=True):
            found[p.name].append((self.groups[i], *fits))
        return found

    def beforehand(self, procedure: Procedure, group: Group, apart: str = "authors") -> Beforehand:
        """Return what the procedure knows beforehand of the curves of `group`: from all of other authors, or of another "name"."""
        others = [told for told in self.source_fits[procedure.name] if getattr(told[0], apart) != getattr(group, apart)]
        priors = procedures.priors_for(procedure, [(source, fits) for source, fits, _ in others], group)
        spent = sum(size(source) * trained(procedures.taught(procedure, source)) for source, _, _ in others)
        return Beforehand(priors, spent / size(group), sum(ms for _, _, ms in others))

    def splits(self) -> pd.DataFrame:
        """Return a row for every cell, procedure and way of scoring; the column `split` names the fit curves."""
        biggest_first = sorted(range(len(self.groups)), key=lambda i: -len(self.groups[i].curves))
        tasks = [(i, p, self.beforehand(p, self.groups[i])) for i in biggest_first for p in self.procedures]
        answers = zip(tasks, self.everywhere(group_rows, "cells", tasks), strict=True)
        in_order = sorted(answers, key=lambda answer: answer[0][0])
        return pd.DataFrame([row for _, rows in in_order for row in rows])


all_groups = cache(groups)


def work(results: Path, ask: Callable, task: tuple):
    """Ask about one group, in a worker."""
    place, procedure, *rest = task
    group = all_groups(results)[place]
    return ask(group, procedures.of_model(procedure, group), *rest)


def size(group: Group) -> float:
    """Return the FLOPs of a step of the group's model, in the usual estimate 6 N per token."""
    return 6.0 * group.parameters * group.tokens_per_step


def source_fits(group: Group, procedure: Procedure) -> tuple[SourceFits, float]:
    """Return the fits of the procedure to the group, and the milliseconds of CPU time that they took."""
    began = process_time()
    fits = procedures.source_fits(procedure, group)
    return fits, 1000 * (process_time() - began)


def group_rows(group: Group, procedure: Procedure, beforehand: Beforehand) -> list[dict]:
    """Return the rows of one procedure on every cell of one group. Cells that fit the same curves share the fit."""
    read = cache(lambda name: procedures.features(procedure, group.curves[name]))
    known = {}
    rows = []
    for cell in cells(group):
        seen = tuple((curve.name, curve.step.size) for curve in cell.fit)
        try:
            if seen not in known:
                known[seen] = timed(procedure, cell, beforehand.priors)
            rows += [row | costs(cell, beforehand) for row in cell_rows(cell, procedure, *known[seen], read)]
        except InputError:  # the law is not defined on these curves
            pass
    return rows


def costs(cell: Cell, beforehand: Beforehand) -> dict[str, float]:
    """Return what the runs took that were fitted and that taught the priors, as a share of those predicted, and the fits to the latter."""
    prior = beforehand.steps / trained(cell.tests)
    return {
        "prior_ms": beforehand.ms,
        "compute_fraction": cell.compute_fraction + prior,
        "prior_fraction": prior,
    }


def timed(procedure: Procedure, cell: Cell, priors: Priors) -> tuple[list[Fit], float]:
    """Return the fits to the curves of the cell, and the milliseconds of CPU time that they took."""
    began = process_time()
    fits = procedures.fitted(procedure, cell.fit, priors)
    return fits, 1000 * (process_time() - began)


def cell_rows(cell: Cell, procedure: Procedure, fits: list[Fit], spent: float, read: Callable) -> Iterator[dict]:
    """Yield the rows of one cell, scored on all points and on the new ones; `read` gives the features of a curve by name."""
    predicted = [procedures.predict(fits, read(test.name)) for test in cell.tests]
    about = {
        "dataset": cell.group.dataset,
        "size": cell.group.size,
        "authors": cell.group.authors,
        "asks": cell.asks,
        "protocol": cell.protocol,
        "law": procedure.name,
        "parameters": sum(len(fit.free) for fit in fits),
        "fit_curves": len(cell.fit),
        "split": " ".join(curve.name for curve in cell.fit),
        "test_peak": cell.tests[0].schedule.peak,
        "rank_accuracy": rank_accuracy(cell, predicted),
        "fit_ms": spent,
    }
    for scored in ("all", "new"):
        scores = list(scores_of(cell, predicted, scored))
        if scores:
            yield about | {"scored": scored, "curves": len(scores)} | dict(zip(METRICS, means(scores), strict=True))


def scores_of(cell: Cell, predicted: list[np.ndarray], scored: str) -> Iterator[Score]:
    """Yield the score of every test that has such points."""
    for test, fork, loss in zip(cell.tests, cell.forks, predicted, strict=True):
        keep = test.step > (fork if scored == "new" else 0)
        if keep.any():
            yield score(loss[keep], test.loss[keep])


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
    """Return one row for every cell of the table: the median over its splits; of rank_accuracy, the mean."""
    medians = [*METRICS, "parameters", "fit_curves", *COST]
    how = dict.fromkeys(medians, "median") | {"rank_accuracy": "mean"}
    table = splits.groupby(KEYS, sort=False).agg(how).reset_index()
    return table.astype({"parameters": int, "fit_curves": int})[COLUMNS]


def spread(splits: pd.DataFrame) -> pd.DataFrame:
    """Return how much the errors of every cell depend on the split."""
    by = splits.groupby(KEYS, sort=False)
    columns = {"splits": by.size()}
    for metric in ("PredE", "final_error"):
        columns |= {f"{metric}_median": by[metric].median(), f"{metric}_p90": by[metric].quantile(0.9)}
    return pd.DataFrame(columns).reset_index()
