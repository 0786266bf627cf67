import os

import numpy as np
import pytest

from analysis.published.isoflop import BUDGETS as PAPER
from analysis.published.isoflop import isoflop
from losslaws import laws
from losslaws.curves import InputError, LossCurve, Schedule, public

LAW = {"E": 1.8, "A": 480.0, "alpha": 0.35, "B": 2100.0, "beta": 0.37}
BUDGETS = np.geomspace(1e18, 1e21, 7)


def best_size(flops):
    """N at which A N^-alpha + B D^-beta is least under 6 N D = flops: Hoffmann et al., Eq. 4."""
    a, A, b, B = (LAW[key] for key in ("alpha", "A", "beta", "B"))
    return (a * A / (b * B)) ** (1 / (a + b)) * (flops / 6) ** (b / (a + b))


def run(size, step, tokens_per_step):
    law = laws.build("chinchilla")
    schedule, parameters = Schedule(np.ones(step[-1])), {"non_embedding": int(size)}
    loss = law.loss(LAW, laws.Planned(schedule, step, parameters, tokens_per_step))
    return LossCurve(f"{size:.3g}", schedule, step, loss, parameters=parameters, tokens_per_step=tokens_per_step)


def test_approach_2_finds_the_optimum_of_the_law():
    runs = [
        run(ratio * best_size(flops), np.array([1]), int(flops / (6 * int(ratio * best_size(flops)))))
        for flops in BUDGETS
        for ratio in (0.6, 0.8, 1.0, 1.3, 1.7)
    ]
    frontier = isoflop(runs, BUDGETS)
    np.testing.assert_allclose(frontier.size, best_size(BUDGETS), rtol=0.02)
    assert frontier.a == pytest.approx(0.37 / 0.72, abs=0.002)
    best = [
        run(n, np.array([1]), int(c / (6 * n))).final_loss for n, c in zip(best_size(BUDGETS), BUDGETS, strict=True)
    ]
    np.testing.assert_allclose(frontier.loss, best, rtol=1e-3)


def test_budgets_without_data_are_left_out_and_too_few_are_an_error():
    sizes = (0.6, 1.0, 1.7)
    two = [
        run(r * best_size(c), np.array([1]), int(c / (6 * int(r * best_size(c))))) for c in BUDGETS[:2] for r in sizes
    ]
    assert isoflop(two, BUDGETS).flops.tolist() == BUDGETS[:2].tolist()
    with pytest.raises(InputError, match="1 of 7 budgets can be read off these runs"):
        isoflop(two[:3], BUDGETS)
    beyond = [
        run(r * best_size(c), np.array([1]), int(c / (6 * int(r * best_size(c))))) for c in BUDGETS for r in (2, 3, 4)
    ]
    with pytest.raises(InputError, match="0 of 7 budgets"):
        isoflop(beyond, BUDGETS)  # the bottoms lie outside the sizes
    with pytest.raises(InputError, match=r"give parameters\['total'\]"):
        isoflop(two, BUDGETS, count="total")


@pytest.mark.skipif(not os.environ.get("PUBLIC_DATA_MIRROR"), reason="PUBLIC_DATA_MIRROR is not set")
def test_approach_2_on_the_points_of_the_paper():
    """Hoffmann et al. print a = .49, b = .51."""
    frontier = isoflop(public.chinchilla_points(), PAPER)
    assert frontier.a == pytest.approx(0.49, abs=0.01)
