"""What laws read of a schedule: the rates as they count them, their drops, and sums up to a step. A shared part, not a law."""

import numpy as np

from losslaws.curves import InputError, Schedule
from losslaws.curves.errors import nearest

WARMUPS = ("as-peak", "true", "full")


def rates_and_drops(schedule: Schedule, warmup: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rate of every step and its drop from the step before, [T] each, as the law counts them.

    warmup  "as-peak": steps of the warm-up count at the peak rate (Tissue et al.);
            "true": at their real rate, and drops count after the warm-up only;
            "full": at their real rate, and the rises of the warm-up count as negative drops.
    The first step has no drop under any of them.
    """
    if warmup not in WARMUPS:
        raise InputError(
            f"law option warmup='{warmup}' is unknown{nearest(warmup, WARMUPS)} (known: {', '.join(WARMUPS)})"
        )
    rate = schedule.lr
    if warmup == "as-peak":
        rate = rate.copy()
        rate[: schedule.warmup] = schedule.peak
    drop = drops(rate)
    if warmup == "true":
        drop[: schedule.warmup] = 0.0
    return rate, drop


def drops(rate: np.ndarray) -> np.ndarray:
    """Return by how much the rate of every step lies below that of the step before, [T]; the first step has no drop."""
    drop = np.empty_like(rate)
    drop[:1] = 0.0
    np.subtract(rate[:-1], rate[1:], out=drop[1:])
    return drop


def up_to(step: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum of `values` [T] over the steps 1..s for every s in `step` [n], rising.

    The sums between one point and the next are taken first and then added up: one pass over T, and no array of T running sums.
    """
    return np.add.reduceat(values[: step[-1]], np.concatenate([[0], step[:-1]])).cumsum()
