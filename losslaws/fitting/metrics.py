"""How far predicted losses are from measured ones."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass

import numpy as np

from losslaws.curves import InputError


@dataclass(frozen=True)
class Score:
    """Errors of one predicted curve. Losses in nats per token; relative errors are fractions of the measured loss, >= 0.

    r2           1 - residual / total sum of squares; nan where all measured losses are equal
    mae          mean absolute error
    rmse         root mean squared error
    mean_error   mean relative error (PredE)
    worst_error  largest relative error (WorstE)
    final_error  relative error of the last point
    """

    r2: float
    mae: float
    rmse: float
    mean_error: float
    worst_error: float
    final_error: float


def r_squared(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Return 1 - residual / total sum of squares, over all points; nan where all measured losses are equal."""
    total = np.sum((measured - measured.mean()) ** 2)
    return float(1 - np.sum((predicted - measured) ** 2) / total) if total > 0 else float("nan")


def score(predicted: np.ndarray, measured: np.ndarray) -> Score:
    """Compare predicted with measured losses, [n] each, in order of the step. Raises InputError for unequal or no points."""
    predicted, measured = np.asarray(predicted, dtype=float), np.asarray(measured, dtype=float)
    if predicted.shape != measured.shape or measured.ndim != 1 or measured.size == 0:
        raise InputError(
            f"score: needs one predicted loss per measured one, got shapes {predicted.shape} and {measured.shape}"
        )
    error = np.abs(predicted - measured)
    relative = error / measured
    return Score(
        r2=r_squared(predicted, measured),
        mae=float(error.mean()),
        rmse=float(np.sqrt(np.mean(error**2))),
        mean_error=float(relative.mean()),
        worst_error=float(relative.max()),
        final_error=float(relative[-1]),
    )


def average(scores: Iterable[Score]) -> Score:
    """Return the mean of every metric over curves, as the published tables do."""
    table = [astuple(s) for s in scores]
    if not table:
        raise InputError("score: there is no curve to average over")
    return Score(*np.mean(table, axis=0).tolist())
