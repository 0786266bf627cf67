"""Cell: on which curves a law is fitted, and on which points of which others it is scored.

    cells(group) -> [Cell]      every cell of every protocol; PROTOCOLS lists them

A cell's tests are never among its fit curves. But for the protocol "peak" they have a peak rate that the fit curves have, so
that each protocol asks one thing. Where every choice of fit curves would be too many, MOST of them are drawn, with a
seed that depends on the group and the protocol only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from zlib import crc32

import numpy as np

from analysis.leaderboard.datasets import chosen
from losslaws.curves import LossCurve
from losslaws.curves.public import Group
from losslaws.curves.runs import select

KINDS = {
    "none seen": "no decay of the rate was seen",
    "decay seen": "one was, at the peak rates asked about",
    "longer": "runs at least three times as long as those seen",
    "peak": "another peak rate",
}
SPLITS = (1, 2, 3)
FORECASTS = (0.3, 0.5, 0.7)
PROTOCOLS = {
    "published": "fitted on the split that somebody published",
    "chosen": "fitted on a split that this project chose, where nobody published one",
    **{f"splits-{k}": f"fitted on {k} curve{'s' * (k > 1)}, every choice" for k in SPLITS},
    "longer": "fitted on short runs, asked of runs at least three times as long as any of them",
    "peak": "fitted at one peak rate, asked of another",
    **{
        f"forecast-{100 * x:.0f}": f"the first {100 * x:.0f} % of one run, under a constant rate; asked of its rest"
        for x in FORECASTS
    },
    "rank": "fitted on such a split, asked which of two schedules of one length is better",
}
MOST = 8  # choices of fit curves in one cell of the table
TIMES_LONGER = 3  # how many times longer than any run seen
LEAST_SEEN = 8  # points that a forecast needs before it


@dataclass(frozen=True, eq=False)
class Cell:
    """One task: fit on these, predict those.

    fit    curves with the points that the fit may see
    tests  curves that are predicted
    forks  of every test, the last step that some fit curve took under the same rates: later points are new, [len(tests)]
    """

    group: Group
    protocol: str
    fit: tuple[LossCurve, ...]
    tests: tuple[LossCurve, ...]

    @property
    def forks(self) -> list[int]:
        return [max(fork(seen, test) for seen in self.fit) for test in self.tests]

    @property
    def asks(self) -> str:
        """Which of KINDS of questions the cell asks."""
        if self.protocol in ("longer", "peak"):
            return self.protocol
        return (
            "decay seen"
            if any(curve.schedule.lr[int(curve.step[-1]) - 1] < curve.schedule.peak for curve in self.fit)
            else "none seen"
        )

    @property
    def compute_fraction(self) -> float:
        """Steps trained for the fit over steps trained for the tests; beginnings that runs share are trained once."""
        return trained(self.fit) / trained(self.tests)


def fork(seen: LossCurve, test: LossCurve) -> int:
    """Return the last step of `seen` up to which both took the same rates."""
    return min(seen.schedule.common_steps(test.schedule), int(seen.step[-1]))


def trained(runs: Sequence[LossCurve]) -> int:
    """Return the steps that training `runs` up to their last point takes, beginnings with equal rates once."""
    total = 0
    for i, run in enumerate(runs):
        total += int(run.step[-1]) - max((min(fork(other, run), int(run.step[-1])) for other in runs[:i]), default=0)
    return total


def cells(group: Group) -> Iterator[Cell]:
    """Yield every cell of the group."""
    for protocol, splits in (("published", group.published), ("chosen", tuple(chosen(group)))):
        for names in splits:
            yield from cell(group, protocol, names, at_peaks(group, names))
            yield from cell(group, "rank", names, paired(group, at_peaks(group, names)))
            for tests in others(group, names):
                yield from cell(group, "peak", at_one_peak(group, names), tests)
    for k in SPLITS:
        for names in choices(group, k):
            yield from cell(group, f"splits-{k}", names, at_peaks(group, names))
    for peak in sorted({curve.schedule.peak for curve in group.curves.values()}):
        yield from longer(group, peak)
    for share in FORECASTS:
        yield from some(group, list(forecasts(group, share)))


def cell(group: Group, protocol: str, fit: Sequence[str], tests: Sequence[str]) -> Iterator[Cell]:
    """Yield the cell, unless it has no fit curve or none to test."""
    tests = [name for name in tests if name not in fit]
    if fit and tests:
        curves = group.curves
        yield Cell(group, protocol, tuple(curves[name] for name in fit), tuple(curves[name] for name in tests))


def peaks(group: Group, names: Sequence[str]) -> set[float]:
    return {group.curves[name].schedule.peak for name in names}


def at_peaks(group: Group, names: Sequence[str]) -> list[str]:
    """Return the curves whose peak rate one of `names` has."""
    known = peaks(group, names)
    return [name for name, curve in group.curves.items() if curve.schedule.peak in known]


def others(group: Group, names: Sequence[str]) -> list[list[str]]:
    """Return the curves of every peak rate but that of the first of `names`."""
    known = peaks(group, names[:1])
    rest = [name for name, curve in group.curves.items() if curve.schedule.peak not in known]
    return [[name for name in rest if peaks(group, [name]) == {peak}] for peak in sorted(peaks(group, rest))]


def at_one_peak(group: Group, names: Sequence[str]) -> list[str]:
    """Return those of `names` that have the peak rate of the first."""
    peak = group.curves[names[0]].schedule.peak
    return [name for name in names if group.curves[name].schedule.peak == peak]


def paired(group: Group, names: Sequence[str]) -> list[str]:
    """Return those of `names` that another of them equals in steps."""
    steps = [group.curves[name].schedule.steps for name in names]
    return [name for name, length in zip(names, steps, strict=True) if steps.count(length) > 1]


def choices(group: Group, k: int) -> list[tuple[str, ...]]:
    """Return every choice of `k` curves of one peak rate, or MOST of them, drawn."""
    pools = [at_peaks(group, [name]) for name in group.curves]
    pools = [list(pool) for pool in dict.fromkeys(map(tuple, pools)) if len(pool) > k]
    if sum(comb(len(pool), k) for pool in pools) <= MOST:
        return [names for pool in pools for names in combinations(pool, k)]
    rng, drawn = np.random.default_rng(crc32(f"{group.name} {k}".encode())), {}
    while len(drawn) < MOST:
        pool = pools[rng.integers(len(pools))]
        drawn[tuple(pool[i] for i in sorted(rng.choice(len(pool), k, replace=False)))] = None
        if len(drawn) == sum(comb(len(pool), k) for pool in pools):
            break
    return list(drawn)


def some(group: Group, every: list[Cell]) -> list[Cell]:
    """Return every one of these cells, or MOST of them, drawn."""
    if len(every) <= MOST:
        return every
    rng = np.random.default_rng(crc32(f"{group.name} {every[0].protocol}".encode()))
    return [every[i] for i in sorted(rng.choice(len(every), MOST, replace=False))]


def longer(group: Group, peak: float) -> Iterator[Cell]:
    """Yield the cell of one peak rate whose tests are at least TIMES_LONGER times as long as what was fitted."""
    steps = {name: curve.schedule.steps for name, curve in group.curves.items() if curve.schedule.peak == peak}
    short = [name for name, length in steps.items() if TIMES_LONGER * length <= max(steps.values())]
    longest = max((steps[name] for name in short), default=0)
    yield from cell(
        group, "longer", short, [name for name, length in steps.items() if length >= TIMES_LONGER * longest]
    )


def forecasts(group: Group, share: float) -> Iterator[Cell]:
    """Yield a cell for every run that decays after `share` of its steps at a constant rate."""
    for curve in group.curves.values():
        cut = int(share * curve.schedule.steps)
        rate = curve.schedule.lr
        seen = curve.step <= cut
        constant = np.all(rate[curve.schedule.warmup : cut] == curve.schedule.peak)
        if constant and rate[-1] < curve.schedule.peak and seen.sum() >= LEAST_SEEN:
            yield Cell(group, f"forecast-{100 * share:.0f}", (select(curve, seen),), (curve,))
