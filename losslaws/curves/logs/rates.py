"""The rate of every step from the rates that a log holds."""

from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.logs import names
from losslaws.curves.schedule import Schedule

NEAR = 1e-3  # relative; a rate this close to the highest counts as the highest, since logs round
SPIKE = 1.5  # a single logged rate this many times off both its neighbours, which agree, is a damaged row
SPIKES = 3  # of them at most; more are how the rates run
ALIKE = 1.1  # times; neighbours that differ by less agree
# Where the rate falls or rises, neighbours agree to the slope: what stands between them lies so many times as far off their line as so many
# rows on either side lie off the lines through those beside them. Peaks and ends of cycles that were logged in few rows come to 4.
SMOOTH, SIDE = 10, 3
# times the higher neighbour: two rates in a row are damaged from there on, by a slip of one power of ten too; less may be a cycle in few rows
COUPLE = 7
# The highest rate is damaged, also in the last row, so many times above all others and above what a rise in proportion to the step, or a fall as
# 1/step, explains.
LEAP = 3
FALLEN = 2  # rows in which a rate may have fallen from its peak for good, where few were logged
FEW = 8  # rates among which none stands out
MOST = 1e3  # a rate above is none
LARGE = 0.1  # a rate from there on is in the unit that its name gives; one up to that unit is a rate as it stands
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
    note_last(step, rate, notes)
    note_digits(rate, notes)
    if np.diff(step, prepend=0).max() > max(SPARSE * steps, 1):
        notes.append(f"the learning rate was logged at {step.size} steps only; between them it follows straight lines")
    if warmup is None:
        warmup = end_of_warmup(step, rate)
        note_beginning(step, rate, steps, warmup, notes)
    if warmup:
        step, rate = with_warmup(step, rate, warmup)
    return Schedule(np.interp(np.arange(1.0, steps + 1), step, rate), min(warmup, steps), name)


def in_unit(rate: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """Return rates whose column names a unit without it, where they are in it; where they may be, that is noted."""
    unit, some = names.unit(name), rate[rate > 0]
    if unit == 1 or not some.size or np.median(some) <= unit * (1 + NEAR):
        return rate
    if np.median(some) < LARGE:
        notes.append(
            f"'{name}' names a unit of {unit:g}; its values, about {np.median(some):.2g}, are taken as rates as they stand"
        )
        return rate
    notes.append(f"'{name}' is in units of {unit:g}, by its name; the rates are its values times that")
    return rate * unit


def note_last(step: np.ndarray, rate: np.ndarray, notes: list[str]) -> None:
    """Note a last rate that lies LEAP times below a plateau: loggers write 0 once the scheduler has ended, and a decay counts as seen then."""
    if rate.size > FEW and rate[-1] * LEAP < rate[-2] and np.ptp(rate[-1 - SIDE : -1]) <= NEAR * rate[-2]:
        notes.append(
            f"the last rate, {rate[-1]:g} at step {step[-1]}, lies far below the {rate[-2]:g} before it; if no step ran at it, leave that row out"
        )


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
    """Return the logged rates without single ones, or two in a row, that stand out from their neighbours, which agree; that is noted."""
    if rate.size <= FEW:
        return step, rate
    stays = np.ones(rate.size, bool)
    for find in (single, couple, *[leap] * SPIKES):
        stays[np.flatnonzero(stays)[find(step[stays], rate[stays])]] = False
    kept, out = np.flatnonzero(stays), np.flatnonzero(~stays)
    if not 0 < out.size <= SPIKES:
        return step, rate
    for i in out:
        beside = [f"{rate[j]:g}" for j in (*kept[kept < i][-1:], *kept[kept > i][:1])]
        notes.append(
            f"the learning rate {rate[i]:g} at step {step[i]} stands out from its neighbours, {' and '.join(beside)}, and is left out"
        )
    return step[kept], rate[kept]


def single(step: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Return the rows whose rate is SPIKE times off both neighbours, which are alike or agree to the slope."""
    before, here, after = rate[:-2], rate[1:-1], rate[2:]
    low, high = np.minimum(before, after), np.maximum(before, after)
    above, below, alike, equal = (
        here > SPIKE * high,
        here * SPIKE < low,
        high <= ALIKE * low,
        (high <= (1 + NEAR) * low) & (high > 0),
    )
    # damaged ones, and sound ones between two of them; more are cycles in two rows each
    if np.sum(above | below) > 2 * SPIKES:
        return np.array([], int)
    # tops and ends of cycles stand out too: no higher than rates elsewhere, not smooth around
    tall = here > SPIKE * np.max(rate[np.concatenate([[True], ~above, [True]])])
    found = 1 + np.flatnonzero(above | below)
    at_end, i = (found < SIDE) | (found + SIDE >= rate.size), found - 1
    return found[in_smooth(step, rate, found, 1) | (tall & alike)[i] | (at_end & equal[i])]


def couple(step: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Return the rows of two rates in a row, COUPLE times as high as both neighbours, which agree to the slope."""
    lower, high = np.minimum(rate[1:-2], rate[2:-1]), np.maximum(rate[:-3], rate[3:])
    first = 1 + np.flatnonzero(lower / COUPLE > high)
    first = first[in_smooth(step, rate, first, 2)]
    return np.union1d(first, first + 1)


def in_smooth(step: np.ndarray, rate: np.ndarray, first: np.ndarray, width: int) -> np.ndarray:
    """Return whether the neighbours of `width` rates, from the rows `first` on, agree to the slope, which takes SIDE on either side."""
    found = (first >= SIDE) & (first + width + SIDE <= rate.size)
    here = first[found]
    around = [here + i for i in (*range(-SIDE, 0), *range(width, width + SIDE))]

    def off(left: np.ndarray, row: np.ndarray, right: np.ndarray) -> np.ndarray:
        """By how much the rate of `row` lies off the line through `left` and `right`."""
        share = (step[row] - step[left]) / (step[right] - step[left])
        return np.abs(rate[row] - (1 - share) * rate[left] - share * rate[right])

    rough = np.maximum.reduce([off(*three) for three in zip(around, around[1:], around[2:], strict=False)])
    apart = np.minimum.reduce([off(here - 1, here + i, here + width) for i in range(width)])
    found[found] = apart / SMOOTH > rough
    return found


def leap(step: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Return the row of the highest rate where LEAP says that it is damaged, else none."""
    top = int(rate.argmax()) if rate.size else 0
    if top < FALLEN:
        return np.array([], int)
    others, near = np.delete(rate, top).max(), np.maximum(step[top - 1 : top + 2], 1)
    return np.array([top] if rate[top] / LEAP > others * np.max(near[1:] / near[:-1]) > 0 else [], int)
