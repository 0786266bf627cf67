"""Published numbers beside ours, from the printed ones to the page."""

import pandas as pd
import pytest

from analysis.published import table as published
from analysis.published.numbers import EPOCH, REPOSITORY
from losslaws.fitting.metrics import Score


@pytest.fixture(scope="module")
def found():
    return published.table()


def test_the_repository_reproduces_and_every_other_number_has_a_reason(found):
    readme = found[found["source"] == REPOSITORY]
    assert len(readme) == 15 and (readme["reproduces"] == "yes").all()
    assert readme["ours"].to_numpy() == pytest.approx(readme["printed"].astype(float).to_numpy(), abs=4e-5)
    errors = readme[readme["quantity"] != "R2"]
    assert errors["ours"].to_numpy() == pytest.approx(errors["printed"].astype(float).to_numpy(), abs=6e-6)
    no = found["reproduces"] == "no"
    assert (found["reason"][no] != "").all() and not found["reason"].str.contains("not known").any()
    assert (found["reason"][~no] == "").all()


def test_printed_r2_of_the_momentum_law_does_not_go_with_its_rmse(found):
    """What the reason in the table says."""
    rows = found[(found["size"] == "25M") & (found["law"] == "annealing (Momentum)")].set_index("quantity")
    assert rows["reproduces"][["R2", "RMSE"]].tolist() == ["no", "yes"]


def test_chinchilla_where_its_points_can_be_had(found, monkeypatch):
    rows = found[found["source"] == EPOCH].set_index(["how", "quantity"])
    if rows.empty:
        pytest.skip("the points cannot be fetched")
    assert rows["reproduces"]["fit"][["E", "alpha", "beta"]].tolist() == ["yes"] * 3
    moved = rows.loc[("fit, five outliers put back", "beta")]
    assert moved["ours"] > 0.42 and "outliers" in moved.name[0] and "five runs" in moved["reason"]


@pytest.mark.parametrize(
    "printed, ours, same",
    [(".0047", 0.00456, "no"), (".0047", 0.00461, "yes"), (".9988", 0.99889, "yes"), ("482", 483.2, "no")],
)
def test_a_number_reproduces_within_one_unit_of_its_last_digit(printed, ours, same):
    of = {"source": "Table 3", "size": "25M", "law": "no-gamma", "how": "fit"}
    row = published.row(of, "MAE", printed, ours)
    assert row["reproduces"] == same and bool(row["reason"]) == (same == "no")


def test_the_page_shows_what_fails_first(monkeypatch, tmp_path):
    of = {"source": "Table 3", "size": "25M", "law": "step-power", "how": "fit"}
    rows = published.rows(of, ".9921 .0066 .0075 .0020 .0069", Score(0.9921, 0.0045, 0.0053, 0.0013, 0.0034, 0.001))
    monkeypatch.setattr(published, "table", lambda: pd.DataFrame([*rows]))
    page, _ = published.write(tmp_path)
    assert pd.read_csv(tmp_path / "published.csv")["reproduces"].tolist() == ["yes", "no", "no", "no", "no"]
    text = page.read_text()
    assert "5 numbers, of which 1 reproduce" in text
    assert text.index("Does not reproduce") < text.index("| .0066 | 0.0045 |") < text.index("## Reproduces")
