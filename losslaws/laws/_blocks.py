"""Sums over the steps before a point, recent steps one by one and old ones in blocks: a shared part, not a law.

Some laws sum, at every point, over all steps before it, something that depends on how far back each of them lies: O(T^2)
for a run. Here the steps form blocks of 1, 4, 16, ... steps, and a point sees a block whole when at least so many of its
lengths lie between. What a block stands for is up to the law. A point then sees a few blocks of each size, O(log T) in all:
at most 123 terms for a point of a cosine run of 24,000 steps, where the plain sum has 24,000. It is the grouping of Barnes and
Hut (1986), in one dimension. The plain sum stands in tests/losslaws/laws/test_blocks.py.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from losslaws.laws import Run
from losslaws.laws._rates import drops, rates_and_drops, up_to

GROWTH = 4  # blocks of the size below that make up a block
# Lengths of a block that lie at least between it and a point that sees it whole: so many where a block is one node,
FAR = 10
# fewer where it is two, which keep how far its drops spread: the error falls with the fourth power of length / distance, not the second.
FAR_OF_TWO = 2
LARGEST_BLOCK = 1024  # steps in the largest blocks of drops,
LARGEST_SHARE = 20  # which are no more than 1/20 of the run either,
BAND = 2.0  # and within which the rates differ by no more than this factor
LEAST_RATE = 1e-6  # where powers of rates are taken, they count as at least this share of the peak
CHUNK = 16_000  # terms handled at a time: 16,000 x 8 bytes x the few arrays of a term fit the processor's second cache
KEPT = 2_000_000  # terms that are kept for the next call, tens of MB; a fit asks for the same ones at every step


def blocks(fresh: np.ndarray, largest: int) -> list[np.ndarray]:
    """Return where the blocks of 1, 4, 16, ... up to `largest` steps start, one array for each size, counted in steps.

    fresh [m] says before which steps a block must end; within such a stretch every block consists of GROWTH of the size
    below, or of what is left.
    """
    # A block of size 4^k starts where the place within its stretch, 0, 1, 2, ..., is a multiple of 4^k: so each is made of whole
    # blocks of the size below, and sums over blocks come from sums over theirs.
    begin = np.flatnonzero(fresh)
    within = np.arange(fresh.size) - np.repeat(begin, np.diff(begin, append=fresh.size))
    starts = [np.arange(fresh.size)]
    while GROWTH ** len(starts) <= largest:
        starts.append(starts[-1][within[starts[-1]] % GROWTH ** len(starts) == 0])
    return starts


def totals(values: np.ndarray, starts: list[np.ndarray]) -> list[np.ndarray]:
    """Return the sums of `values` [k, m] over the blocks of each size, [k, blocks] each, from those of the size below."""
    sizes = [values]
    for finer, start in pairwise(starts):
        sizes.append(np.add.reduceat(sizes[-1], np.searchsorted(finer, start), axis=1))
    return sizes


def visible(
    at: np.ndarray, step: np.ndarray, starts: list[np.ndarray], far: int = FAR
) -> tuple[np.ndarray, np.ndarray]:
    """Return, for every point and every size of block, the first block that it sees and the one after the last, [n, sizes].

    at     where the points are, [n]; a point sees the steps up to its own
    step   where the m steps are, of which `starts` tells the blocks, [m], rising
    far    how many lengths of a block lie between it and a point that sees it

    Blocks are counted through all sizes. A point sees the largest blocks up to the first that is too near, from there
    on the next smaller ones, and so on down to single steps.
    """
    first, last = np.empty((2, at.size, len(starts)), dtype=np.int64)
    covered = np.zeros(at.size, dtype=np.int64)
    offset = np.cumsum([0, *(start.size for start in starts)])
    for level in reversed(range(len(starts))):
        bounds = np.append(starts[level], step.size)
        ends = step[bounds[1:] - 1]  # last step of every block of this size
        # single steps are seen however near they are
        stop = np.searchsorted(ends, at - (far * GROWTH**level if level else 0), side="right")
        first[:, level] = np.searchsorted(starts[level], covered) + offset[level]
        last[:, level] = stop + offset[level]
        covered = bounds[stop]  # steps before this one are in some block: where the next smaller ones begin
    return first, last


def used(
    first: np.ndarray, last: np.ndarray, sizes: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return what `visible` and `totals` gave, less the blocks that no point sees.

    A point opens a range of blocks at `first` and closes it at `last`; the running sum of openings less closings is how many points
    see a block. Few blocks remain where points are few, and what a law computes for a block it computes for these only.
    """
    ends = np.cumsum([values.shape[1] for values in sizes])
    edges = np.bincount(first.ravel(), minlength=ends[-1] + 1) - np.bincount(last.ravel(), minlength=ends[-1] + 1)
    some = np.cumsum(edges[:-1]) > 0
    rank = np.append(0, np.cumsum(some))
    kept = [values[:, keep] for values, keep in zip(sizes, np.split(some, ends[:-1]), strict=True)]
    return rank[first], rank[last], kept


