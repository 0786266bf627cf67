"""The published procedures do what they are said to do, on small problems."""

from itertools import islice, product

import numpy as np
import pytest

from analysis.published import bench, peers
from losslaws import laws
from losslaws.curves import LossCurve, public
from losslaws.curves.schedules import build
from losslaws.fitting import fit
from losslaws.laws.annealing import annealing_sums

TRUE = {"L0": 2.4, "A": 0.6, "alpha": 0.45, "B": 400.0, "C": 2.0, "beta": 0.6, "gamma": 0.6}
THETA = np.array([TRUE[name] for name in peers.NAMES])


@pytest.fixture(scope="module")
def curves():
    law, step = laws.build("multi_power", warmup="repository"), np.arange(200, 1201, 40)
    schedules = [build(name, 1300, 3e-4, 100) for name in ("cosine", "constant")]
    return [LossCurve(s.name, s, step, law.loss(TRUE, s, step)) for s in schedules]


def test_the_double_sum_is_our_law_and_its_gradient_is_exact(curves):
    fine = peers.every_step(curves)
    assert fine.value(THETA)[0] < 1e-9
    for problem in (fine, peers.evaluated_steps(curves)):
        theta = THETA * np.linspace(0.95, 1.05, 7)
        _, gradient = problem.value(theta)
        for i, value in enumerate(theta):
            h = np.zeros(7)
            h[i] = 1e-6 * value
            slope = (problem.value(theta + h)[0] - problem.value(theta - h)[0]) / (2 * h[i])
            assert gradient[i] == pytest.approx(slope, rel=1e-4)


def test_rates_between_evaluated_steps_are_nearly_the_sum_over_all(curves):
    coarse, fine = peers.evaluated_steps(curves), peers.every_step(curves)
    np.testing.assert_allclose(coarse.S1, fine.S1, rtol=5e-3)
    assert coarse.groups[1][0].sum() == 0.0  # a constant rate never drops


@pytest.fixture
def six_starts(monkeypatch):
    """Every ninth start of the annealing law's authors, since each takes half a second."""
    monkeypatch.setattr(peers, "product", lambda *axes: islice(product(*axes), 0, None, 9))


def test_the_authors_have_54_starts(curves, monkeypatch):
    monkeypatch.setattr(peers, "best_start", lambda objective, starts: (np.zeros(4), 0.0, len(list(starts))))
    assert peers.annealing_grid(curves).steps == peers.annealing_script(curves).steps == 54


@pytest.mark.slow
def test_the_script_and_the_same_without_its_repetitions_end_alike(curves, six_starts):
    script, lean = peers.annealing_script(curves), peers.annealing_grid(curves)
    assert script.steps == lean.steps == 6
    assert script.objective == pytest.approx(lean.objective, rel=1e-6)
    assert script.params["alpha"] == pytest.approx(lean.params["alpha"], rel=1e-3)
    S1, S2 = annealing_sums(curves[0].schedule, 0.99)
    np.testing.assert_allclose(peers.looped_sums(curves[0], 0.99), (S1, S2), rtol=1e-9, atol=1e-15)


def test_adam_goes_down_and_stops_without_progress(curves):
    problem = peers.every_step(curves)
    start = THETA * 1.02
    _, lowest, done = peers.descend(problem, start, (5e-3, 5e-2), 15, 15, 0.01)
    assert done == 15 and lowest < problem.value(start)[0]
    _, _, done = peers.descend(problem, THETA, (5e-3, 5e-2), 50, 4, 0.0)
    assert done == 5  # it starts at the minimum


def test_the_procedures_of_the_multi_power_law_end_near_ours(curves, monkeypatch):
    monkeypatch.setattr(peers, "first_guess", lambda curves, S1: THETA * 1.02)  # 135 starts take too long for a test
    law = laws.build("multi_power", warmup="repository")
    code = peers.multi_power_code(curves, 30)
    assert fit(law, curves).objective < code.objective < 0.01 and code.steps <= 30
    text = peers.multi_power_text(curves, 5)
    assert text.steps == 10 and np.isfinite(text.objective)


@pytest.mark.slow
def test_the_bench_times_whole_fits(monkeypatch, six_starts):
    monkeypatch.setattr(bench, "REPEATS", 2)
    monkeypatch.setattr(bench, "DRAWS", 3)
    row = bench.both("25M", "lambda given")
    curves = [public.multi_power("25M")[name] for name in public.MULTI_POWER_FIT]
    found = fit(laws.build("annealing"), curves, fixed={"lambda": 0.999})
    assert row["objective"] == found.objective and 0 < row["fit_ms_least"] <= row["fit_ms"] < 1e3 * row["peer_s"]
    assert bench.objective(found.law, found.params, curves) == pytest.approx(found.objective, rel=1e-9)
    assert bench.draws("25M", "lambda given")["fit_ms"] > 0
