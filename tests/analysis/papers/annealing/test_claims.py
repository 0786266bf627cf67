import re
from dataclasses import replace

import numpy as np
import pytest

from analysis.pages import figure as figures
from analysis.papers import claim as claims
from analysis.papers.annealing.evidence import Evidence, best_ratio, delay, turns
from analysis.papers.annealing.experiment import Experiment
from analysis.papers.claim import COLUMNS, NOT_RUN, VERDICTS, Claim, verdict
from losslaws.curves import schedules
from tests.analysis.papers import synthetic

ITEMS = 18  # of the list of the paper's claims


@pytest.fixture(scope="module")
def experiment():
    return Experiment("cpu", {name: synthetic.curve(name) for name in synthetic.CELLS})


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
    assert verdict(True, True, None) == "holds"
    assert verdict(True, False) == "holds in part"
    assert verdict(np.False_, None) == "does not hold"
    assert verdict(None) == verdict() == "not tested"
    with pytest.raises(ValueError, match="verdict 'yes'"):
        Claim(id="x", claim="y", source="z", verdict="yes")


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


def test_a_difference_within_the_seed_noise_decides_nothing(experiment):
    names = ("cosine-1x-final10", "cosine-1x-cycle14", "cosine-1x-cycle06")
    base, step = experiment.curves["cosine-1x"], experiment.noise.difference

    def outcome(shift):
        moved = {name: replace(base, name=name, loss=base.loss + shift) for name in names}
        return claim_of(
            Experiment("x", experiment.curves | moved), "full_cosine_is_best", "annealing-07-cosine"
        ).verdict

    assert outcome(2 * step) == "holds"  # by the law on the paper's points, and by the runs
    assert outcome(0.5 * step) == "holds"  # by the law alone
    assert outcome(-2 * step) == "holds in part"


def test_measured_losses_decide_the_falsifiers(experiment):
    tail = experiment.curves["zero-tail"]
    flat = replace(tail, loss=np.where(tail.step > 400, tail.at(400), tail.loss))
    claim = claim_of(Experiment("x", experiment.curves | {"zero-tail": flat}), "zero_tail", "annealing-r1-zero-tail")
    assert claim.verdict == "does not hold" and claim.on_own_runs.startswith("+0.0000 (-")
    high = experiment.curves["peak10-05x"]
    worse = Experiment("x", experiment.curves | {"peak10-05x": replace(high, loss=high.loss + 3)})
    assert claim_of(worse, "scaled_up", "annealing-r2-scaled-up").verdict == "does not hold"
    between = experiment.curves["peak4-05x"]
    off = Experiment("x", experiment.curves | {"peak4-05x": replace(between, loss=between.loss * 1.1)})
    assert claim_of(off, "scaled_up", "annealing-r2-scaled-up").verdict == "does not hold"
    lawful = Experiment("x", {name: synthetic.curve(name, noise=0.0) for name in synthetic.CELLS})
    assert claim_of(lawful, "scaled_up", "annealing-r2-scaled-up").verdict == "holds"  # runs made by the law itself


@pytest.mark.slow
def test_a_small_profile_names_what_it_did_not_run(found):
    smoke = Experiment("smoke", {name: synthetic.curve(name) for name in synthetic.SMOKE})
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
