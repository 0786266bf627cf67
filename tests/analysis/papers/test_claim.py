"""How claims are shown: every verdict with its tests, links to figures that were drawn, no column that says nothing."""

import pytest

from analysis.pages.figure import Drawing
from analysis.papers.claim import NOT_RUN, Claim, Test, answer, shown, texts, verdict

MEASURED = Test("cosine ends lower", True, "-.03 nats", ".01", 8)


@pytest.fixture
def claims():
    return [
        Claim("a", "Cosine is better", "Fig. 1", verdict=verdict(MEASURED), figure="fig01"),
        Claim(
            "b", "The law says so", "Fig. 2", verdict=verdict(Test("below 1", False, ".2", law=True)), figure="fig02"
        ),
    ]


def test_a_claim_shows_its_tests_and_the_figure_that_was_drawn(claims):
    text = shown(claims, [Drawing("fig01", "", "", 3), Drawing("fig02", "", "", 4, missing="no runs")])
    first, second = text.splitlines()[-2:]
    assert "cosine ends lower: -.03 nats ± .01 (8 runs) yes" in first and "[3](figures/fig01.svg)" in first
    assert "law: below 1: .2 no" in second and "±" not in second and "figures/" not in second


def test_columns_in_which_nothing_stands_are_left_out(claims):
    head = shown(claims, []).splitlines()[0]
    assert "verdict" in head and "rule" in head and "our runs" not in head and "paper |" not in head
    bare = [Claim("a", "One", "Fig. 1", on_own_runs="2 %"), Claim("b", "Two", "Fig. 1")]
    head = shown(bare, []).splitlines()[0]
    assert "our runs" in head and "rule" not in head


def test_what_was_not_run_is_not_tested_rather_than_undecided():
    identity = next(iter(texts("annealing")))
    hidden = verdict(Test("lower", None))
    assert answer(identity, on_own_runs=NOT_RUN, verdict=hidden).verdict == "not tested"
    assert answer(identity, on_own_runs="2 % apart", verdict=hidden).verdict == "undecided"
    assert answer(identity, on_own_runs=NOT_RUN, verdict=verdict(MEASURED)).verdict == "holds"
