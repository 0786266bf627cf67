"""The rate of every step from the rates that a log holds."""

from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.schedule import Schedule

NEAR = 1e-3  # relative; a rate this close to the highest counts as the highest, since logs round
SPIKE = 1.5  # a single logged rate this many times off both its neighbours, which agree, is a damaged row
SPIKES = 3  # of them at most; more are how the rates run
MOST = 1e3  # a rate above is none
STAIRS, DIGITS = (
    5,
    50,
)  # rates of so many sizes, all multiples of a power of ten that is so large a part of the peak, were rounded
LATE = 0.05  # share of the steps behind which a log begins late
SPARSE = 0.05  # share of the run that may pass without a logged rate before that is noted


def every_step(
    step: np.ndarray, rate: np.ndarray, steps: int, warmup: int | None, name: str, path: Path, notes: list[str]
) -> Schedule:
    """Return the schedule of steps 1..`steps`: straight lines between the logged rates, level before the first and after the last.

    step, rate  the logged ones, [n], steps rising
    warmup      steps of the warm-up, a line from 0, if known; else it ends where `end_of_warmup` sees it
    name        of the schedule
    Raises InputError for rates that are negative, not finite, or all zero.
    """
    odd = np.flatnonzero(~np.isfinite(rate) | (rate < 0))
    if odd.size:
        raise InputError(
            f"{path}: the learning rate at step {step[odd[0]]} is {rate[odd[0]]:g}; it must be finite and >= 0"
        )
    step, rate = without_spikes(step, rate, notes)
    if rate.size and rate.max() > MOST:
        raise InputError(
            f"{path}: the learning rate at step {step[rate.argmax()]} is {rate.max():g}; no optimiser takes it, so correct the row"
        )
    if not rate.size or not rate.max() > 0:
        raise InputError(f"{path}: the learning rate is never above 0; give the schedule that was applied")
    if warmup is not None and not 0 <= warmup <= steps:
        raise InputError(f"{path}: warmup is {warmup}; it must lie between 0 and the {steps} logged steps")
    note_digits(rate, notes)
    if np.diff(step, prepend=0).max() > max(SPARSE * steps, 1):
        notes.append(f"the learning rate was logged at {step.size} steps only; between them it follows straight lines")
    if warmup is None:
        warmup = end_of_warmup(step, rate)
        note_beginning(step, rate, steps, warmup, notes)
    if warmup:
        step, rate = with_warmup(step, rate, warmup)
    return Schedule(np.interp(np.arange(1.0, steps + 1), step, rate), min(warmup, steps), name)


def note_digits(rate: np.ndarray, notes: list[str]) -> None:
    """Note rates that were written with so few digits that they are steps of a stair."""
    some = np.unique(rate[rate > 0])
    if some.size < STAIRS:
        return
    least = 10.0 ** np.floor(np.log10(np.diff(some).min()) + 1e-9)
    if rate.max() < DIGITS * least and np.allclose(some / least, np.rint(some / least), atol=1e-6):
        notes.append(
            f"the learning rate is written in steps of {least:g}, few to its peak of {rate.max():g}: forecasts are as rough (--ran gives the schedule)"
        )


def end_of_warmup(step: np.ndarray, rate: np.ndarray) -> int:
    """Return the last step of the warm-up with which the log begins; 0 for none.

    The line through the last two points of the rise, or through the origin and the only one, is drawn on to the height of
    the next logged rate, which it reaches at the end of the warm-up.
    """
    first = int(np.argmax(rate >= rate.max() * (1 - NEAR)))
    if first == 0 or np.any(np.diff(rate[: first + 1]) < 0):
        return 0
    last = first - 1
    x, y = (step[last - 1], rate[last - 1]) if last else (0, 0.0)
    slope = (rate[last] - y) / max(step[last] - x, 1)
    reached = step[last] + (rate[first] - rate[last]) / slope if slope > 0 else step[first]
    return int(np.clip(round(reached), max(step[last], 1), step[first]))


def with_warmup(step: np.ndarray, rate: np.ndarray, warmup: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of the rates when they rise in a line through the logged ones from 0 to their height at `warmup`."""
    before, after = (step > 0) & (step < warmup), step >= warmup
    top = rate[after][0] if after.any() else rate[-1]
    corners = [0, *step[before], warmup, *step[after]]
    return np.array(corners), np.array([0.0, *rate[before], top, *rate[after]])


def note_beginning(step: np.ndarray, rate: np.ndarray, steps: int, warmup: int, notes: list[str]) -> None:
    """Note what is not known of the steps before the first logged rate."""
    first, apart = int(step[0]), int(np.median(np.diff(step))) if step.size > 1 else 1
    if first > max(LATE * steps, 2 * apart):
        notes.append(
            f"the log begins late, at step {first}: the rates before, and with them a warm-up, are not known and taken as {rate[0]:g} "
            "(--warmup, or --ran for all of them)"
        )
    elif not warmup and first > 1 and rate[0] >= rate.max() * (1 - NEAR):
        notes.append(
            f"no warm-up is seen: the first logged rate, at step {first}, is the peak; give --warmup if there was one"
        )


def without_spikes(step: np.ndarray, rate: np.ndarray, notes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the logged rates without single ones that stand out from both neighbours, which agree; that is noted."""
    before, here, after = rate[:-2], rate[1:-1], rate[2:]
    low, high = np.minimum(before, after), np.maximum(before, after)
    out = np.flatnonzero((high <= 1.1 * low) & ((here > SPIKE * high) | (here * SPIKE < low)))
    if not 0 < out.size <= SPIKES:
        return step, rate
    notes.extend(
        f"the learning rate {here[i]:g} at step {step[i + 1]} stands out from its neighbours, {before[i]:g} and {after[i]:g}, and is left out"
        for i in out
    )
    return np.delete(step, out + 1), np.delete(rate, out + 1)
