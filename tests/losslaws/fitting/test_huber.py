import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from losslaws.fitting.huber import bounded_step, huber, minimise

NONE = np.empty(0, dtype=int)


def saturating(t, y):
    """Residuals of a + b exp(-c t) against y, and their derivatives."""

    def residual(theta):
        a, b, c = theta
        decay = np.exp(-c * t)
        return a + b * decay - y, np.column_stack([np.ones_like(t), decay, -b * t * decay])

    return residual


def reference(residual, start, lower, upper, weight, delta):
    """The cost that scipy reaches from `start`, with its own Huber loss; weights enter as repeated rows."""
    rows = np.repeat(np.arange(weight.size), weight.astype(int))
    found = least_squares(
        lambda theta: residual(theta)[0][rows],
        start,
        lambda theta: residual(theta)[1][rows],
        bounds=(lower, upper),
        loss="huber",
        f_scale=delta,
        x_scale="jac",
        ftol=1e-14,
        xtol=1e-14,
        gtol=1e-14,
        max_nfev=2000,
    )
    return weight @ huber(np.abs(residual(found.x)[0]), delta)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    noise=st.floats(0.001, 0.3),
    delta=st.sampled_from([0.003, 0.05, 1.0]),
    ceiling=st.sampled_from([np.inf, 0.8, 0.3]),
    easy=st.sampled_from([NONE, np.array([0, 1])]),
)
def test_scipy_finds_nothing_lower_nearby(seed, noise, delta, ceiling, easy):
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 4, 60)
    y = 0.5 + 2 * np.exp(-t) + noise * rng.standard_t(2, t.size)
    weight = rng.integers(1, 4, t.size).astype(float)
    lower, upper = np.zeros(3), np.array([ceiling, np.inf, 5.0])
    start = np.array([0.2, 1.0, 0.5])
    found = minimise(saturating(t, y), start, lower, upper, weight, np.full(t.size, delta), easy)
    assert found.converged and np.all((lower <= found.theta) & (found.theta <= upper))
    assert found.cost == pytest.approx(weight @ huber(np.abs(saturating(t, y)(found.theta)[0]), delta))
    inner = np.clip(found.theta, lower + 1e-9, upper - 1e-9)
    assert found.cost <= reference(saturating(t, y), inner, lower, upper, weight, delta) * (1 + 1e-6)


def test_easy_parameters_straighten_a_curved_valley():
    """b log(1 + c t) is linear in b, and b c alone is nearly all that the data tell."""
    t = np.linspace(0.1, 1, 50)
    y = 30 * np.log1p(0.02 * t)
    asked = []

    def residual(theta):
        asked.append(theta[1])
        b, c = theta[0], np.exp(theta[1])
        growth = np.log1p(c * t)
        return b * growth - y, np.column_stack([growth, b * c * t / (1 + c * t)])

    problem = (np.array([0.1, 3.0]), np.array([0.0, -20.0]), np.full(2, np.inf), np.ones(50), np.full(50, 1e-3))
    plain = minimise(residual, *problem, NONE)
    dear = len(set(asked))  # evaluations in which more than b changed
    asked.clear()
    found = minimise(residual, *problem, np.array([0]))
    assert found.converged and found.theta == pytest.approx([30, np.log(0.02)], rel=1e-6)
    assert len(set(asked)) < dear / 5 and not plain.converged


def test_rows_without_a_limit_are_squares():
    def residual(theta):
        return np.array([theta[0] - 1.0, theta[0] - 5.0]), np.ones((2, 1))

    free = (np.array([0.0]), np.array([-np.inf]), np.array([np.inf]))
    weight = np.array([1.0, 1.0])
    assert minimise(residual, *free, weight, np.array([np.inf, np.inf]), NONE).theta == pytest.approx([3.0])
    assert minimise(residual, *free, weight, np.array([np.inf, 0.5]), NONE).theta == pytest.approx([1.5])


def test_a_parameter_without_influence_stays_and_nothing_fails():
    def residual(theta):
        return np.array([theta[0] - 2.0, theta[0] - 2.2]), np.array([[1.0, 0.0], [1.0, 0.0]])

    found = minimise(residual, np.array([9.0, 7.0]), np.zeros(2), np.full(2, 10.0), np.ones(2), np.full(2, 0.01), NONE)
    assert found.converged and found.theta[1] == 7.0 and 2.0 <= found.theta[0] <= 2.2


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 100_000), size=st.integers(1, 6))
def test_bounded_steps_stay_within_and_go_down(seed, size):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    curvature, gradient = root @ root.T + 1e-6 * np.eye(size), rng.normal(size=size)
    lower, upper = -rng.exponential(size=size), rng.exponential(size=size)
    step = bounded_step(curvature, gradient, lower, upper)
    assert np.all((lower <= step) & (step <= upper))
    assert gradient @ step + step @ curvature @ step / 2 < 0
    unbounded = bounded_step(curvature, gradient, np.full(size, -np.inf), np.full(size, np.inf))
    np.testing.assert_allclose(curvature @ unbounded, -gradient, atol=1e-6)


def test_a_direction_without_curvature_is_left_alone():
    unbounded = np.full(2, np.inf)
    step = bounded_step(np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([4.0, 0.0]), -unbounded, unbounded)
    np.testing.assert_allclose(step, [-2.0, 0.0])
