"""What other models say of a run: by size, batch and rate, and nothing of a unit that is not known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from losslaws.curves import LossCurve, public
from losslaws.curves.public import Group
from losslaws.curves.runs import decays
from losslaws.forecast import fitted
from losslaws.forecast.calibration import PRIOR, learned
from losslaws.forecast.fitted import fit_runs
from losslaws.forecast.prior import (
    EARLY,
    EXPONENTS,
    FORMS,
    LAW,
    MEMORIES,
    STIFFNESS,
    Known,
    alike,
    expected,
    learn,
    line,
    prior_for,
    tell,
    weights,
)
from tests.losslaws.forecast.made import in_another_unit, made, plan


def expects(peak=1e-3, batch=50_000, size=None, optimiser_known=True):
    run = LossCurve("r", plan("constant", 1000, peak=peak), np.arange(100, 1001, 100), np.full(10, 3.0))
    known = Known(size, batch, peak if optimiser_known else None, 20_000)
    return prior_for(run, learned(), "memory 100", known, early=False)


def test_a_decay_removes_more_at_higher_rates_and_smaller_batches_and_of_larger_models():
    few = expects()
    assert few.mean["K"] > expects(batch=5_000_000).mean["K"]
    assert expects(peak=2e-3).mean["K"] + np.log(LAW.level(2e-3)) > few.mean["K"]
    assert expects(size=1e9).mean["K"] > expects(size=1e7).mean["K"]
    # a whole decay removes 5 to 10 % of the loss at these rates, as in the public curves
    assert 0.05 < np.exp(few.mean["K"]) / 3 < 0.1


def test_what_is_not_known_widens():
    assert expects(size=1e8).scale["K"] < expects(batch=None).scale["K"] < expects(optimiser_known=False).scale["K"]


def test_where_the_rate_says_nothing_a_decay_removes_more_early_and_at_small_batches():
    run, share = made(plan("constant", 20_000)), {}
    for batch, steps in ((50_000, 3000), (50_000, 100_000), (4_000_000, 3000), (None, 3000), (None, 100_000)):
        known = Known(1e8, batch, None, steps)
        share[batch, steps] = prior_for(run, learned(), "memory 100", known, early=False).mean["K"]
    assert share[50_000, 3000] > max(share[50_000, 100_000], share[4_000_000, 3000])
    assert share[None, 3000] > share[None, 100_000]


def test_a_part_of_a_run_has_stiffer_priors():
    run = made(plan("constant", 20_000))
    late, early = (prior_for(run, learned(), "memory 100", Known(1e8, 50_000, 1e-3), early) for early in (False, True))
    assert early.points == EARLY > late.points == STIFFNESS and early.scale == late.scale


@pytest.mark.parametrize(("last", "early"), [(15_000, True), (17_400, True), (17_800, False)])
def test_priors_are_stiff_until_a_run_came_down_to_three_fifths_of_its_peak(last, early, monkeypatch):
    found = []
    monkeypatch.setattr(fitted, "prior_for", lambda *given: found.append(given[4]) or prior_for(*given))
    fit_runs([made(plan("wsd", 20_000, decay=0.2), last)], learned())
    assert found == [early] * len(FORMS)


def test_memory_grows_with_the_size():
    small, large = (weights(learned(), Known(size=size)) for size in (1e7, 1e10))
    assert small.sum() == pytest.approx(1) and small @ np.log(MEMORIES) < large @ np.log(MEMORIES) - 0.5
    mean = [expected(learned()["memory"]["size"], Known(size=size).at("size"))[0] for size in (1e8, 1e9)]
    assert 0.3 < (mean[1] - mean[0]) / np.log(10) < 0.8


def test_a_line_is_recovered_and_authors_count_alike():
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(300), rng.uniform(-3, 3, 300)])
    value = x @ [2.0, 0.4] + 0.1 * rng.standard_normal(300)
    found = line(value, x, np.full(300, 1 / 300), 300, [(0.0, 1.0)])
    assert found["coefficients"] == pytest.approx([2.0, 0.4], abs=0.02) and found["scale"] == pytest.approx(
        0.1, rel=0.1
    )
    # nothing seen of the slope: it stays where it was expected
    flat = line(np.array([1.0, 1.2]), np.ones((2, 2)), np.full(2, 0.5), 2, [(0.3, 0.1)])
    assert flat["coefficients"][1] == pytest.approx(0.3, abs=0.02)
    assert alike(["a", "a", "a", "b"]) == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])


@pytest.fixture(scope="module")
def few():
    """Two groups of a public data set, and what they say."""
    groups = [group for group in public.groups("annealing-paper") if any(map(decays, group.curves.values()))][:2]
    return groups, tell(groups)


def test_what_groups_say_does_not_depend_on_an_unknown_unit(few):
    groups, _ = few

    def in_unit(group: Group, factor: float) -> Group:
        curves = {name: in_another_unit(curve, factor) for name, curve in group.curves.items()}
        return replace(group, curves=curves, rate="other", optimiser="muon")

    one, other = (tell([in_unit(groups[0], factor)])[0] for factor in (1.0, 1000.0))
    assert one.known.rate is None and one.known.key == "batch steps"
    assert one.share == pytest.approx(other.share, abs=1e-6)


def test_learned_numbers_are_plain_and_whole(few):
    found = learn(few[1])
    assert json.loads(json.dumps(found)) == found
    assert found["forms"].keys() == FORMS.keys()
    for form in found["forms"].values():
        assert form["share"].keys() == EXPONENTS.keys()


def test_the_committed_priors_are_in_the_form_of_these():
    kept = json.loads(PRIOR.read_text(encoding="utf-8"))
    assert kept["forms"].keys() == FORMS.keys() and kept["points"] > 0


@pytest.mark.parametrize("decay", [None, 0.2])
def test_without_adam_a_forecast_does_not_depend_on_the_unit(decay):
    run = made(plan("wsd", 20_000, decay=decay) if decay else plan("constant", 20_000))
    target = plan("wsd", 25_000, decay=0.3)
    ends = []
    for factor in (1.0, 1000.0, 1e-5):
        fitted = fit_runs([in_another_unit(run, factor)], learned(), "muon")
        loss, spread = fitted.losses(in_another_unit(made(target), factor).schedule, [25_000])
        ends.append((loss[0], spread[0]))
    for end in ends[1:]:
        assert end == pytest.approx(ends[0], rel=1e-6)
    scales = [
        prior_for(run, learned(), "memory 100", Known(batch=51_200, rate=rate, steps=20_000), early=False).scale["K"]
        for rate in (1e-3, None)
    ]
    assert scales[0] < scales[1]  # what the rate says of a decay is worth something
