"""Chinchilla's approaches 1 and 2: which size and how many tokens use a budget of compute best.

    envelope(curves, budgets) -> Frontier             approach 1: of all training curves, the lowest loss at each budget
    isoflop(curves, budgets) -> Frontier              approach 2: the bottom of a parabola through runs of equal compute
    Frontier.flops, .size, .tokens, .loss             [k] each, one for every budget that the data speak about
    Frontier.a, .b                                    exponents: best size ~ FLOPs^a, best tokens ~ FLOPs^b

Compute is 6 N D. Source: Hoffmann et al. 2022, arXiv 2203.15556, Secs. 3.1 and 3.2. Approach 3 is the law "chinchilla".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.curves import InputError, LossCurve
from losslaws.curves.runs import final
from losslaws.laws import counts, tokens

SPREAD = 0.1  # runs count as of one budget when their compute is within this share of it
SIZES = 3  # a parabola needs as many


@dataclass(frozen=True, eq=False)
class Frontier:
    """The best use of several budgets: FLOPs, size N, tokens D and the loss there, nats per token, [k] each, FLOPs rising."""

    flops: np.ndarray
    size: np.ndarray
    tokens: np.ndarray
    loss: np.ndarray

    @property
    def a(self) -> float:
        """Exponent of the best size in the compute: slope of a line through log N against log FLOPs."""
        return float(np.polyfit(np.log(self.flops), np.log(self.size), 1)[0])

    @property
    def b(self) -> float:
        """Exponent of the best number of tokens in the compute."""
        return float(np.polyfit(np.log(self.flops), np.log(self.tokens), 1)[0])


def envelope(curves: Sequence[LossCurve], budgets: Sequence[float], count: str = "non_embedding") -> Frontier:
    """Return, for each budget, the run whose loss is lowest when it has spent that much (approach 1).

    Losses between two evaluations lie on a line in log FLOPs. Budgets that no run has spent in the course of its curve are
    left out. count  which parameter count is N

    Raises InputError for runs without size or batch, and where fewer than two budgets remain.
    """
    sizes = np.array([counts([curve], count)[0] for curve in curves])
    spent = [np.log(6 * size * tokens([curve])) for size, curve in zip(sizes, curves, strict=True)]

    def best(budget):
        at = np.log(budget)
        losses = [
            np.interp(at, x, curve.loss) if x[0] <= at <= x[-1] else np.inf
            for x, curve in zip(spent, curves, strict=True)
        ]
        i = int(np.argmin(losses))
        return (sizes[i], losses[i]) if np.isfinite(losses[i]) else None

    return _frontier(best, budgets)


def isoflop(curves: Sequence[LossCurve], budgets: Sequence[float], count: str = "non_embedding") -> Frontier:
    """Return, for each budget, the bottom of the parabola in log N through the final losses of the runs of that budget (approach 2).

    A run belongs to a budget when its compute is within SPREAD of it. Budgets with fewer than SIZES sizes are left out, and
    those whose parabola opens downwards or has its bottom outside the sizes that were trained. count  as for `envelope`

    Raises InputError for runs without size or batch, and where fewer than two budgets remain.
    """
    ends = [final(curve) for curve in curves]
    size, loss = counts(ends, count), np.concatenate([curve.loss for curve in ends])
    spent = 6 * size * tokens(ends)

    def best(budget):
        own = np.abs(spent / budget - 1) <= SPREAD
        if np.unique(size[own]).size < SIZES:
            return None
        middle = np.log(size[own]).mean()
        parabola = np.polyfit(np.log(size[own]) - middle, loss[own], 2)
        bottom = -parabola[1] / (2 * parabola[0])
        inside = size[own].min() <= np.exp(bottom + middle) <= size[own].max()
        return (np.exp(bottom + middle), np.polyval(parabola, bottom)) if parabola[0] > 0 and inside else None

    return _frontier(best, budgets)


def _frontier(best: Callable, budgets: Sequence[float]) -> Frontier:
    rows = [(budget, *found) for budget in sorted(budgets) if (found := best(budget))]
    if len(rows) < 2:
        raise InputError(
            f"iso-FLOP analysis: {len(rows)} of {len(budgets)} budgets can be read off these runs; two are needed at least"
        )
    flops, size, loss = np.array(rows).T
    return Frontier(flops, size, flops / (6 * size), loss)