def listed(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many blocks each point sees, [n], and which, point after point, from what `visible` gave."""
    # np.arange over all ranges at once: a running number, less where the range began in it, plus its first block
    length = (last - first).ravel()
    node = np.repeat(first.ravel() - np.cumsum(length) + length, length) + np.arange(length.sum())
    return (last - first).sum(axis=1), node


def sums(many: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sums of consecutive values, the first many[0] of them, the next many[1], ..., [n]."""
    out = np.zeros(many.size)
    some = many > 0
    if some.any():
        out[some] = np.add.reduceat(values, (np.cumsum(many) - many)[some])
    return out


def counted(run: Run, warmup: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rates and their drops as a law counts them, [T] each, and where in them the points lie, [n].

    warmup  as in `rates_and_drops`; or "repository", as in the code of Luo et al.: as "full", but a run begins with a step
            at rate 0, from which the warm-up rises to the peak at its last step but one.
    """
    schedule = run.schedule
    if warmup != "repository" or not schedule.warmup:
        return *rates_and_drops(schedule, "full" if warmup == "repository" else warmup), run.step - 1
    top = schedule.lr[schedule.warmup - 1]
    rate = np.append(top * np.linspace(0, 1, schedule.warmup), schedule.lr[schedule.warmup - 1 :])
    return rate, drops(rate), run.step


def two_nodes(single: int, drop, log_rate, origin, away, product, square) -> tuple[np.ndarray, np.ndarray]:
    """Return where the nodes of every block begin, [blocks + 1], and drop, log rate and position of the nodes, [3, nodes].

    single      how many blocks, the first ones, are of one step: these are one node
    drop        sum of the drops of every block, [blocks]
    the others  sums of drop times log rate, an origin of the block, position from there, log rate times that, and its square

    The other blocks are two: half of the drop at each end of one standard deviation of the position,
    with the log rate of the straight line through the block. That is Gauss's rule for two nodes, exact for cubics where the
    drops are symmetric.
    """
    # from sums weighted by the drops to means; var = E[x^2] - E[x]^2, slope = cov(x, log rate) / var(x)
    log_rate, origin, away, product, square = np.array([log_rate, origin, away, product, square]) / drop
    spread = np.sqrt(np.maximum(square - away**2, 0.0))
    # log rate one standard deviation from the middle, less that in the middle: the slope x spread
    tilt = np.divide(product - log_rate * away, spread, out=np.zeros_like(spread), where=spread > 0)
    block = np.append(np.arange(single), np.repeat(np.arange(single, drop.size), 2))
    share = np.append(np.ones(single), np.full(block.size - single, 0.5))
    side = np.append(np.zeros(single), np.tile([-1.0, 1.0], drop.size - single))
    nodes = [share * drop[block], log_rate[block] + side * tilt[block], (origin + away)[block] + side * spread[block]]
    return np.searchsorted(block, np.arange(drop.size + 1)), np.array(nodes)


class Terms:
    """The m terms of the sums of some points, point after point.

    points  which points, a slice
    node    the block of every term, [m]
    gap     how far the point lies behind the block, in units of the position, [m], >= 0
    """

    def __init__(self, points: slice, many: np.ndarray, node: np.ndarray, gap: np.ndarray, blocks: int):
        """many [n] are the numbers of terms of the points, `blocks` is the number of all blocks."""
        self.points, self.node, self.gap = points, node, gap
        self._matrix = csr_array((gap, node, np.append(0, np.cumsum(many))), shape=(many.size, blocks))

    def sum(self, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the sums over the terms of each of the points of `values` [m] times the `weight` [blocks] of their block."""
        # a row for every point and a column for every block: the pattern stays, only the values are new, and the product is the sum
        self._matrix.data = values
        return self._matrix @ weight


class Drops:
    """The drops of the learning rate of all runs, in blocks, and which of these each point sees.

    A block counts as two nodes with half of its drop each, see `two_nodes`. It ends early where the next drop is not at the next
    step, where falls turn into rises or rises into falls, and where the rate leaves its band.

    drop, log_rate, position  of every node: drop, natural logarithm of the rate, position
    S1                        sum of the rates up to every point, [n]

    warmup    which rates the warm-up counts with, see `counted`
    position  position(rates of a run [T]) returns two arrays [T]: the position of the drop of each step, and that of a point
              at each step. Laws read the gap between the two, e.g. the sum of the rates in between
    """

    def __init__(self, runs: Sequence[Run], warmup: str, position: Callable):
        S1, reached, first, last, tables = [], [], [], [], []
        nodes = 0
        for run in runs:
            rate, drop, at = counted(run, warmup)
            stands, sees = position(rate)
            S1.append(up_to(at + 1, rate))
            reached.append(sees[at])
            step = np.flatnonzero(drop)
            drop, log_rate = drop[step], np.log(np.maximum(rate[step], LEAST_RATE * rate.max()))
            band = np.floor(log_rate / np.log(BAND))
            # where a block must end: a step without a drop lies between, the rate leaves its band, or the sign of the drops changes,
            # so that the means of a block divide by no sum that cancels
            fresh = (np.diff(step, prepend=-2) > 1) | (np.diff(band, prepend=0) != 0)
            fresh[1:] |= (drop[1:] > 0) != (drop[:-1] > 0)
            fresh[:1] = True
            starts = blocks(fresh, min(LARGEST_BLOCK, rate.size // LARGEST_SHARE))
            at_step, largest = stands[step], starts[-1]
            origin = np.repeat(at_step[largest], np.diff(largest, append=step.size))
            away = at_step - origin  # of one block, so that squares lose no digits
            moments = np.array(
                [drop, drop * log_rate, drop * origin, drop * away, drop * away * log_rate, drop * away**2]
            )
            begin, end, sizes = used(*visible(at, step, starts, FAR_OF_TWO), totals(moments, starts))
            place, table = two_nodes(sizes[0].shape[1], *np.concatenate(sizes, axis=1))
            first.append(place[begin] + nodes)
            last.append(place[end] + nodes)
            tables.append(table)
            nodes += table.shape[1]
        self.S1, self._reached = np.concatenate(S1), np.concatenate(reached)
        self.drop, self.log_rate, self.position = np.concatenate(tables, axis=1)
        sizes = max(side.shape[1] for side in first)
        self._first, self._last = (
            np.concatenate([np.pad(side, ((0, 0), (0, sizes - side.shape[1]))) for side in sides])
            for sides in (first, last)
        )
        self._terms = self._at = None

    def terms(self) -> Iterable[Terms]:
        """Return the terms of all points, in chunks of consecutive points, which are kept unless they are too many."""
        if self._terms is None:
            ends = np.cumsum((self._last - self._first).sum(axis=1))
            bounds = np.searchsorted(ends, np.arange(CHUNK, ends[-1] + CHUNK, CHUNK), side="right").tolist()
            chunks = (self._chunk(slice(a, b)) for a, b in pairwise([0, *bounds]) if b > a)
            if ends[-1] > KEPT:
                return chunks
            self._terms = list(chunks)
        return self._terms

    def _chunk(self, points: slice) -> Terms:
        many, node = listed(self._first[points], self._last[points])
        gap = np.maximum(np.repeat(self._reached[points], many) - self.position[node], 0.0)
        return Terms(points, many, node.astype(np.int32), gap, self.drop.size)

    def sums(self, at: np.ndarray, of: Callable) -> np.ndarray:
        """Return of(at, self), or what it was if `at` [k] is as it was last time: often other parameters alone are changed."""
        if self._at is None or not np.array_equal(at, self._at):
            self._at, self._sums = at.copy(), of(at, self)
        return self._sums
