"""Every verdict of every paper leads to what it follows from: a rule, and the difference that was found."""

import os
from importlib import import_module

import pandas as pd
import pytest

from analysis import RESULTS
from analysis.papers import names
from analysis.papers.annealing.evidence import Evidence as Annealing
from analysis.papers.claim import Test, answer, gather, table, verdict
from tests.analysis.papers import synthetic


def untraced(claims):
    """The rows of claims.csv with a verdict and no rule, or no difference, or with one test that states no rule."""
    found = []
    for claim, row in zip(claims, table(claims).to_dict("records"), strict=True):
        bare = [test for test in getattr(claim.verdict, "tests", ()) if not test.rule]
        if row["verdict"] != "not tested" and (bare or not row["rule"] or not row["difference"]):
            found.append(claim.id)
    return found


def test_a_verdict_without_a_rule_or_a_difference_is_named():
    whole = answer("mup-01-law", verdict=verdict(Test("a within .002", True, "+.0004")))
    no_rule = answer("mup-02-larger", verdict=verdict(True))
    one_bare = answer("mup-03-within-one", verdict=verdict(Test("below 1 %", True, ".3 %"), False))
    no_difference = answer("mup-04-proof", verdict=verdict(Test("above 1 %", False)))
    open_ = answer("mup-05-wider", verdict=verdict())
    expected = ["mup-02-larger", "mup-03-within-one", "mup-04-proof"]
    assert untraced([whole, no_rule, one_bare, no_difference, open_]) == expected


def evidence(name, monkeypatch):
    """What the claims of a paper are held against: its committed runs, and for what takes minutes, its committed tables."""
    if name == "annealing":
        return Annealing(synthetic.experiment())
    made = import_module(f"analysis.papers.{name}.evidence").Evidence()
    if name == "kaplan":
        for module in ("evidence", "critical_batch"):
            monkeypatch.setattr(f"analysis.papers.kaplan.{module}.DRAWS", 3)
    if name == "hitchhiker":
        for attribute, file in (("estimates", "laws"), ("own_estimates", "own_laws")):
            rows = pd.read_csv(RESULTS / name / f"{file}.csv")
            setattr(made, attribute, rows.assign(train=[tuple(map(float, str(x).split())) for x in rows["train"]]))
        made.curve_estimates = pd.read_csv(RESULTS / name / "curve_estimates.csv", keep_default_na=False)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_every_verdict_has_its_rule_and_its_difference(name, monkeypatch):
    lacking = []
    claims = gather(name, evidence(name, monkeypatch), lacking)
    assert bool(lacking) <= (not os.environ.get("PUBLIC_DATA_MIRROR")), lacking
    assert any(claim.verdict != "not tested" for claim in claims)
    assert not (found := untraced(claims)), (
        f"{name}: give these a Test with a rule and a difference: {', '.join(found)}"
    )
