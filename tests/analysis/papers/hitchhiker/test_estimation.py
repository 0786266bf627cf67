import os

import numpy as np
import pandas as pd
import pytest

from analysis.papers.claim import gather
from analysis.papers.hitchhiker import asks, evidence
from analysis.papers.hitchhiker.claims import practices
from analysis.papers.hitchhiker.estimation import (
    CUT,
    START,
    Ask,
    estimate,
    estimate_all,
    law,
    slopes,
    smallest,
    subsets,
)
from analysis.papers.paper import Paper
from losslaws.curves import InputError, public
from losslaws.curves.public import hitchhiker as families
from tests.analysis.papers.synthetic_family import write_family

needs_mirror = pytest.mark.skipif(not os.environ.get("PUBLIC_DATA_MIRROR"), reason="PUBLIC_DATA_MIRROR is not set")
THETA = (6.0, 8.0, 0.6, 0.34, 0.38)


@pytest.fixture(scope="module")
def made():
    """A family whose losses follow the law, but for the first tokens of every run, which lie above it."""
    N, D = (grid.ravel() for grid in np.meshgrid([1e8, 4e8, 1e9, 6e9], np.geomspace(2e9, 2e11, 40)))
    loss = law(THETA, N, D) * (1 + 0.2 * (D < CUT))
    return families.family([f"{n:g}" for n in N], N, D, loss)


def test_the_derivatives_are_exact():
    N, D = np.array([1e8, 1e10]), np.array([1e9, 1e12])
    for i in range(5):
        up, down = (np.array(THETA) + sign * 1e-6 * (np.arange(5) == i) for sign in (1, -1))
        np.testing.assert_allclose(
            slopes(THETA, N, D)[:, i], (law(up, N, D) - law(down, N, D)) / 2e-6, rtol=1e-6, atol=1e-9
        )


def test_the_law_is_found_again_once_the_first_tokens_are_left_out(made):
    ask = Ask("made", smallest(made, 3), 6e9, cut=CUT)
    found = estimate(made, ask)
    assert found["are"] < 1e-5 and found["models"] == 3 and found["up"] == 6
    assert [found[name] for name in ("a", "b", "e", "alpha", "beta")] == pytest.approx(THETA, rel=1e-3)
    assert estimate(made, Ask("made", ask.train, 6e9))["are"] > 100 * found["are"]


def test_asks_choose_their_checkpoints(made):
    every = estimate(made, Ask("made", (1e8, 1e9), 6e9))["points"]
    assert every == 80 and estimate(made, Ask("made", (1e8, 1e9), 6e9, share=1.0))["points"] == 78
    assert estimate(made, Ask("made", (1e8, 1e9), 6e9, only_final=True))["points"] == 2
    half = estimate(made, Ask("made", (1e8,), 1e8, cut=CUT, share=0.5))["points"]
    assert half == np.sum((made["N"] == 1e8) & (made["D"] > CUT) & (made["D"] < 1e11))
    assert np.isnan(estimate(made, Ask("made", (1e8, 1e9), 6e9, only_final=True))["are"])  # 2 points, 5 parameters
    borrowed = estimate(made, Ask("made", (1e9,), 6e9, method="borrowed"))
    assert (borrowed["a"], borrowed["alpha"]) == (START[0], START[3])
    assert len(list(subsets(made, 6e9))) == 4


def test_baselines_are_losses_of_the_training_models(made):
    target = made[(made["N"] == 6e9) & (made["D"] >= 1.4e11)]["loss"]
    best = estimate(made, Ask("made", smallest(made, 3), 6e9, method="best"))["are"]
    assert best == pytest.approx(np.mean(made[made["N"] == 1e9]["loss"].min() / target - 1))
    assert estimate(made, Ask("made", smallest(made, 3), 6e9, method="most trained"))["are"] == pytest.approx(best)


def test_estimating_all_keeps_the_order_and_equals_one_by_one(made):
    chosen = [Ask("made", train, 6e9, cut=CUT) for train in subsets(made, 6e9)]
    table = estimate_all({"made": made}, chosen, workers=2)
    one = pd.DataFrame([estimate(made, ask) for ask in chosen])
    pd.testing.assert_frame_equal(table, one)


def test_without_the_tables_the_loss_curves_still_get_their_verdicts(tmp_path, monkeypatch):
    for read in (families.opt, families.gpt3, families.datablations, families.olmo):
        read.cache_clear()
    monkeypatch.setenv("PUBLIC_DATA_MIRROR", str(tmp_path))
    monkeypatch.setattr(evidence, "PARTS", (0.4,))
    monkeypatch.setattr(evidence, "OWN", tmp_path / "none")
    lacking = []
    found = {
        claim.id: claim for claim in gather("hitchhiker", Paper.load("hitchhiker", folder=tmp_path).evidence, lacking)
    }
    own = {name for name in found if name.startswith("hitchhiker-15")}
    assert len(own) == 9 and all(found[name].verdict == "not tested" for name in own)
    assert all("training run kaplan" in found[name].on_own_runs for name in own)
    assert found.keys() - own == {"hitchhiker-12-seeds", "hitchhiker-14a-curves", "hitchhiker-14b-curves"}
    assert lacking and all("ColPret" in line and "PUBLIC_DATA_MIRROR" in line for line in lacking)
    with pytest.raises(public.Unavailable, match=r"extracted\.csv"):
        families.gpt3()


