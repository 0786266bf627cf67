import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losslaws.curves import InputError, Schedule, schedules

SHAPES = [name for name in schedules.names() if name != "file"]


@given(
    name=st.sampled_from(SHAPES),
    steps=st.integers(20, 400),
    warmup=st.integers(0, 10),
    peak=st.floats(1e-5, 1.0),
)
def test_every_schedule_is_an_array_of_rates_up_to_the_peak(name, steps, warmup, peak):
    schedule = schedules.build(name, steps, peak, warmup)
    assert schedule.lr.shape == (steps,)
    assert schedule.lr.dtype == np.float64
    assert np.isfinite(schedule.lr).all()
    assert (schedule.lr >= 0).all()
    assert schedule.lr.max() <= peak * (1 + 1e-12)


@given(name=st.sampled_from([n for n in SHAPES if n != "polyline"]), warmup=st.integers(1, 20))
def test_warm_up_is_linear_and_shared_exactly_by_all_schedules(name, warmup):
    lr = schedules.build(name, 200, 3e-3, warmup).lr
    constant = schedules.build("constant", 200, 3e-3, warmup).lr
    assert np.array_equal(lr[:warmup], constant[:warmup])
    assert lr[warmup - 1] == 3e-3


@given(name=st.sampled_from(SHAPES), scale=st.floats(0.1, 10))
def test_the_peak_scales_the_whole_array(name, scale):
    one = schedules.build(name, 120, 1.0, 10).lr
    np.testing.assert_allclose(schedules.build(name, 120, scale, 10).lr, scale * one, rtol=1e-12)


def test_closed_forms():
    t = np.arange(1, 101)
    cosine = schedules.build("cosine", 100, 2.0, final=0.1).lr
    np.testing.assert_allclose(cosine, 2 * (0.1 + 0.45 * (1 + np.cos(np.pi * t / 100))))
    np.testing.assert_allclose(schedules.build("linear", 100).lr, 1 - t / 100, atol=1e-15)
    np.testing.assert_allclose(schedules.build("inverse_sqrt", 100, 1.0, 25).lr[24:], np.sqrt(25 / t[24:]))
    assert set(schedules.build("two_stage", 100, ratio=0.3).lr) == {1.0, 0.3}
    assert np.unique(schedules.build("multistep", 100).lr).size == 3
    assert schedules.build("multistep", 100).lr[79] == 1.0
    assert schedules.build("multistep", 100).lr[80] == pytest.approx(10**-0.5)


@pytest.mark.parametrize("shape", ["linear", "cosine", "1-sqrt", "power"])
def test_wsd_is_stable_until_its_decay_and_ends_at_its_final_rate(shape):
    lr = schedules.build("wsd", 100, decay=0.2, shape=shape, final=0.05).lr
    assert (lr[:80] == 1.0).all()
    assert (np.diff(lr[79:]) < 0).all()
    assert lr[-1] == pytest.approx(0.05)


def test_wsd_shapes_follow_their_formulas():
    x = np.arange(1, 21) / 20
    build = lambda **options: schedules.build("wsd", 100, decay=20, **options).lr[80:]  # noqa: E731
    np.testing.assert_allclose(build(shape="1-sqrt"), 1 - np.sqrt(x), atol=1e-12)
    np.testing.assert_allclose(build(shape="power", power=1.5), (1 - x) ** 1.5, atol=1e-12)
    np.testing.assert_allclose(build(shape="exponential", final=0.01), 0.01**x)


def test_decay_is_a_fraction_or_a_number_of_steps():
    assert np.array_equal(schedules.build("wsd", 100, decay=0.2).lr, schedules.build("wsd", 100, decay=20).lr)


def test_cosine_with_a_cycle_stays_at_its_minimum_or_is_cut_off():
    short = schedules.build("cosine", 100, cycle=60, final=0.1).lr
    assert short[59:] == pytest.approx(0.1)
    long = schedules.build("cosine", 100, cycle=140).lr
    np.testing.assert_array_equal(long, schedules.build("cosine", 140).lr[:100])


