"""Chinchilla's approach 2: which size and how many tokens use a budget of compute best.

    isoflop(curves, budgets) -> Frontier      the bottom of a parabola through runs of equal compute, for every budget
    Frontier.a, .b                            exponents: best size ~ FLOPs^a, best tokens ~ FLOPs^b

Compute is 6 N D. Source: Hoffmann et al. 2022, arXiv 2203.15556, Sec. 3.2. Approach 3 is the law "chinchilla"; of approach 1 the training
curves were not published.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.curves import InputError, LossCurve
from losslaws.curves.runs import final
from losslaws.laws import counts, tokens

BUDGETS = (6e18, 1e19, 3e19, 6e19, 1e20, 3e20, 6e20, 1e21, 3e21)  # FLOPs, those of the paper
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


def isoflop(curves: Sequence[LossCurve], budgets: Sequence[float], count: str = "non_embedding") -> Frontier:
    """Return, for each budget, the bottom of the parabola in log N through the final losses of the runs of that budget.

    count  which parameter count is N

    A run belongs to a budget when its compute is within SPREAD of it. Budgets with fewer than SIZES sizes are left out, and
    those whose parabola opens downwards or has its bottom outside the sizes that were trained.

    Raises InputError for runs without size or batch, and where fewer than two budgets remain.
    """
    ends = [final(curve) for curve in curves]
    size, loss = counts(ends, count), np.concatenate([curve.loss for curve in ends])
    spent = 6 * size * tokens(ends)
    rows = [(budget, *found) for budget in sorted(budgets) if (found := bottom(size, loss, spent / budget))]
    if len(rows) < 2:
        raise InputError(
            f"iso-FLOP analysis: {len(rows)} of {len(budgets)} budgets can be read off these runs; two are needed at least"
        )
    flops, best, least = np.array(rows).T
    return Frontier(flops, best, flops / (6 * best), least)


def bottom(size: np.ndarray, loss: np.ndarray, share: np.ndarray) -> tuple[float, float] | None:
    """Return size and loss at the bottom of the parabola through the runs that spent one budget; None where it has none.

    size, loss  of all runs, [n]
    share       their compute in units of the budget, [n]
    """
    own = np.abs(share - 1) <= SPREAD
    if np.unique(size[own]).size < SIZES:
        return None
    middle = np.log(size[own]).mean()  # counted from here, so that the squares of log N lose no digits
    parabola = np.polyfit(np.log(size[own]) - middle, loss[own], 2)
    lowest = -parabola[1] / (2 * parabola[0])
    best = np.exp(lowest + middle)
    inside = size[own].min() <= best <= size[own].max()
    return (best, np.polyval(parabola, lowest)) if parabola[0] > 0 and inside else None
