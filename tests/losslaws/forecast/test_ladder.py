"""A model forecast from smaller ones: made ladders whose outcome is known, the OLMo ladder, and the door."""

from dataclasses import replace

import numpy as np
import pytest

from losslaws import laws, schedules
from losslaws.curves import InputError, LossCurve, public
from losslaws.forecast.calibration import learned, widening
from losslaws.forecast.ladder import Model, fit_ladder
from losslaws.forecast.plans import each, predict, sized
from losslaws.forecast.predict import Forecaster

LAW = laws.build("relaxation_size")
TRUTH = {"B": 3.0, "A": 20.0, "alpha": 0.48, "K": 0.18, "rho": 0.01, "beta": 0.075, "gamma": 0.2}
NEXT = Model(500_000_000, 1_000_000)


def made(size, steps, batch=500_000, name="cosine", seed=0):
    schedule = schedules.build(name, steps, peak=1e-3, warmup=300)
    step = np.arange(200, steps + 1, 200)
    planned = laws.Planned(schedule, step, {"non_embedding": size}, batch)
    loss = LAW.loss(TRUTH, planned) * (1 + 3e-4 * np.random.default_rng(seed).standard_normal(step.size))
    return LossCurve(
        f"{size // 10**6}M-{steps}", schedule, step, loss, parameters=planned.parameters, tokens_per_step=batch
    )


@pytest.fixture(scope="module")
def ladder():
    return [made(size, steps, seed=i) for i, size in enumerate((60_000_000, 200_000_000)) for steps in (8_000, 24_000)]


@pytest.mark.parametrize("name, options", [("cosine", {}), ("wsd", {"decay": 0.2}), ("constant", {})])
def test_two_sizes_tell_a_whole_run_of_the_next(ladder, name, options):
    schedule = schedules.build(name, 20_000, peak=1e-3, warmup=300, **options)
    truth = LAW.loss(TRUTH, laws.Planned(schedule, None, {"non_embedding": NEXT.size}, NEXT.batch))
    forecast = Forecaster(ladder, model=NEXT).forecast(schedule)
    at = forecast.step >= 4_000
    assert forecast.loss[at] == pytest.approx(truth[forecast.step - 1][at], rel=6e-3)
    assert np.all((forecast.low < truth[forecast.step - 1]) & (truth[forecast.step - 1] < forecast.high))
    assert not forecast.continues
    assert any("2.5 times the 200,000,000" in line for line in forecast.warnings)


def test_the_interval_is_that_of_a_ladder_and_grows_with_size_and_length(ladder):
    schedule = schedules.build("cosine", 20_000, peak=1e-3, warmup=300)
    asked = Forecaster(ladder, model=NEXT)
    _, spread = asked.fitted.losses(schedule, [20_000])
    final, low, high = asked.forecast(schedule).final
    assert (high - low) / 2 / final == pytest.approx(spread[0] * widening("ladder"))
    larger = Forecaster(ladder, model=replace(NEXT, size=1_500_000_000))
    assert larger.fitted.losses(schedule, [20_000])[1][0] > spread[0]
    longer = schedules.build("cosine", 400_000, peak=1e-3, warmup=300)
    assert asked.fitted.losses(longer, [400_000])[1][0] > spread[0]


def test_the_olmo_ladder_tells_its_760m_model():
    """The two smaller sizes alone, within .5 % at every evaluation of all five lengths, a fifth of each run on."""
    small, middle, large = public.groups("olmo-ladder")
    seen = [run for group in (small, middle) for run in group.curves.values()]
    fitted = fit_ladder(seen, Model(large.parameters, large.tokens_per_step), learned())
    for run in large.curves.values():
        late = run.step >= 0.2 * run.step[-1]
        loss, _ = fitted.losses(run.schedule, run.step)
        error = np.abs(loss / run.loss - 1)[late]
        assert error.mean() < 0.002 and error.max() < 0.005


def test_it_is_asked_through_predict(ladder):
    bare = [replace(run, parameters={}) for run in ladder]
    sizes = [run.parameters["non_embedding"] for run in ladder]
    (found,) = predict(bare, ["cosine"], steps=20_000, parameters=sizes, model=NEXT).values()
    (same,) = predict(ladder, ["cosine"], steps=20_000, model=NEXT).values()
    assert found.final == same.final


def test_what_is_no_ladder_is_refused(ladder):
    one_size = ladder[:2]
    with pytest.raises(InputError, match="all logs are of 60,000,000 parameters; a ladder needs two sizes"):
        _ = Forecaster(one_size, model=NEXT).fitted
    with pytest.raises(InputError, match="the logs are of 2 sizes .*give --next N"):
        Forecaster(ladder)
    with pytest.raises(
        InputError, match="60M-8000: a ladder needs the size and the batch of every log; give --parameters"
    ):
        _ = Forecaster([replace(ladder[0], parameters={}), *ladder[1:]], model=NEXT).fitted
    with pytest.raises(InputError, match="--next 9000000000: .* nothing is forecast beyond 10 times that"):
        _ = Forecaster(ladder, model=replace(NEXT, size=9_000_000_000)).fitted
    with pytest.raises(InputError, match="--parameters: 3 values for 4 logs; give one for all, or one each"):
        sized(ladder, [1, 2, 3])
    assert each([5], ladder, "batch") == [5] * 4
