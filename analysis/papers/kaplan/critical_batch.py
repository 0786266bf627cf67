"""The critical batch from runs of one size with several batches, as Kaplan et al. 2020 (Sec. 5.1) and McCandlish et al. 2018 have it.

    critical_batches(runs) -> Batches

At a fixed loss, S steps of B tokens see E = B S tokens, and (S / S_min - 1)(E / E_min - 1) = 1, which is S = S_min + E_min / B:
a straight line in 1 / B; of several rates the one that needs fewest steps counts. The critical batch is E_min / S_min; over losses it follows B* / L^(1 / alpha_B), whatever the size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from losslaws.curves import InputError, LossCurve
from losslaws.fitting import Fit, fit
from losslaws.laws import build

LEVELS = 9  # losses at which the steps are compared
DRAWS = 200


@dataclass(frozen=True, eq=False)
class Batches:
    """What runs with several batches say of the critical one.

    points    a row for every size and loss: N, loss, S_min, E_min, critical (tokens), misfit (the largest relative one of S)
    steps     a row for every run and loss: run, N, batch, loss, steps
    found     B* (tokens), alpha_B, and the exponent of N in B* L^(-1 / alpha_B) N^p, with which B* and alpha_B do without
    draws     the same under reweighted runs, [DRAWS, 3]; nan where some loss has no critical batch: fewer tokens with larger
              batches, or no fewer steps
    """

    points: pd.DataFrame
    steps: pd.DataFrame
    found: np.ndarray
    draws: np.ndarray

    @property
    def scale(self) -> float:
        """B* in tokens: the critical batch at a loss of 1, far outside what was measured."""
        return float(self.found[0])

    @property
    def alpha(self) -> float:
        """alpha_B."""
        return float(self.found[1])

    def interval(self, which: int, level: float = 0.95) -> tuple[float, float]:
        """Return the central interval of `found[which]` that holds `level` of the draws that have one."""
        low, high = np.nanquantile(self.draws[:, which], [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    @property
    def note(self) -> str:
        """What was resampled, in a sentence for tables and captions."""
        lost = np.isnan(self.draws[:, 1]).mean()
        said = f"{len(self.draws)} weightings of {self.steps['run'].nunique()} runs"
        return said + (f"; {lost:.0%} of them have no critical batch" if lost else "")


def critical_batches(runs: Sequence[LossCurve], seed: int = 0) -> Batches:
    """Return the critical batch of `runs`, each at one rate and without its warm-up, by size and loss.

    Steps to a loss are read from a power law of the steps fitted to each run, since single losses scatter. Draws weight the
    runs by Dirichlet(1, ..., 1), as `fitting.bootstrap` does. Raises InputError for a size with fewer than three batches.
    """
    steps = pd.concat([reached(group) for group in by_size(runs)], ignore_index=True)
    equal = dict.fromkeys(steps["run"].unique(), 1.0)
    points = trade(steps, equal)
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(len(equal)), DRAWS) * len(equal)
    draws = [power(trade(steps, dict(zip(equal, drawn, strict=True)))) for drawn in weights]
    return Batches(points, steps, power(points), np.array(draws))


def by_size(runs: Sequence[LossCurve]) -> list[list[LossCurve]]:
    """Return the runs of each size, smallest first. Raises InputError where fewer than three batches tell nothing."""
    sizes = sorted({run.parameters["non_embedding"] for run in runs})
    groups = [[run for run in runs if run.parameters["non_embedding"] == size] for size in sizes]
    for size, group in zip(sizes, groups, strict=True):
        if len({run.tokens_per_step for run in group}) < 3:
            raise InputError(f"critical batch: the size {size:,} has fewer than three batches; train more of them")
    return groups


def reached(runs: list[LossCurve]) -> pd.DataFrame:
    """Return the steps at which each batch, at the best of its rates, reaches LEVELS losses that all batches pass; one size."""
    fits = [(run, fit(build("steps_power"), [run])) for run in runs]
    ends = pd.DataFrame(
        [(run.tokens_per_step, found.predict(run)[0], found.predict(run)[-1]) for run, found in fits],
        columns=["batch", "first", "last"],
    ).groupby("batch")
    high, low = ends["first"].max().min(), ends["last"].min().max()
    if low >= high:
        raise InputError(f"critical batch: the batches of {', '.join(run.name for run in runs)} pass no common loss")
    rows = [
        (run.name, run.parameters["non_embedding"], run.tokens_per_step, loss, step_of(found, loss))
        for loss in np.linspace(low, high, LEVELS)
        for run, found in fits
        if loss >= found.predict(run)[-1]
    ]
    table = pd.DataFrame(rows, columns=["run", "N", "batch", "loss", "steps"])
    return table.loc[table.groupby(["loss", "batch"])["steps"].idxmin()]


def step_of(found: Fit, loss: float) -> float:
    """Return the step at which a power law of the steps comes to `loss`."""
    p = found.params
    return (p["A"] / (loss - p["L0"])) ** (1 / p["alpha"])


def trade(steps: pd.DataFrame, weight: dict[str, float]) -> pd.DataFrame:
    """Return S_min and E_min of every size and loss: least squares of the relative error of S = S_min + E_min / B."""
    rows = []
    for (size, loss), group in steps.groupby(["N", "loss"], sort=True):
        S, B = group["steps"].to_numpy(), group["batch"].to_numpy()
        columns = np.column_stack([1 / S, 1 / (B * S)])
        root, scale = np.sqrt(group["run"].map(weight).to_numpy()), np.linalg.norm(columns, axis=0)
        found = nnls(columns / scale * root[:, None], root)[0] / scale
        rows.append(
            (size, loss, *found, found[1] / found[0] if found[0] else np.inf, np.abs(columns @ found - 1).max())
        )
    return pd.DataFrame(rows, columns=["N", "loss", "S_min", "E_min", "critical", "misfit"])


def power(points: pd.DataFrame) -> np.ndarray:
    """Return B*, alpha_B and the exponent of N from the critical batches of all sizes; nan where some are not finite."""
    critical, size = points["critical"].to_numpy(), np.log(points["N"].to_numpy(dtype=float))
    if not np.all(np.isfinite(critical) & (critical > 0)):
        return np.full(3, np.nan)
    columns = np.column_stack([np.ones(size.size), np.log(points["loss"]), size - size.mean()])
    scale, slope = np.linalg.lstsq(columns[:, :2], np.log(critical), rcond=None)[0]
    by_size = np.linalg.lstsq(columns, np.log(critical), rcond=None)[0][2]
    return np.array([np.exp(scale), -1 / slope, by_size])
