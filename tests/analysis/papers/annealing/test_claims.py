import re
from dataclasses import replace

import numpy as np
import pytest

from analysis.pages import figure as figures
from analysis.papers import claim as claims
from analysis.papers.annealing import noise
from analysis.papers.annealing.claims import cost
from analysis.papers.annealing.evidence import Evidence, best_ratio, delay, turns
from analysis.papers.annealing.experiment import Experiment
from analysis.papers.claim import COLUMNS, NOT_RUN, VERDICTS, Claim, Test, holm, verdict
from losslaws.curves import schedules
from tests.analysis.papers import synthetic

ITEMS = 18  # of the list of the paper's claims


@pytest.fixture(scope="module")
def experiment():
    return synthetic.experiment()


@pytest.fixture(scope="module")
def found(experiment):
    return {claim.id: claim for claim in claims.gather("annealing", Evidence(experiment))}


def claim_of(experiment, name, identity):
    """Return one claim of the function `name` of the package."""
    (function,) = [f for f in claims.REGISTRY if f.__name__ == name]
    result = function(Evidence(experiment))
    return {c.id: c for c in (result if isinstance(result, list) else [result])}[identity]


def numbers(text):
    return [float(x) for x in re.findall(r"[-+]?\d*\.\d+|[-+]?\d+", text)]


def test_every_claim_of_the_paper_has_its_row(found):
    items = {int(match[1]) for match in (re.match(r"annealing-(\d\d)", identity) for identity in found) if match}
    assert items == set(range(1, ITEMS + 1))
    assert {"annealing-r1-zero-tail", "annealing-r2-scaled-up"} <= found.keys()
    table = claims.table(list(found.values()))
    assert tuple(table.columns) == COLUMNS and len(table) == len(found)
    assert set(table["verdict"]) <= set(VERDICTS)
    assert not table["claim"].duplicated().any()


def test_figures_named_by_claims_exist(found):
    assert {claim.figure for claim in found.values()} - {""} <= set(figures.names("analysis.papers.annealing.figures"))


def test_a_verdict_follows_from_its_tests():
    assert verdict(True, True) == "holds"
    assert verdict(True, False) == verdict(True, None) == "holds in part"
    assert verdict(np.False_, False) == verdict(np.False_, None) == "does not hold"
    assert verdict(None) == "undecided"
    assert verdict() == "not tested"
    with pytest.raises(ValueError, match="verdict 'yes'"):
        Claim(id="x", claim="y", source="z", verdict="yes")


def test_the_law_on_itself_makes_no_claim_hold():
    said, denied = (Test("of the law", passed, law=True) for passed in (True, False))
    assert verdict(said) == verdict(said, said) == "by the law alone"
    assert verdict(said, None) == "undecided"
    assert verdict(said, True) == "holds"
    assert verdict(denied, True) == verdict(said, denied) == "holds in part"
    assert verdict(said, False) == verdict(denied) == "does not hold"


def test_holm_leaves_undecided_what_one_of_many_rows_would_show_by_chance():
    tests = [Test(f"row {i}", True, p=p) for i, p in enumerate((0.0001, 0.012, 0.02, 0.04, 0.2))]
    # .0001 <= .05 / 5 and .012 <= .05 / 4, but .02 > .05 / 3: it and all above are undecided
    assert [test.passed for test in holm(tests)] == [True, True, None, None, None]
    assert [test.passed for test in holm([*tests[:1], Test("published", False)])] == [True, False]
    assert [test.passed for test in holm(tests[1:2])] == [True]


def test_every_verdict_can_be_traced(found):
    for claim in found.values():
        tests = claim.verdict.tests
        assert claim.verdict == verdict(*tests), claim.id
        assert all(test.rule for test in tests), claim.id
        measured = [test for test in tests if test.runs]
        assert all(test.difference for test in measured), claim.id
        for test in measured:
            assert test.rule in claim.rule and str(test.runs) in claim.runs


def test_the_papers_fit_and_predictions_are_reproduced(found):
    assert found["annealing-02b-constants"].verdict == "holds"
    assert numbers(found["annealing-02a-two-curves"].on_paper_data)[0] == pytest.approx(0.99964, abs=1e-5)
    for letter, printed in zip("abcde", (0.146, 0.159, 0.176, 0.235, 0.322), strict=True):
        claim = found[f"annealing-03{letter}-unseen"]
        assert numbers(claim.on_paper_data)[0] == pytest.approx(printed, abs=0.03)


def test_what_does_not_reproduce_is_shown_with_its_numbers(found):
    r2 = numbers(found["annealing-13a-chinchilla"].on_paper_data)[0]
    assert r2 > 0.999 and found["annealing-13a-chinchilla"].verdict == "holds in part"
    delay = found["annealing-04b-delay-size"]
    assert numbers(delay.on_paper_data)[2] > 2 * 400  # the law's, after 1000 steps of annealing
    assert found["annealing-13c-chinchilla-constants"].verdict == "does not hold"


def test_crossover_and_ratio_of_the_papers_law(found):
    assert numbers(found["annealing-08-crossover"].on_paper_data)[-1] == 24000
    assert numbers(found["annealing-10b-ratio-falls"].on_paper_data)[1::2] == [25, 21, 18, 16, 14]


