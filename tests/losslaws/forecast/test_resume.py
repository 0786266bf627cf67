"""Schedules that take a run further: the rates so far stay, the rest begins where they end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losslaws.curves import InputError, schedules
from losslaws.forecast import resume
from losslaws.forecast.predict import Forecaster
from tests.losslaws.forecast.made import PEAK, WARMUP, made, plan

STEPS = 4000


@given(
    st.sampled_from(["wsd:decay=0.2", "cosine", "linear", "constant"]),
    st.integers(STEPS + 20, 5 * STEPS),
    st.sampled_from([None, 0.1, 1.0]),
    st.booleans(),
)
def test_the_rates_so_far_stay_and_no_later_one_jumps_up(word, steps, share, decayed):
    seen = plan("linear" if decayed else "constant", STEPS)
    found = resume.resumed(seen, steps, word, share and share * PEAK)
    assert found.steps == steps and found.warmup == seen.warmup
    assert np.array_equal(found.lr[:STEPS], seen.lr)
    assert found.lr.max() <= PEAK * (1 + 1e-12) and found.lr.min() >= 0
    if steps - STEPS > 100:  # a rise takes at least a hundredth of the steps that are left
        assert np.diff(found.lr[STEPS - 1 :]).max() <= PEAK / min(WARMUP, (steps - STEPS) // 10) * (1 + 1e-9)


def test_a_decayed_run_rises_in_a_straight_line_and_one_at_its_peak_goes_on():
    held = resume.resumed(plan("constant", STEPS), 6000, "constant")
    assert np.all(held.lr[WARMUP:] == PEAK)
    risen = resume.resumed(plan("linear", STEPS), 6000, "constant", warmup=100)
    assert np.allclose(risen.lr[STEPS : STEPS + 100], PEAK * np.arange(1, 101) / 100)
    assert np.all(risen.lr[STEPS + 100 :] == PEAK)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"steps": STEPS}, "is at step 4000 already"),
        ({"steps": 5000, "warmup": 1000}, "1000 steps that are left"),
        ({"steps": 5000, "word": "wsd:steps=3"}, "wsd"),
        ({"steps": 5000, "word": "wds"}, "did you mean 'wsd'"),
    ],
)
def test_what_cannot_be_is_refused(how, said):
    with pytest.raises(InputError, match=said):
        resume.resumed(plan("linear", STEPS), **{"word": "cosine", **how})


def test_candidates_of_a_decayed_run_have_several_peaks():
    assert len(resume.candidates(plan("constant", STEPS), 8000)) == len(resume.SHAPES)
    decayed = resume.candidates(plan("linear", STEPS), 8000)
    assert len(decayed) == len(resume.SHAPES) * len(resume.PEAKS)
    assert {round(one.lr[STEPS:].max() / PEAK, 2) for one in decayed.values()} >= {0.25, 0.5, 1.0}


def test_a_run_goes_on_in_a_forecast_and_in_a_file(tmp_path):
    seen = plan("wsd", STEPS, decay=0.3)
    plans = resume.candidates(seen, 3 * STEPS)
    forecaster = Forecaster([made(seen, noise=1e-4)])
    for schedule in plans.values():
        found = forecaster.forecast(schedule)
        assert found.continues and found.final[1] < found.final[0] < found.final[2]
        path = resume.save(schedule, tmp_path / "plan.csv")
        read = schedules.build("file", schedule.steps, path=str(path))
        assert np.array_equal(read.lr, schedule.lr)