def laws_of(errors):
    """Laws of families by name, two each, with the first tokens left out and without: `errors` are (practice, other)."""
    rows = [
        {"family": name, "train": (1.0, k), "target": 9.0, "cut": cut, "share": asks.ALL, "only_final": False}
        | {"method": "fit", "are": are, "e": 0.6, "b": 7.0, "beta": 0.3}
        for name, pair in errors.items()
        for k in (2.0, 3.0)
        for cut, are in zip((CUT, 0.0), pair, strict=True)
    ]
    return pd.DataFrame(rows)


def test_a_family_counts_once_however_many_choices_of_models_it_gives():
    five = {f"c4 x {n}": (0.01, 0.02) for n in (1, 2, 3, 4, 5)}
    said, test = practices.compare(laws_of(five), "cut", "errs less", practice=CUT, other=0.0)
    assert "100 % of 10" in said and test.passed is None and test.runs == 5
    _, test = practices.compare(laws_of(five | {"OPT": (0.01, 0.02)}), "cut", "errs less", practice=CUT, other=0.0)
    assert test.passed is True and (test.difference, test.runs) == ("+6 (6 to 0)", 6)
    # one run stands in both: one family
    both = five | {"oscar x 3": (0.01, 0.02), "oscar x 4": (0.01, 0.02)}
    assert practices.compare(laws_of(both), "cut", "errs less", practice=CUT, other=0.0)[1].runs == 6


def test_a_law_whose_offset_and_data_term_fell_to_nothing_is_no_result():
    laws, tables = laws_of({"OPT": (0.01, 0.02)}), {"OPT": pd.DataFrame({"D": [1e9, 1e11]})}
    assert len(practices.sound(laws, tables)) == 4
    laws.loc[0, ["e", "b", "beta"]] = (-19.6, 8.0, 8.6)
    laws.loc[1, ["e", "b", "beta"]] = (-19.6, 8.0, 0.3)  # what more tokens bring is left
    assert practices.sound(laws, tables).index.tolist() == [1, 2, 3]


@pytest.mark.slow
def test_the_practices_on_our_own_family(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "OWN", write_family(tmp_path / "family"))
    monkeypatch.setattr(evidence, "WORKERS", 1)
    e = evidence.Evidence()
    found = {claim.id: claim for claim in gather_some("own", e)}
    rows = e.own_estimates
    assert found["hitchhiker-15e-ends-own"].on_own_runs.endswith("another seed changes a loss by 0.16 %")
    ends, runs = (rows[(rows["family"] == name) & (rows["up"] > 1)] for name in (asks.ENDS, asks.TO_END))
    both = ends.merge(runs, on="train").dropna(subset=["are_x", "are_y"])
    assert (
        f"{(both['are_x'] < both['are_y']).mean():.0%}".replace("%", " %")
        in found["hitchhiker-15e-ends-own"].on_own_runs
    )
    own = {claim.verdict for name, claim in found.items() if name.startswith("hitchhiker-15")}
    assert own == {"undecided"}  # one family
    assert set(e.tables()) == {"laws", "own_laws", "curve_estimates"}


def test_unknown_units_and_epochs_get_one_line():
    with pytest.raises(InputError, match="unit 'bits'"):
        families.opt("bits")


@needs_mirror
def test_the_printed_errors():
    found = {claim.id: claim for claim in gather_some("reproduced")}
    held = ("01a-gpt3", "01b-below-ten", "02a-opt", "03a-single")
    assert all(found[f"hitchhiker-{name}"].verdict == "holds" for name in held)
    assert found["hitchhiker-02b-unit-trap"].verdict == "does not hold"
    assert found["hitchhiker-03b-olmo"].verdict == "holds in part"
    assert "0 of them common" in found["hitchhiker-03b-olmo"].on_paper_data


def gather_some(module, e=None):
    """Return the claims of one module of the paper, without the thousand laws."""
    from analysis.papers import claim as claims

    e = e or evidence.Evidence()
    __import__(f"analysis.papers.hitchhiker.claims.{module}")
    for function in claims.REGISTRY:
        if function.__module__ == f"analysis.papers.hitchhiker.claims.{module}":
            made = function(e)
            yield from made if isinstance(made, list) else [made]


@needs_mirror
def test_more_than_a_thousand_laws_are_asked_for():
    every = asks.every_ask(asks.every_family())
    assert len(every) > 1000 and len(set(every)) == len(every)
