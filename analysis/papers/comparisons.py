"""Comparisons that the claims of several papers make, as the tests that a verdict follows from.

near("exponent", 0.731, 0.73, 0.005)               a number, or the worst of several, against what was printed
at_most("error", 0.8, 1.0, half=0.3, freedom=4)    a number against a limit; within its noise it cannot be told
signs("errs less", [-0.1, -0.2, 0.05])             independent pairs, by the sign of their differences
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest
from scipy.stats import t as student

from analysis.papers.claim import LEVEL, Test


def near(what: str, found, printed, within: float, form: str = "{:+.4f}", law: bool = False) -> Test:
    """Whether `found`, a number or all of several, lies within `within` of `printed`; shows the distance of the farthest."""
    apart = np.subtract(list(np.atleast_1d(found)), list(np.atleast_1d(printed)))
    worst = float(apart[np.abs(apart).argmax()])
    target = f"{printed:g}" if np.ndim(printed) == 0 else "the printed"
    return Test(f"{what} within {within:g} of {target}", abs(worst) <= within, form.format(worst), law=law)


def at_most(
    rule: str,
    found: float,
    limit: float,
    form: str = "{:.4f}",
    half: float | None = None,
    freedom: int = 0,
    runs: int = 0,
    expected: bool = True,
) -> Test:
    """Whether `found` lies at or below `limit` or, with `expected` False, above it.

    half     its 95 % half-width by Student's t with `freedom` degrees of freedom: what lies within it of the limit cannot be
             told; None: none is known, as for published points
    """
    passed = bool(found <= limit) == expected
    if half is None:
        return Test(rule, passed, form.format(found), runs=runs)
    if not np.isfinite(half):
        return Test(rule, None, form.format(found), "unknown", runs)
    with np.errstate(divide="ignore"):
        away = np.divide(abs(found - limit), half) * student.ppf(1 - LEVEL / 2, freedom)
    p = float(2 * student.sf(away, freedom))
    return Test(
        rule, passed if abs(found - limit) > half else None, form.format(found), form.format(half).lstrip("+"), runs, p
    )


def margin(pairs: int) -> int:
    """The most wins less losses that chance gives in so many pairs, in more than one case of twenty.

    Of fewer than 6 pairs it is all of them, and nothing follows: of five that all say the same, chance gives as many in one case of 16.
    """
    return max((m for m in range(pairs % 2, pairs + 1, 2) if probability(m, pairs) > LEVEL), default=0)


def probability(won: int, pairs: int) -> float:
    """Two-sided chance of so many wins less losses, or more, in so many pairs."""
    return float(binomtest((pairs + won) // 2, pairs).pvalue) if pairs else 1.0


def signs(rule: str, differences: Sequence[float] | np.ndarray) -> Test:
    """Whether more of independent `differences` lie below zero than above, by the sign test; a difference of 0 tells nothing.

    Too few for any outcome to decide take no part in Holm's correction (Tarone 1990): they have no p.
    """
    differences = np.asarray(differences, float)
    wins, losses = int((differences < 0).sum()), int((differences > 0).sum())
    won, pairs = wins - losses, wins + losses
    chance = margin(pairs)
    passed = None if abs(won) <= chance else won > 0
    p = None if chance == pairs else probability(abs(won), pairs)
    return Test(rule, passed, f"{won:+d} ({wins} to {losses})", f"{chance}", pairs, p)
