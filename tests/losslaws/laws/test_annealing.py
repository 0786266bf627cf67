import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losslaws import laws
from losslaws.curves import InputError, Schedule
from losslaws.curves.schedules import build
from losslaws.laws._rates import rates_and_drops
from losslaws.laws.annealing import annealing_sums
from tests.losslaws.laws.cases import Case

CASES = [Case({"L0": 2.1, "A": 0.9, "alpha": 0.45, "C": 0.31, "lambda": 0.985})]


def by_definition(schedule, decay, warmup):
    """S1 and S2 as the paper's double sum, step by step."""
    rate, drop = rates_and_drops(schedule, warmup)
    steps = np.arange(schedule.steps)
    weights = np.tril(decay ** np.maximum(steps[:, None] - steps[None, :], 0).astype(float))
    return np.array([rate[: s + 1].sum() for s in steps]), np.cumsum(weights @ drop)


@settings(max_examples=60, deadline=None)
@given(
    lr=st.lists(st.floats(0, 1), min_size=2, max_size=40),
    warmup=st.integers(0, 40),
    decay=st.floats(0, 0.999),
    convention=st.sampled_from(["as-peak", "true", "full"]),
    data=st.data(),
)
def test_sums_are_the_double_sum(lr, warmup, decay, convention, data):
    schedule = Schedule(np.array(lr) + 1e-3, min(warmup, len(lr)))
    S1, S2 = by_definition(schedule, decay, convention)
    np.testing.assert_allclose(annealing_sums(schedule, decay, convention), (S1, S2), rtol=1e-9, atol=1e-12)

    step = np.array(sorted(data.draw(st.sets(st.integers(1, len(lr)), min_size=1))))
    other = build("cosine", 30, warmup=3)  # a second run, to see that nothing is carried over
    x = laws.build("annealing", warmup=convention).features(
        [laws.Planned(other, [7, 30]), laws.Planned(schedule, step)]
    )
    np.testing.assert_allclose(x.S1[2:], S1[step - 1], rtol=1e-9)
    np.testing.assert_allclose(x.S2(decay)[0][2:], S2[step - 1], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(x.S2(decay)[0][:2], by_definition(other, decay, convention)[1][[6, 29]], atol=1e-9)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99, 0.9999])
def test_S2_slope_by_decay(decay):
    x = laws.build("annealing").features([laws.Planned(build("cyclic", 3000, warmup=100), [50, 900, 901, 3000])])
    h = 1e-6 * (1 - decay)
    low, high = (x.S2(decay + sign * h)[0] for sign in (-1, 1))
    np.testing.assert_allclose(
        x.S2(decay)[1], (high - low) / (2 * h), rtol=1e-4, atol=1e-4 * np.abs(x.S2(decay)[1]).max()
    )


def test_no_decay_means_no_S2():
    x = laws.build("annealing").features([laws.Planned(build("constant", 500, peak=3e-3, warmup=50))])
    S2, slope = x.S2(0.999)
    assert not S2.any() and not slope.any()
    np.testing.assert_allclose(x.S1, 3e-3 * np.arange(1, 501))  # the warm-up counts at the peak


def test_without_memory_S2_telescopes_to_the_fall_of_the_rate():
    schedule = build("cosine", 400, peak=2e-3, warmup=20)
    x = laws.build("annealing").features([laws.Planned(schedule)])
    rate, _ = rates_and_drops(schedule, "as-peak")
    np.testing.assert_allclose(x.S2(0.0)[0], 2e-3 - rate, atol=1e-15)


def test_a_rewarm_up_gives_negative_S2():
    schedule = build("polyline", 1000, points=((0, 0.2), (0.5, 0.2), (0.6, 1.0), (1, 1.0)))
    assert annealing_sums(schedule, 0.99)[1][-1] < -0.5


def test_warm_up_conventions_agree_without_a_warm_up_and_differ_with_one():
    def sums(warmup_steps, convention):
        return annealing_sums(build("cosine", 300, warmup=warmup_steps), 0.99, convention)

    for convention in ("true", "full"):
        np.testing.assert_array_equal(sums(0, convention), sums(0, "as-peak"))
    missing = 100 - np.arange(1, 101).sum() / 100  # S1 of 100 steps at the peak less that of a linear rise to it
    assert sums(100, "as-peak")[0][-1] - sums(100, "true")[0][-1] == pytest.approx(missing)
    assert sums(100, "true")[1][99] == 0 and sums(100, "full")[1][99] < 0


def test_bad_options_and_steps():
    with pytest.raises(InputError, match="warmup='tru' is unknown; did you mean 'true'"):
        laws.build("annealing", warmup="tru").features([laws.Planned(build("constant", 9))])
    with pytest.raises(InputError, match="run 'idle': the rates up to step 1 sum to 0"):
        laws.build("annealing").features([laws.Planned(Schedule(np.array([0.0, 1.0])), name="idle")])


def test_variants_contain_the_law():
    schedule = build("wsd", 600, peak=0.01, warmup=30, decay=0.3)
    params = {"L0": 2.0, "A": 0.5, "alpha": 0.5, "C": 0.3, "lambda": 0.99}
    plain = laws.build("annealing").loss(params, schedule)
    np.testing.assert_allclose(laws.build("annealing_zeta").loss(params | {"zeta": 1.0}, schedule), plain, rtol=1e-12)
    np.testing.assert_allclose(
        laws.build("annealing_epsilon").loss(params | {"epsilon": 0.0}, schedule), plain, rtol=1e-12
    )
    plan = laws.Planned(schedule, parameters={"non_embedding": 8_000_000})
    sized = laws.build("annealing_size").loss(params | {"B": 1.5, "beta": 1.0, "gamma": 0.0}, plan)
    np.testing.assert_allclose(sized, plain + 1.5 / 8, rtol=1e-12)
