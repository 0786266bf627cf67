import os

import numpy as np
import pytest

from analysis.papers.loss_to_loss.shifts import Shift, fit_shift, shifted, translate
from analysis.papers.paper import Paper
from losslaws import laws
from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.fitting import fit
from losslaws.laws import Planned

needs_mirror = pytest.mark.skipif(not os.environ.get("PUBLIC_DATA_MIRROR"), reason="PUBLIC_DATA_MIRROR is not set")
LAW = {"E": 1.97, "log_A": 7.8, "alpha": 0.41, "log_B": 8.9, "beta": 0.45}
X = np.linspace(2.2, 3.6, 40)


def run(size, tokens):
    plan = Planned(Schedule(np.ones(1)), [1], {"non_embedding": size}, tokens)
    loss = laws.build("kaplan_entropy").loss(LAW, plan)
    return LossCurve(f"{size}", plan.schedule, [1], loss, parameters=plan.parameters, tokens_per_step=tokens)


RUNS = [run(int(size), int(data)) for size in np.geomspace(2e7, 2e9, 6) for data in np.geomspace(2e8, 5e10, 6)]


def test_the_law_has_exact_derivatives_and_is_found_again():
    law = laws.build("kaplan_entropy")
    theta, x = law.theta(LAW), law.features(RUNS)
    for i in range(theta.size):
        step = np.zeros_like(theta)
        step[i] = 1e-6
        slope = (law.predict(theta + step, x) - law.predict(theta - step, x)) / 2e-6
        np.testing.assert_allclose(law.jacobian(theta, x)[:, i], slope, rtol=1e-6, atol=1e-9)
    assert fit(law, RUNS).params == pytest.approx(LAW, rel=1e-4)


def test_a_shift_is_found_again_with_and_without_its_E():
    y = shifted(X, 0.63, 1.1, 1.97, 0.85)
    for given in (0.85, None):
        found = fit_shift(X, y, 1.97, given)
        assert (found.K, found.kappa, found.E_y) == pytest.approx((0.63, 1.1, 0.85), rel=1e-4)
        assert found.warnings == () and found.r2 == pytest.approx(1)
    np.testing.assert_allclose(found.predict(X), y)


def test_a_translated_law_is_the_shift_of_the_law_and_keeps_the_best_size():
    law = laws.build("kaplan_entropy")
    shift = Shift(0.63, 1.1, LAW["E"], 0.85, 40, 1.0, ())
    moved, x = translate(LAW, shift), law.features(RUNS)
    np.testing.assert_allclose(law.predict(law.theta(moved), x), shift.predict(law.predict(law.theta(LAW), x)))

    def best(p):
        """Best size under 6 N D = C, a straight line in logarithms: its slope and its place."""
        ratio = p["alpha"] / p["beta"]
        return 1 / (1 + ratio), ratio * p["log_A"] + np.log10(ratio) - p["log_B"]

    assert best(moved) == pytest.approx(best(LAW))


def test_fits_that_go_astray_are_flagged():
    y = shifted(X, 0.63, 1.1, 1.97, 0.85)
    assert fit_shift(X[:4], y[:4], 1.97).warnings[0].startswith("too few points: 4; at least 6")
    assert any("lies below its E" in line for line in fit_shift(X, y, 2.4, 0.85).warnings)
    assert any("kappa 0.2" in line for line in fit_shift(X, shifted(X, 1, 0.2, 1.97, 0.85), 1.97, 0.85).warnings)
    assert "E_y is on its bound, 0" in fit_shift(X, shifted(X, 1, 1, 1.97, -0.2), 1.97).warnings
    with pytest.raises(InputError, match="0 of 40 pairs"):
        fit_shift(X, y, 5.0, 0.85)


@needs_mirror
def test_the_public_table(tmp_path):
    paper = Paper.load("loss_to_loss", folder=tmp_path)
    found = {claim.id: claim for claim in paper.claims}
    held = ("01a-joint", "01b-joint", "02a-train-to-train", "02b-constants", "03-extrapolation", "04a-translation")
    assert all(found[f"l2l-{name}"].verdict == "holds" for name in held)
    e = paper.evidence
    assert len(e.pairs) == 30 and e.pairs["error"].mean() == pytest.approx(0.0092, abs=5e-4)
    assert len(e.joint) == 12 and e.joint["apart"].max() < 5e-4 and e.joint["error"].between(0.031, 0.056).all()
    translated = (0.990, 0.990, 0.988, 0.991, 0.991, 0.986)
    np.testing.assert_allclose(e.translation["translated"], translated, atol=0.002)
    fitted = e.test_losses[e.test_losses["kind"] != "identity"]
    astray = fitted[fitted["error"] > 0.15]
    assert len(astray) and (astray["doubts"] != "").all()
    poor = e.translation[e.translation["few_runs_alone"] < 0.95]
    assert len(poor) and (poor["doubts_alone"] != "").all()
