import os

import numpy as np
import pytest

from analysis.published.chinchilla_isoflop import envelope, isoflop
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


def test_approach_1_finds_the_optimum_of_the_law():
    sizes = best_size(np.geomspace(1e17, 1e22, 200))
    runs = [run(size, np.arange(1, 2001), int(size / 10)) for size in sizes]  # up to 200 tokens per parameter
    frontier = envelope(runs, BUDGETS)
    np.testing.assert_allclose(frontier.size, best_size(BUDGETS), rtol=0.06)  # the sizes are 3 % apart
    assert frontier.a == pytest.approx(0.37 / 0.72, abs=0.01) and frontier.a + frontier.b == pytest.approx(1)
    np.testing.assert_allclose(6 * frontier.size * frontier.tokens, BUDGETS)


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
    one = [run(size, np.arange(1, 301), 100_000) for size in (1e6, 2e6, 4e6)]
    spent = 6 * 2e6 * 100_000 * np.array([50, 100, 1e9])
    assert envelope(one, spent).flops.tolist() == spent[:2].tolist()
    with pytest.raises(InputError, match="0 of 3 budgets can be read off these runs"):
        isoflop(one, spent)
    with pytest.raises(InputError, match=r"give parameters\['total'\]"):
        envelope(one, spent, count="total")


@pytest.mark.skipif(not os.environ.get("PUBLIC_DATA_MIRROR"), reason="PUBLIC_DATA_MIRROR is not set")
def test_approach_2_on_the_points_of_the_paper():
    """Hoffmann et al. print a = .49, b = .51."""
    frontier = isoflop(public.chinchilla_points(), [6e18, 1e19, 3e19, 6e19, 1e20, 3e20, 6e20, 1e21, 3e21])
    assert frontier.a == pytest.approx(0.49, abs=0.01)
