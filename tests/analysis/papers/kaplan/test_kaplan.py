import numpy as np
import pandas as pd
import pytest

from analysis.papers.annealing.experiment import Experiment
from analysis.papers.kaplan import evidence
from analysis.papers.kaplan.family import Family
from analysis.papers.kaplan.simulation import reconcile
from analysis.papers.paper import Paper, write_paper
from losslaws import laws
from losslaws.curves import InputError, Schedule
from losslaws.laws import Planned
from losslaws.search import kaplan
from losslaws.search.allocation import CHINCHILLA, allocate, best
from tests.analysis.papers.synthetic import write_experiment
from tests.analysis.papers.synthetic_family import write_family

COSINES = ("constant-1x", "cosine-05x", "cosine-1x", "cosine-2x", "cosine-3x", "cosine-1x-0.06m", "cosine-1x-0.18m")


@pytest.mark.parametrize(
    "name, size, loss, reducible, total_size, total_loss",
    [
        ("Besiroglu et al. 2024", 0.7805, -0.0690, -0.1329, 0.5154, -0.0966),
        ("Hoffmann et al. 2022", 0.7388, -0.0659, -0.1200, 0.4577, -0.0870),
    ],
)
def test_pearce_and_songs_exponents(name, size, loss, reducible, total_size, total_loss):
    found = reconcile(CHINCHILLA[name])
    got = (found.size, found.loss, found.reducible, found.total_size, found.total_loss)
    assert got == pytest.approx((size, loss, reducible, total_size, total_loss), abs=1e-4)


def test_the_exact_frontier_has_the_exponents_of_chinchilla_where_nothing_is_embedded(monkeypatch):
    monkeypatch.setattr("analysis.papers.kaplan.simulation.EMBEDDING", 0)
    monkeypatch.setattr("analysis.papers.kaplan.simulation.SIZES", np.geomspace(1e2, 1e11, 2000))
    law = CHINCHILLA["Besiroglu et al. 2024"]
    assert reconcile(law, exact=True).size == pytest.approx(law["beta"] / (law["alpha"] + law["beta"]), abs=1e-3)


def test_the_optimum_of_size_and_steps_is_that_of_a_fine_scan_and_of_the_closed_form():
    assert kaplan.size_exponent() == pytest.approx(0.681, abs=0.005)
    assert kaplan.exponents()["N"] == pytest.approx(kaplan.size_exponent(), abs=1e-5)
    sizes = kaplan.best_size(1.0) * np.geomspace(0.5, 2, 201)
    losses = [kaplan.loss_at_compute(size, 1.0) for size in sizes]
    assert sizes[np.argmin(losses)] == pytest.approx(kaplan.best_size(1.0), rel=0.01)
    assert kaplan.best_size(1.0) == pytest.approx(5.84e8, rel=0.01)


def test_compute_and_loss_are_inverse_and_share_the_laws_of_the_fitter():
    loss = kaplan.loss_at_compute(1e8, 0.5)
    assert kaplan.compute_to_loss(1e8, loss) == pytest.approx(0.5)
    steps = 0.5 * kaplan.PF_DAY / (6e8 * kaplan.critical_batch(loss))
    assert kaplan.loss_of_size_and_steps(1e8, steps) == pytest.approx(loss)
    plan = Planned(Schedule(np.ones(1000)), [1000], {"non_embedding": 10**8}, 10**6)
    theta = {key: kaplan.value(f"both.{key}") for key in ("alpha_N", "alpha_D")}
    logs = {f"log_{key}": np.log10(kaplan.value(f"both.{key}")) for key in ("Nc", "Dc")}
    assert laws.build("kaplan_data").loss(theta | logs, plan)[0] == pytest.approx(
        kaplan.loss_of_size_and_tokens(1e8, 1e9)
    )


