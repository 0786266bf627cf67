"""Public runs, healthy and damaged on purpose: what `losslaws watch` is tried on.

runs()                  healthy ones, of every group at most MOST drawn evenly
DAMAGES                 by kind: the sizes, and the function that damages the losses of a run from a step on
damaged(run, kind, size)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.curves.public import groups, modded_nanogpt
from losslaws.forecast import calibration
from losslaws.forecast.fitted import fit_runs
from losslaws.forecast.watch import Watcher

MOST = 6  # runs of a group
LONGEST = 40  # runs of a group that holds every length and shape at each of many peak rates
SEEDS = 4  # of an optimiser of modded-nanogpt
LOSSES = 20  # that a watch needs to have looked at
BEGINS = 0.5  # share of the losses behind which a damage begins
FADES = 2.0  # losses in which a spike falls to a third, and other data to a third of their difference


@dataclass(frozen=True, eq=False)
class Run:
    """A public run: who trained it, its group, the optimiser as a watch is told it, and its losses."""

    authors: str
    group: str
    optimiser: str
    curve: LossCurve


def runs() -> Iterator[Run]:
    """Yield the healthy runs that are long enough to be watched."""
    for group in groups():
        optimiser = group.optimiser if group.rate == "absolute" else "unknown"
        curves = [curve for curve in group.curves.values() if enough(curve)]
        most = LONGEST if len(curves) > 100 else MOST
        for i in np.unique(np.linspace(0, len(curves) - 1, most).round().astype(int)) if curves else ():
            yield Run(group.authors, group.name, optimiser, curves[i])
    for name, seeds in modded_nanogpt().items():
        second = [curve for curve in seeds.values() if curve.role == "noise" and enough(curve)]
        yield from (Run("Jordan et al.", f"modded-nanogpt {name}", "unknown", curve) for curve in second[:SEEDS])


def enough(curve: LossCurve) -> bool:
    """Whether a watch has something to look at for LOSSES losses."""
    try:
        return curve.step.size - Watcher().first(curve) >= LOSSES
    except InputError:
        return False


def begin(curve: LossCurve) -> int:
    """Return the place of the first damaged loss."""
    first = Watcher().first(curve)
    return first + int(BEGINS * (curve.step.size - first))


def stays(run: Run, k: int, size: float) -> np.ndarray:
    """The loss jumps up and stays there."""
    return np.full(run.curve.step.size - k, 1 + size)


def recovers(run: Run, k: int, size: float) -> np.ndarray:
    """The loss jumps up and is back after some losses: no damage, but a watch should not take it for one."""
    return 1 + size * np.exp(-np.arange(run.curve.step.size - k) / FADES)


def drifts(run: Run, k: int, size: float) -> np.ndarray:
    """The loss rises slowly above what it would have been, by `size` at the end of the run."""
    return 1 + size * np.arange(1, run.curve.step.size - k + 1) / (run.curve.step.size - k)


def other_data(run: Run, k: int, size: float) -> np.ndarray:
    """The data change, and with them within some losses the level of the loss."""
    return 1 + size * (1 - np.exp(-np.arange(1, run.curve.step.size - k + 1) / FADES))


def wrong_rate(run: Run, k: int, size: float) -> np.ndarray:
    """The rates that are applied are `size` times those that are logged; what this does to the loss the law of the whole run says."""
    seen, schedule = run.curve, run.curve.schedule
    fitted = fit_runs([seen], calibration.learned(), run.optimiser)
    lr = schedule.lr.copy()
    lr[seen.step[k - 1] :] *= size  # below the peak, at which the law states its parameters
    wrong = Schedule(lr, schedule.warmup, schedule.name)
    return fitted.losses(wrong, seen.step[k:])[0] / fitted.losses(schedule, seen.step[k:])[0]


Damage = Callable[[Run, int, float], np.ndarray]
DAMAGES: dict[str, tuple[tuple[float, ...], Damage]] = {
    "spike that stays": ((0.005, 0.01, 0.03), stays),
    "spike that recovers": ((0.03, 0.1), recovers),
    "slow drift": ((0.01, 0.03), drifts),
    "other data": ((-0.03, -0.01, 0.01, 0.03), other_data),
    "wrong rate": ((0.3, 0.5), wrong_rate),
}


def damaged(run: Run, kind: str, size: float) -> LossCurve:
    """Return the losses of `run` with a damage from the middle on."""
    k = begin(run.curve)
    loss = run.curve.loss.copy()
    loss[k:] *= DAMAGES[kind][1](run, k, size)
    return replace(run.curve, loss=loss)
