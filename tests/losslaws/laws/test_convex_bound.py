import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError, Schedule
from losslaws.curves.schedules import build
from losslaws.laws.convex_bound import last_iterate
from tests.losslaws.laws.cases import REWARM, Case

CASES = [Case({"L0": 2.1, "D2": 1.2, "G2": 40.0})]


def bound(rate, T, D2, G2):
    """The bound at step T as its source writes it: three terms, the last a double sum."""
    eta = rate[:T]
    S = np.append(np.cumsum(eta[::-1])[::-1], 0.0)
    Q = np.append(np.cumsum(eta[::-1] ** 2)[::-1], 0.0)
    k = np.arange(T - 1)
    return D2 / (2 * S[0]) + G2 * Q[0] / (2 * S[0]) + G2 / 2 * np.sum(eta[k] / S[k + 1] * Q[k] / S[k])


@pytest.mark.parametrize("family", ["constant", "cosine", "linear", "two_stage", "cyclic", "polyline"])
def test_the_convex_bound_telescopes(family):
    options = {"points": REWARM} if family == "polyline" else {}
    schedule = build(family, 3000, 1e-3, 100, **options)
    moves = schedule.lr[schedule.lr > 0]
    step = [1, 2, 40, 150, 900, 2100, 2951, moves.size]
    law = laws.build("convex_bound")
    exact = [bound(moves, T, 3.0, 50.0) for T in np.cumsum(schedule.lr > 0)[np.array(step) - 1]]
    np.testing.assert_allclose(law.loss({"L0": 0.0, "D2": 3.0, "G2": 50.0}, schedule, step), exact, rtol=1e-4)
    every = last_iterate(moves, np.arange(moves.size))
    np.testing.assert_allclose(last_iterate(moves, np.array([900, 2100])), every[[900, 2100]], rtol=1e-12)


def test_steps_at_rate_zero_do_nothing_in_the_convex_bound():
    law, params = laws.build("convex_bound"), {"L0": 2.0, "D2": 1.0, "G2": 30.0}
    tail = Schedule(np.append(np.full(50, 0.01), np.zeros(30)))
    losses = law.loss(params, tail)
    assert np.all(losses[50:] == losses[49])
    with pytest.raises(InputError, match="run 'idle': the rates up to step 1 are all 0"):
        law.features([laws.Planned(Schedule(np.array([0.0, 1.0])), name="idle")])
