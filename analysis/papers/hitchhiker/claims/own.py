"""The practices on our own family of models, six sizes: a verdict for each, beside those on the public families."""

from typing import NamedTuple

import pandas as pd
from scipy.stats import t as student

from analysis.papers.claim import Claim, Test, answer, claim, verdict
from analysis.papers.hitchhiker.asks import ALL, ENDS, ONE, OWN_CUT, TO_END, WHOLE, own_families
from analysis.papers.hitchhiker.claims.practices import compare, sound
from analysis.papers.hitchhiker.evidence import Evidence
from analysis.papers.kaplan.family import NOT_RUN
from losslaws.words import percent, values


class Practice(NamedTuple):
    """A practice that pairs of laws judge, which differ in `column` alone: `good` follows the practice, `bad` does not."""

    id: str
    rule: str
    column: str
    good: object
    bad: object


PRACTICES = (
    Practice("a-checkpoints", "all checkpoints err less than the last ones", "only_final", False, True),
    Practice("b-cut", "errs less with the first tenth left out", "cut", OWN_CUT, 0.0),
    Practice("c-whole-runs", "whole runs err less than first halves", "share", ALL, 0.5),
    Practice("d-seeds", "means over seeds err less than one seed", "family", WHOLE, ONE),
    Practice("e-ends", "ends of several lengths err less than all checkpoints of one", "family", ENDS, TO_END),
)


def fitted(e: Evidence) -> pd.DataFrame:
    """The laws that were fitted to smaller models."""
    rows = e.own_estimates
    return sound(rows[(rows["method"] == "fit") & (rows["up"] > 1)], own_families(e.own))


def judged(e: Evidence, practice: Practice) -> tuple[str, Test]:
    """Return what pairs of laws say of a practice, and whether it wins. Our runs are one family, of which nothing follows alone."""
    laws, column = fitted(e), practice.column
    if column != "family":
        laws = laws[laws["family"] == WHOLE]
    if column != "cut":
        laws = laws[laws["cut"] == 0]
    if column == "only_final":
        laws = laws[laws["models"] >= 5]
    said, wins = compare(laws, column, practice.rule, practice=practice.good, other=practice.bad)
    return said + beside(e), wins


def beside(e: Evidence) -> str:
    """Write what another seed changes."""
    return f"; another seed changes a loss by {percent(e.own.noise.relative)}" if e.own.noise else ""


@claim
def practices(e: Evidence) -> list[Claim]:
    rows = []
    for practice in PRACTICES:
        said, *held = judged(e, practice) if e.own else [NOT_RUN]
        rows.append(
            answer(
                f"hitchhiker-15{practice.id}-own",
                on_own_runs=said,
                verdict=verdict(*held),
            )
        )
    return rows


def one_family(rule: str, difference: str, e: Evidence) -> Test:
    """A test of one family, of which nothing follows: its choices of models overlap, and all are held against one and the same size.

    Its noise is the 95 % half-width of a size's mean over seeds.
    """
    noise = e.own.noise
    half = f"{student.ppf(0.975, len(noise.pairs)) * e.own.error:.4f}" if noise else "unknown"
    return Test(f"{rule}; one family", None, difference, half, 1)


def simple(e: Evidence) -> pd.DataFrame:
    """The laws of all checkpoints of the largest size, by every choice of smaller models."""
    rows = fitted(e)
    whole = (rows["family"] == WHOLE) & (rows["cut"] == 0) & (rows["share"] == ALL) & ~rows["only_final"]
    return rows[whole & (rows["target"] == rows["target"].max())].dropna(subset=["are"])


@claim
def models(e: Evidence) -> Claim:
    said, held = NOT_RUN, ()
    if e.own:
        by = simple(e).groupby("models")["are"].agg(["median", "max"])
        said = f"median {values(by['median'].to_dict())}; worst {values(by['max'].to_dict())}{beside(e)}"
        gain = by["median"].iloc[-1] - by["median"].iloc[0]
        held = (
            one_family(f"worst of {by.index[-1]} models at most .1", f"{by['max'].iloc[-1]:.4f}", e),
            one_family(f"{by.index[-1]} models err less than {by.index[0]}", f"{gain:+.4f}", e),
        )
    return answer(
        "hitchhiker-15f-five-models-own",
        on_own_runs=said,
        verdict=verdict(*held),
    )


@claim
def near(e: Evidence) -> Claim:
    said, held = NOT_RUN, ()
    if e.own:
        three = simple(e)[simple(e)["models"] == 3]
        half = three["up"] <= three["up"].median()
        ends = three[half]["are"].median(), three[~half]["are"].median()
        said = f"nearer half {ends[0]:.4f}, farther half {ends[1]:.4f}{beside(e)}"
        held = [one_family("the nearer half errs less", f"{ends[0] - ends[1]:+.4f}", e)]
    return answer(
        "hitchhiker-15g-near-own",
        on_own_runs=said,
        verdict=verdict(*held),
    )


@claim
def single(e: Evidence) -> Claim:
    said, held = NOT_RUN, ()
    if e.own:
        rows = e.own_estimates[e.own_estimates["method"] == "borrowed"]
        found, real = rows.set_index("up")["are"].sort_index(), sound(rows, own_families(e.own))["are"]
        fallen = f"E and B fell to 0 in {len(rows) - len(real)} of {len(rows)}"
        said = f"{values({f'{up:.0f} times smaller': are for up, are in found.items()})}; {fallen}{beside(e)}"
        best = f"{real.min():.4f}; {fallen}" if len(real) else fallen
        held = [one_family("least ARE of one model at most .1", best, e)]
    return answer(
        "hitchhiker-15h-single-own",
        on_own_runs=said,
        verdict=verdict(*held),
    )


@claim
def baselines(e: Evidence) -> Claim:
    said, held = NOT_RUN, ()
    if e.own:
        rows, law = e.own_estimates, simple(e).set_index("train")["are"]
        rows = rows[rows["method"].isin(["best", "most trained"])]
        gain = rows["train"].map(law) - rows["are"]
        wins = (gain < 0).mean()
        said = values(rows.groupby("method")["are"].median().to_dict()) + f"; the law is better in {percent(wins, 0)}"
        held = [one_family("the law errs less than either", f"{gain.median():+.4f}", e)]
    return answer(
        "hitchhiker-15i-baselines-own",
        on_own_runs=said,
        verdict=verdict(*held),
    )