def test_what_the_paper_derives_from_its_constants():
    assert kaplan.tokens_needed(1.0) == pytest.approx(5.52e3, rel=1e-3)
    excess = kaplan.loss_of_size_and_tokens(1e9, kaplan.tokens_needed(1e9)) / kaplan.loss_of_size_and_tokens(
        1e9, np.inf
    )
    assert excess == pytest.approx(1.02)
    trade = kaplan.convergence_trade(0.1, 0.02)
    assert (trade["N"], trade["S"], trade["C"]) == pytest.approx((2.67, 0.133, 0.354), abs=5e-3)
    assert kaplan.size_trade(0.6)["C"] == pytest.approx(1.165, abs=1e-3)
    assert (kaplan.size_trade(2.2)["C"], kaplan.size_trade(2.2)["S"]) == pytest.approx((1.204, 0.547), abs=1e-3)
    assert kaplan.size_trade(1.0) == {"C": 1.0, "S": 1.0}
    assert kaplan.critical_batch(3.0) == pytest.approx(1.12e6, rel=5e-3)
    batch = kaplan.critical_batch(3.0)
    assert kaplan.minimal_steps(1000, batch, 3.0) == pytest.approx(500)
    assert kaplan.minimal_compute(1.0, batch, 3.0) == pytest.approx(0.5)
    # off the point where both forms of a wrong formula would agree: a batch of twice the critical one
    assert kaplan.minimal_steps(900, 2 * batch, 3.0) == pytest.approx(600)
    assert kaplan.minimal_compute(1.0, 2 * batch, 3.0) == pytest.approx(1 / 3)


def test_every_table_has_its_constants():
    sources = " ".join(constant.source for constant in kaplan.CONSTANTS.values())
    assert len(kaplan.CONSTANTS) == 26 and all(f"Table {n}" in sources for n in range(2, 7))


def test_allocate_spends_the_budget_and_beats_its_neighbours(tmp_path):
    own = {
        "own": Experiment.load(write_experiment(tmp_path / "own", COSINES)).fitted["chinchilla"],
        "family": Family.load(write_family(tmp_path / "family")).chinchilla,
    }
    table = allocate(1e18, own)
    np.testing.assert_allclose(6 * table["N"] * table["D"], 1e18)
    assert table["law"].tolist()[-2:] == ["own fit, runs of own", "own fit, runs of family"]
    assert "times the compute" in table["note"].iloc[-1]
    law = CHINCHILLA["Besiroglu et al. 2024"]
    size, data, loss = best(law, 1e18)
    for factor in (0.9, 1.1):
        other = law["E"] + law["A"] * (size * factor) ** -law["alpha"] + law["B"] * (data / factor) ** -law["beta"]
        assert other > loss
    assert len(allocate(1e18)) == 4
    with pytest.raises(InputError, match="-1 FLOPs; give a number"):
        allocate(-1)


@pytest.mark.slow
def test_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "OWN", write_family(tmp_path / "own"))
    monkeypatch.setattr(evidence, "DRAWS", 3)
    monkeypatch.setattr("analysis.papers.kaplan.critical_batch.DRAWS", 3)
    paper = Paper.load("kaplan", folder=tmp_path / "kaplan")
    pages = write_paper(paper)
    found = {claim.id: claim for claim in paper.claims}
    assert found["kaplan-05a-size-exponent"].verdict == "does not hold"
    alone = ("05a-size-exponent-closed", "06a-stop", "06b-trade", "06c-off-size", "07-breakdown", "08-learning-rate")
    alone += ("09a-reconciled", "09b-reconciled")
    assert {found[f"kaplan-{name}"].verdict for name in alone} == {"by the law alone"}
    assert "6 runs" in found["kaplan-01a-size"].on_own_runs
    assert found["kaplan-03b-trade"].verdict == "holds" and "6 runs" in found["kaplan-03a-critical-batch"].on_own_runs
    text = pages[0].read_text()
    assert ".681" in text and "not the printed" in text and "left out" not in text
    figures = {path.stem for path in (paper.folder / "figures").glob("*.svg")}
    assert {"fig03_own_runs", "fig04_steps", "fig05_texts", "fig06_batches"} < figures
    table = pd.read_csv(paper.folder / "own_fits.csv").set_index(["law_of", "parameter"])
    assert table.loc[("critical batch", "alpha_B"), "published"] == 0.21
    assert (paper.folder / "constants.csv").exists() and pages[1].read_text().startswith("<!doctype html>")


@pytest.mark.slow
def test_the_page_without_own_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "OWN", tmp_path / "none")
    paper = Paper.load("kaplan", folder=tmp_path / "kaplan")
    pages = write_paper(paper)
    found = {claim.id: claim for claim in paper.claims}
    assert (
        found["kaplan-01a-size"].verdict == "not tested"
        and "training run kaplan" in found["kaplan-01a-size"].on_own_runs
    )
    assert found["kaplan-05a-size-exponent"].verdict == "does not hold"
    assert not (paper.folder / "figures" / "fig03_own_runs.svg").exists()
    assert "fig03_own_runs is left out: not run: results/kaplan is not there" in pages[0].read_text()
    assert not (paper.folder / "own_fits.csv").exists()
    with pytest.raises(InputError, match="paper 'kaplna' is unknown; did you mean 'kaplan'"):
        Paper.load("kaplna", folder=tmp_path)