def shifted(made, kind, by):
    """The experiment with every run of one kind moved by so many nats."""
    runs = [
        replace(run, loss=run.loss + by) if name == kind else run
        for name, seeds in made.runs.items()
        for run in seeds.values()
    ]
    return Experiment.of("shifted", runs)


@pytest.fixture(scope="module")
def lawful():
    """Runs made by the law itself, of seeds that all add something."""
    return synthetic.experiment(noise=0.3)


def test_a_difference_within_the_noise_decides_nothing(lawful):
    constant, cosine = (lawful.curves[f"{kind}-3x"].end_loss for kind in ("constant", "cosine"))
    ((_, half, _, runs),) = [noise.compare(lawful.runs["cosine-3x"], lawful.runs["constant-3x"], lawful.relations)]
    assert runs == 4

    def outcome(gap):
        return Evidence(shifted(lawful, "cosine-3x", constant - cosine + gap)).below("cosine-3x", "constant-3x").passed

    assert outcome(-3 * half) is True
    assert outcome(3 * half) is False
    assert outcome(0.3 * half) is None and outcome(-0.3 * half) is None


def test_a_claim_that_measured_runs_contradict_does_not_hold(lawful):
    worse = shifted(shifted(lawful, "wsd40-linear-3x", 0.1), "wsd40-linear-1x", 0.1)
    worse = shifted(worse, "wsd40-linear-05x", 0.1)
    assert claim_of(worse, "decay_shape", "annealing-11b-shape-long").verdict == "does not hold"


def test_measured_losses_decide_the_falsifiers(lawful):
    claim = claim_of(lawful, "zero_tail", "annealing-r1-zero-tail")
    assert claim.verdict != "not tested" and "weights stand still" in claim.noise
    assert claim_of(lawful, "scaled_up", "annealing-r2-scaled-up").verdict == "holds"  # made by the law itself
    for kind in ("peak8-05x", "peak4-05x"):
        off = shifted(lawful, kind, 0.3)
        assert claim_of(off, "scaled_up", "annealing-r2-scaled-up").verdict == "holds in part"


def test_no_turn_inside_the_window_is_no_delay():
    step = np.arange(1, 101)
    assert delay(step, -step.astype(float), (40, 50, 70)) is None
    assert delay(step, step.astype(float), (50, 70, 90), rising=True) is None
    assert delay(step, np.abs(step - 57.0), (40, 50, 70)) == 7


def test_the_public_grid_speaks_where_it_can(found):
    for identity in (
        "05a-drop-steps",
        "07-cosine",
        "08-crossover",
        "09a-wsd",
        "10a-ratio",
        "10b-ratio-falls",
        "11a-shape-short",
    ):
        assert "public" in found[f"annealing-{identity}"].rule, identity
    best = found["annealing-10a-ratio"]
    assert best.verdict == "holds in part" and best.rule.count("public grid") == 15


@pytest.mark.slow
def test_a_small_profile_names_what_it_did_not_run(found):
    smoke = synthetic.experiment("smoke", synthetic.SMOKE, seeds=2)
    small = {claim.id: claim for claim in claims.gather("annealing", Evidence(smoke))}
    assert small.keys() == found.keys()
    for identity in ("03b-unseen", "04a-delay", "09a-wsd", "12a-rewarm", "18-N-four", "r1-zero-tail"):
        assert small[f"annealing-{identity}"].on_own_runs == NOT_RUN
    assert numbers(small["annealing-02a-two-curves"].on_own_runs)


def test_turns_and_delays():
    points = [(0, 1), (0.4, 1), (0.5, 0.2), (0.7, 1), (0.9, 0), (1, 0.5)]
    schedule = schedules.build("polyline", 100, 1.0, 10, points=points)
    assert turns(schedule) == [(40, 50, 70), (70, 90, 100)]
    assert turns(schedule, rising=True) == [(50, 70, 90)]
    step = np.arange(1, 101)
    assert delay(step, np.abs(step - 57.0), (40, 50, 70)) == 7
    assert delay(step, -np.abs(step - 73.0), (50, 70, 90), rising=True) == 3


def test_best_ratio_is_the_lowest_of_a_fine_scan(experiment):
    fit, peak, warmup = experiment.fit, synthetic.PEAK, synthetic.WARMUP
    ratio = best_ratio(fit, peak, warmup, 1200, "linear")
    scan = {
        r: fit.predict(schedules.build("wsd", 1200, peak, warmup, decay=r))[-1]
        for r in np.arange(0.02, 0.9, 0.01).tolist()
    }
    assert ratio == pytest.approx(min(scan, key=scan.get), abs=0.015)


def test_laws_are_compared_on_the_targets_that_all_of_them_tell_from_the_same_runs():
    found = cost.by_law()
    assert {"annealing", "chinchilla", "relaxation-known"} <= set(found.index) and found["count"].nunique() == 1
    (test,) = cost.at_equal_cost()
    assert not test.passed and found.loc["annealing", "mean"] > 2 * found.loc["chinchilla", "mean"]
