"""Logs from which nothing should be forecast: `refuse(curves)` says in one line which, and what would help."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from losslaws.curves import InputError, LossCurve
from losslaws.curves.runs import settled
from losslaws.forecast.prior import ADAM, RELATIVE

LATE, LATER = (
    0.1,
    0.5,
)  # of the seen steps before the first loss: from the first on it is said, from the second on refused
BLOWN = 1.1  # times the lowest loss before
JUMP = 1.05  # from one stretch of the log to the next, while the rate does not rise; down: beyond what it fell by before, while the rate stays
SAME = 2e-4  # relative; losses that differ by less are one evaluation, rounded to three digits after the point
STRETCH = 5  # losses
ENDS = 0.01  # of the shorter of two logs, by which their last common step may lie before its end
NOISE = 6.0  # standard deviations of one loss, if that is more: of 645 committed runs, own and public, none that is sound is 4.3 off
APART = 2.0  # half widths of its interval that the law may lie off the last stretch; of a sample of public runs, whole or cut, none is 0.9 off
RATES = (1e-7, 0.1)  # peak rates that an Adam could have had


def refuse(curves: Sequence[LossCurve], optimiser: str) -> None:
    """Raise InputError for a run given twice, and for a log that began late, blew up, jumped, or has rates that `optimiser` cannot have had."""
    for a, b in combinations(curves, 2):
        if one_run(a, b):
            raise InputError(f"{b.origin}: holds the losses of {a.origin}, step by step; give each run once")
    for curve in curves:
        for reason in doubts(curve, optimiser):
            raise InputError(f"{curve.origin}: {reason}")


def doubts(curve: LossCurve, optimiser: str) -> Iterator[str]:
    """Yield why nothing should be forecast from `curve`."""
    peak = curve.schedule.peak
    if optimiser in ADAM and not RATES[0] <= peak <= RATES[1]:
        yield (
            f"its peak rate is {peak:g}, which {optimiser} does not train with; check the column and its unit, "
            f"or say --optimizer {RELATIVE} where rates are in a unit of their own, unknown where the optimiser is another"
        )
    first, last = int(curve.step[0]), int(curve.step[-1])
    if first > LATER * last:
        yield f"its losses begin at step {first} of {last}; a forecast needs them from the beginning of the run on"
    late = settled(curve)
    lowest, end = medians(late.loss), float(np.median(late.loss[-STRETCH:]))
    if end > beyond(BLOWN, late.loss) * lowest.min():
        at = int(late.step[np.argmin(lowest) + min(STRETCH, late.loss.size) // 2])
        yield (
            f"has blown up: its last losses are about {end:.3g}, after {lowest.min():.3g} at step {at}; "
            "cut the log where it was sound, or give the run that was restarted"
        )
    step = jump(late)
    if step:
        yield f"its loss jumps up at step {step} though the rate does not rise; the pieces of the log may not belong together"
    step = drop(late)
    if step:
        yield f"its loss jumps down at step {step} though the rate stays; the pieces of the log may not belong together"


def one_run(a: LossCurve, b: LossCurve) -> bool:
    """Whether two logs hold one run: equal losses wherever both have one, to the end of the shorter; another cadence or fewer digits do not matter."""
    step, i, j = np.intersect1d(a.step, b.step, return_indices=True)
    if step.size < STRETCH or step[-1] < (1 - ENDS) * min(a.step[-1], b.step[-1]):
        return False
    return bool(np.all(np.abs(a.loss[i] / b.loss[j] - 1) < SAME))


def refuse_end(curve: LossCurve, law: np.ndarray, half: np.ndarray) -> None:
    """Raise InputError where the law that was fitted to `curve` is not how the run ends, so that no interval would hold its last losses.

    law, half  what it says of the last losses, and the half width of a 90 % interval, relative, [n] each
    """
    seen = curve.loss[-law.size :]
    apart = seen / law - 1
    if apart[-1] > beyond(JUMP, curve.loss) - 1:
        end, expected = seen[-1], law[-1]
    elif abs(np.median(apart)) > beyond(1 + APART * np.median(half), curve.loss) - 1:
        end, expected = np.median(seen), np.median(law)
    else:
        return
    raise InputError(
        f"{curve.origin}: its last losses are about {end:.4g}, where the law fitted to all of them says {expected:.4g}, "
        f"so nothing is forecast; cut the log where it was sound, or log on{noted([curve])}"
    )


def noted(curves: Sequence[LossCurve]) -> str:
    """Return what was noted when the logs were read, which may be why the law does not describe them; empty where nothing was."""
    notes = [note for curve in curves for note in curve.source.get("notes", ())]
    return f"; noted when it was read: {'; '.join(notes)}" if notes else ""


def jump(curve: LossCurve) -> int:
    """Return the step at which the median of STRETCH losses lies JUMP above that of those before, while the rate does not rise; 0: nowhere."""
    n = curve.loss.size - 2 * STRETCH + 1
    if n < 1:
        return 0
    before, after = medians(curve.loss)[:n], medians(curve.loss)[STRETCH:]
    rate = curve.schedule.lr[curve.step - 1]
    rises = rate[2 * STRETCH - 1 :] > 1.01 * np.minimum.reduce([rate[i : i + n] for i in range(STRETCH)])
    found = np.flatnonzero((after > beyond(JUMP, curve.loss) * before) & ~rises)
    return int(curve.step[found[0] + STRETCH]) if found.size else 0


def drop(curve: LossCurve) -> int:
    """Return the step at which the median of STRETCH losses lies JUMP below what the fall before, per e-fold of steps, lets expect, while the rate stays; 0: nowhere.

    Half of that must be from one loss to the next, for a run may learn fast again after a plateau. The first LATE of the steps do not
    count: there a loss may fall ever faster.
    """
    n = curve.loss.size - 3 * STRETCH + 1
    if n < 1:
        return 0
    level, age = np.log(medians(curve.loss)), np.log(curve.step[STRETCH // 2 :][: curve.loss.size - STRETCH + 1])
    fall, grown = level[:-STRETCH] - level[STRETCH:], age[STRETCH:] - age[:-STRETCH]
    expected = np.maximum(fall / grown, 0)[:n] * grown[STRETCH:]
    rate = np.lib.stride_tricks.sliding_window_view(curve.schedule.lr[curve.step - 1], 3 * STRETCH)
    stays = rate.min(axis=1) > 0.99 * rate.max(axis=1)
    late = curve.step[STRETCH : STRETCH + n] > LATE * curve.step[-1]
    least = np.log(beyond(JUMP, curve.loss))
    sharp = -np.diff(np.log(curve.loss))[2 * STRETCH - 1 :][:n] > least / 2
    found = np.flatnonzero((fall[STRETCH:] - expected > least) & sharp & stays & late)
    return int(curve.step[found[0] + 2 * STRETCH]) if found.size else 0


def medians(loss: np.ndarray) -> np.ndarray:
    """Return the median of every STRETCH losses in a row, of fewer where there are no more."""
    return np.median(np.lib.stride_tricks.sliding_window_view(loss, min(STRETCH, loss.size)), axis=1)


def beyond(factor: float, loss: np.ndarray) -> float:
    """Return `factor`, or the one that the scatter of the losses from one to the next does not reach, if that is more."""
    steps = np.diff(np.log(loss))
    scatter = 1.4826 * np.median(np.abs(steps - np.median(steps))) / np.sqrt(2) if steps.size else 0.0
    return max(factor, float(np.exp(NOISE * scatter)))
