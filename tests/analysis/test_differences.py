"""What a reader reproduces is set beside the committed results and does not touch them."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.differences import differences
from analysis.papers.annealing import verify
from analysis.papers.paper import Paper, steps
from losslaws.curves import InputError
from losslaws.curves.loss_curve import LossCurve
from tests.analysis.papers.synthetic import SMOKE, write_experiment


@pytest.fixture
def two(tmp_path):
    """Committed results, and the same runs reproduced a little off, one of them new."""
    committed, reproduced = tmp_path / "results", tmp_path / "reproduced"
    for root in (committed, reproduced):
        write_experiment(root / "annealing" / "smoke", SMOKE)
    curves = reproduced / "annealing" / "smoke" / "curves"
    curve = LossCurve.load(curves / "cosine-1x.csv")
    loss = curve.loss.copy()
    loss[3] *= 1.01
    loss[-1] *= 1 - 1e-5
    replace(curve, loss=loss).save(curves)
    replace(curve, name="new").save(curves)
    return committed, reproduced


def test_every_reproduced_run_is_set_beside_the_committed_one(two):
    committed, reproduced = two
    table = differences(reproduced, committed).set_index("run")
    assert set(table.index) == {*SMOKE, "new"} and set(table["sweep"]) == {"annealing/smoke"}
    assert table.loc["cosine-1x", "difference"] == pytest.approx(-1e-5)
    assert table.loc["cosine-1x", "largest"] == pytest.approx(0.01)
    assert table.loc["constant-1x", "largest"] == 0 and np.isnan(table.loc["new", "committed"])
    with pytest.raises(InputError, match="holds no curves; `make reproduce` puts them there"):
        differences(committed / "nothing", committed)


def test_a_paper_reads_and_writes_in_the_folder_that_stands_for_results(two):
    _, reproduced = two
    paper = Paper.load("annealing", "smoke", root=reproduced)
    assert paper.folder == reproduced / "annealing" / "smoke" and "new" in paper.evidence.own.curves
    paper = Paper.load("hitchhiker", root=reproduced)
    assert paper.folder == reproduced / "hitchhiker" and paper.evidence.runs == reproduced / "kaplan"
    assert steps("annealing", "smoke", reproduced) == [f"training run smoke --results {reproduced}/annealing/smoke"]
    assert steps("mup", root=reproduced)[-1] == f"training.coordinates mup --results {reproduced}/mup"


def test_numbers_are_expected_as_they_were_committed(two, monkeypatch):
    committed, reproduced = two
    monkeypatch.setattr(verify, "RESULTS", committed)
    paper = Paper.load("annealing", "smoke", root=reproduced)
    assert verify.expected_file(paper) == reproduced / "annealing" / "smoke" / "expected.json"
    (committed / "annealing" / "smoke" / "expected.json").write_text("{}")
    assert verify.expected_file(paper) == committed / "annealing" / "smoke" / "expected.json"
