"""The relaxation law against its own recursion and over several peak rates."""

import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.curves.schedules import build
from losslaws.fitting import fit
from losslaws.laws.relaxation import Relaxing
from tests.losslaws.laws.cases import Case

TRUE = {"L0": 2.1, "A": 25.0, "alpha": 0.5, "K": 0.2, "rho": 0.02}


CASES = [Case({"L0": 2.1, "A": 30.0, "alpha": 0.45, "K": 0.2, "rho": 0.01})]


SHAPES = {"constant": {}, "cosine": {"final": 0.1}, "wsd": {"decay": 0.3}, "two_stage": {}, "cyclic": {}}


def runs(peak=2e-3):
    step = np.arange(100, 2401, 25)
    return [laws.Planned(build(name, 2400, peak, 60, **options), step, name=name) for name, options in SHAPES.items()]


def by_recursion(law, params, schedule):
    """The law step by step: the level of the noise jumps, and what lags behind relaxes by the step's share of the peak rate, the slower the later."""
    h = schedule.peak / 1e-3
    high = max(law.high, schedule.peak)
    bend = 1 + (schedule.peak / high) ** 2
    progress, lag, level, age, losses = 0.0, 0.0, 0.0, 0.0, []
    for rate in schedule.lr:
        x = rate / schedule.peak
        worth = x**law.p * (bend / (1 + (rate / high) ** 2)) ** 0.5
        progress += (2 * h / (1 + h)) ** law.p * worth
        rise = h**law.q * worth - level
        level += rise
        lag = (lag + rise) * np.exp(-params["rho"] * 200 * (np.sqrt(age + x) - np.sqrt(age)))  # 2 sqrt(1e4) = 200
        age += x
        losses.append(params["L0"] + params["A"] * progress ** -params["alpha"] + params["K"] * (level - lag))
    return np.array(losses)


@pytest.mark.parametrize("plan", runs() + runs(0.02), ids=lambda plan: f"{plan.name} {plan.schedule.peak:g}")
def test_it_is_its_recursion(plan):
    law = laws.build("relaxation")
    np.testing.assert_allclose(law.loss(TRUE, plan.schedule), by_recursion(law, TRUE, plan.schedule), rtol=1e-10)
    np.testing.assert_allclose(law.loss(TRUE, plan), law.loss(TRUE, plan.schedule)[plan.step - 1], rtol=1e-10)


def test_a_fit_finds_the_parameters_again_over_peak_rates():
    law = laws.build("relaxation")
    both = runs() + runs(5e-4)
    curves = [LossCurve(f"{p.name}-{p.schedule.peak}", p.schedule, p.step, law.loss(TRUE, p)) for p in both]
    found = fit(law, curves)
    assert found.converged and not found.warnings
    assert found.params == pytest.approx(TRUE, rel=1e-4)


def test_at_rate_zero_nothing_changes():
    tail = build("polyline", 1000, 2e-3, 50, points=((0, 1), (0.5, 1), (0.8, 0), (1, 0)))
    losses = laws.build("relaxation").loss(TRUE, tail)
    zero = np.flatnonzero(tail.lr == 0)
    assert zero.size > 100 and np.ptp(losses[zero[1:]]) < 1e-12


@pytest.mark.parametrize("peak", [1e-4, 1e-3, 3e-3, 0.02, 1.0])
def test_a_step_gains_more_at_a_higher_rate(peak):
    gain, noise, _ = laws.build("relaxation").read(Schedule(np.linspace(0, peak, 100)))
    assert np.all(np.diff(gain) > 0) and np.all(np.diff(noise) > 0)


def test_rates_that_are_all_zero_are_refused():
    schedule = Schedule(np.append(np.zeros(10), np.ones(10)))
    with pytest.raises(InputError, match="up to step 5 are 0"):
        laws.build("relaxation").loss(TRUE, schedule, [5])


def test_late_in_a_run_the_noise_takes_longer_to_go():
    """Of decays as long as the root of the steps before them a like share is left; at the age of 10,000 steps 1 / rho steps leave 1 / e."""
    law = laws.build("relaxation")
    for steps in (2_500, 10_000, 40_000):
        memory = round(100 * np.sqrt(steps / 10_000))
        run = Schedule(np.r_[np.full(steps, 1e-3), np.full(4 * memory, 0.5e-3)])
        noise = Relaxing([laws.Planned(run, [steps, steps + 2 * memory])], law).noise(0.01)[0]
        left = (noise[1] - law.read(run)[1][-1]) / (1 - law.read(run)[1][-1])
        assert left == pytest.approx(np.exp(-1), abs=0.02)


def test_small_models_saturate_at_higher_rates_and_other_units_not_at_all():
    law, schedule = laws.build("relaxation"), build("linear", 500, 2e-3, 0)
    share = schedule.lr / schedule.peak
    small = law.of_model(1e8 / 16, adam=True)
    np.testing.assert_allclose(small.read(schedule), laws.build("relaxation", high=3e-3 * 16**0.23).read(schedule))
    assert small.of_model(1e8, adam=True) == law.of_model(None, adam=True) == law
    gain, noise, _ = law.of_model(1e8 / 16, adam=False).read(schedule)
    np.testing.assert_allclose(gain / gain[0], (share / share[0]) ** law.p)
    np.testing.assert_allclose(noise / noise[0], (share / share[0]) ** law.p)
