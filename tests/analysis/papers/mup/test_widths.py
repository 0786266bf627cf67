import numpy as np
import pytest

from analysis.papers.mup import evidence
from analysis.papers.mup.evidence import MAIN, SERIES, WITHOUT
from analysis.papers.mup.widths import curve, fit_widths, hold_out
from analysis.papers.paper import Paper, write_paper
from losslaws.curves import InputError


def test_the_first_seven_widths_predict_the_others():
    series = SERIES[MAIN]
    law = hold_out(series.x, series.loss, 3)
    assert (law.a, law.b, law.c) == pytest.approx((2.469, -0.4231, 2.923), abs=1e-3)
    assert law.predict(series.x[-3:]) == pytest.approx((3.189, 3.080, 3.037), abs=1e-3)
    printed = (8.53, 21.56, 39.09, 61.12, 87.65, 118.68, 154.21, 194.24, 676.48, 1446.72)
    np.testing.assert_allclose(series.x, printed, atol=0.01)


@pytest.mark.parametrize("name, error", [(MAIN, 0.0029), (WITHOUT, -0.0050)])
def test_errors_are_those_of_the_authors(name, error):
    assert SERIES[name].errors[0] == pytest.approx(error, abs=1e-4)


def test_a_law_is_found_again_and_needs_four_widths():
    x = np.array([8.0, 20, 40, 90, 200])
    law = fit_widths(x, curve(x, 2.1, -0.5, 3.1))
    assert (law.a, law.b, law.c) == pytest.approx((2.1, -0.5, 3.1), rel=1e-5)
    with pytest.raises(InputError, match="3 widths for the 3 parameters"):
        hold_out(x, curve(x, 2.1, -0.5, 3.1), 2)


@pytest.mark.slow
def test_the_page_needs_no_public_file(tmp_path, monkeypatch):
    monkeypatch.setenv("PUBLIC_DATA_MIRROR", str(tmp_path / "none"))
    monkeypatch.setattr(evidence, "OWN", tmp_path / "none")
    paper = Paper.load("mup", folder=tmp_path / "page")
    pages = write_paper(paper)
    found = {claim.id: claim.verdict for claim in paper.claims}
    assert found["mup-01-law"] == found["mup-02-larger"] == "holds" and found["mup-04-proof"] == "does not hold"
    assert "fig01_widths.svg" in pages[0].read_text() and paper.lacking == []