def test_cyclic_rewarms_to_the_peak_in_every_cycle():
    lr = schedules.build("cyclic", 300, warmup=10, cycles=3, rewarm=0.1, final=0.1).lr
    assert lr[[99, 199, 299]] == pytest.approx(0.1)
    assert lr[[9, 109, 209]] == pytest.approx(1.0)


def test_multistep_cosine_ends_each_stage_at_its_value():
    lr = schedules.build("multistep_cosine", 60000, 2e-4, 500).lr
    assert lr[[48000 - 1, 54000 - 1, 60000 - 1]] == pytest.approx([0.628318e-4, 0.2e-4, 0.0], abs=1e-9)


def test_polyline_and_file(tmp_path):
    lr = schedules.build("polyline", 4, points=[[0, 1.0], [0.5, 1.0], [1, 0.0]]).lr
    assert lr.tolist() == [1.0, 1.0, 0.5, 0.0]
    path = tmp_path / "rates.csv"
    path.write_text("step,lr\n" + "".join(f"{i + 1},{float(rate)!r}\n" for i, rate in enumerate(lr * 3e-4)))
    assert np.array_equal(schedules.build("file", 4, path=str(path)).lr, lr * 3e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: schedules.build("cosin", 10), "did you mean 'cosine'"),
        (lambda: schedules.build("wsd", 10, decy=0.1), "did you mean 'decay'"),
        (lambda: schedules.build("wsd", 10, shape="sqrt"), "did you mean '1-sqrt'"),
        (lambda: schedules.build("wsd", 10, shape="exponential"), "set final above 0"),
        (lambda: schedules.build("wsd", 10, warmup=5, decay=0.9), "must fit into the 5"),
        (lambda: schedules.build("constant", 10, warmup=11), "warmup 11 must lie between 0 and the 10 steps"),
        (lambda: schedules.build("constant", 0), "must lie between 1 and 20,000,000"),
        (lambda: schedules.build("constant", 10, peak=float("nan")), "must be finite"),
        (lambda: schedules.build("constant", 10, peak=-1.0), "must be finite and >= 0"),
        (lambda: schedules.build("multistep", 10, milestones=[0.9, 0.8]), "must rise"),
        (lambda: schedules.build("multistep", 10, values=[1.0]), "need 3 values"),
        (lambda: schedules.build("polyline", 10, points=[[0, 1]]), "at least two"),
        (lambda: schedules.build("file", 10, path="nowhere.csv"), "no file 'nowhere.csv'"),
    ],
)
def test_bad_input_gets_one_clear_line(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_file_that_is_too_short_or_has_no_rates(tmp_path):
    path = tmp_path / "rates.csv"
    for content, message in [
        ("lr\n1\n", "has 1 rows"),
        ("rate\n1\n", "no column 'lr'"),
        ("lr\nx\ny\n", "not a number"),
        ("step,lr\n5001,1\n5002,1\n", "column step begins at 5001; write the rates of all steps from 1 on"),
        ("step,lr\n1,1\n101,1\n", "column step goes from 1 to 101, but every row is one optimiser step"),
        ("step,lr\n1,1\ntwo,1\n", "column step holds something that is not a number"),
    ]:
        path.write_text(content)
        with pytest.raises(InputError, match=message):
            schedules.build("file", 2, path=str(path))


def test_common_steps():
    constant = schedules.build("constant", 100, warmup=10)
    assert constant.common_steps(schedules.build("wsd", 50, warmup=10, decay=0.2)) == 40
    assert constant.common_steps(schedules.build("cosine", 100, warmup=10)) == 10
    assert constant.common_steps(schedules.build("constant", 30, warmup=10)) == 30
    assert constant.common_steps(schedules.build("constant", 30, warmup=5)) == 0


def test_a_schedule_cannot_be_changed_behind_a_laws_back():
    schedule = Schedule(np.ones(3))
    with pytest.raises(ValueError, match="read-only"):
        schedule.lr[0] = 2


def test_the_first_of_two_cycles_is_a_cosine_to_the_last_bit():
    two = schedules.build("cyclic", 400, 3e-3, 20, cycles=2, final=0.1, peaks=[1, 0.5])
    one = schedules.build("cosine", 200, 3e-3, 20, final=0.1)
    assert two.common_steps(one) == 200
    assert two.lr[200:].max() == pytest.approx(1.5e-3)
