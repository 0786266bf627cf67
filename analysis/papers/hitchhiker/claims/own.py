"""The practices on our own family of models, six sizes: a verdict for each, beside those on the public families."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.papers.claim import Claim, answer, claim, verdict
from analysis.papers.hitchhiker.asks import ALL, ENDS, ONE, OWN_CUT, TO_END, WHOLE
from analysis.papers.hitchhiker.claims.practices import compare
from analysis.papers.hitchhiker.evidence import Evidence
from analysis.papers.kaplan.family import NOT_RUN
from losslaws.words import percent, values


class Practice(NamedTuple):
    """A practice that pairs of laws judge, which differ in `column` alone: `good` follows the practice, `bad` does not."""

    id: str
    claim: str
    place: str
    printed: str
    column: str
    good: object
    bad: object


PRACTICES = (
    Practice(
        "a-checkpoints",
        "Use intermediate checkpoints, not final losses alone",
        "7",
        "advised",
        "only_final",
        False,
        True,
    ),
    Practice("b-cut", "Leave out the first tenth of the tokens", "7.1", "15 % falls to 4 to 10 %", "cut", OWN_CUT, 0.0),
    Practice(
        "c-whole-runs",
        "Checkpoints of whole runs predict better than those of their first half",
        "5",
        "more of the run is better",
        "share",
        ALL,
        0.5,
    ),
    Practice(
        "d-seeds", "Means over seeds predict better than one seed", "4", "seeds change a loss", "family", WHOLE, ONE
    ),
    Practice(
        "e-ends",
        "Ends of several lengths, each after its own decay, predict the end of a larger run better than all checkpoints of one",
        "3",
        "one run for each size",
        "family",
        ENDS,
        TO_END,
    ),
)


def fitted(e: Evidence) -> pd.DataFrame:
    """The laws that were fitted to smaller models."""
    rows = e.own_estimates
    return rows[(rows["method"] == "fit") & (rows["up"] > 1)]


def judged(e: Evidence, practice: Practice) -> tuple[str, bool | None]:
    """Return what pairs of laws say of a practice, and whether it wins; None: there is no such pair."""
    if e.own is None:
        return NOT_RUN, None
    laws, column = fitted(e), practice.column
    if column != "family":
        laws = laws[laws["family"] == WHOLE]
    if column != "cut":
        laws = laws[laws["cut"] == 0]
    if column == "only_final":
        laws = laws[laws["models"] >= 5]
    said, wins = compare(laws, column, practice=practice.good, other=practice.bad)
    return said + beside(e), wins


def beside(e: Evidence) -> str:
    """Write what another seed changes."""
    return f"; another seed changes a loss by {percent(e.own.noise.relative)}" if e.own.noise else ""


@claim
def practices(e: Evidence) -> list[Claim]:
    rows = []
    for practice in PRACTICES:
        said, wins = judged(e, practice)
        rows.append(
            answer(
                f"hitchhiker-15{practice.id}-own",
                on_own_runs=said,
                verdict=verdict(wins),
            )
        )
    return rows


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
        held = by["max"].iloc[-1] <= 0.1, by["median"].iloc[-1] < by["median"].iloc[0]
    return answer(
        "hitchhiker-15f-five-models-own",
        on_own_runs=said,
        verdict=verdict(*held),
    )


@claim
def near(e: Evidence) -> Claim:
    said, held = NOT_RUN, None
    if e.own:
        three = simple(e)[simple(e)["models"] == 3]
        half = three["up"] <= three["up"].median()
        ends = three[half]["are"].median(), three[~half]["are"].median()
        said = f"nearer half {ends[0]:.4f}, farther half {ends[1]:.4f}{beside(e)}"
        held = None if e.own.noise and abs(ends[0] - ends[1]) <= e.own.noise.relative else ends[0] < ends[1]
    return answer(
        "hitchhiker-15g-near-own",
        on_own_runs=said,
        verdict=verdict(held),
    )


@claim
def single(e: Evidence) -> Claim:
    said, held = NOT_RUN, None
    if e.own:
        rows = e.own_estimates
        found = rows[rows["method"] == "borrowed"].set_index("up")["are"].sort_index()
        said = values({f"{up:.0f} times smaller": are for up, are in found.items()}) + beside(e)
        # one and the same error at every distance: the offset has fallen to 0, and the answer is a constant, whatever is seen
        held = None if np.ptp(found) < 1e-3 * found.max() else found.min() <= 0.1
    return answer(
        "hitchhiker-15h-single-own",
        on_own_runs=said,
        verdict=verdict(held),
    )


@claim
def baselines(e: Evidence) -> Claim:
    said, held = NOT_RUN, None
    if e.own:
        rows, law = e.own_estimates, simple(e).set_index("train")["are"]
        rows = rows[rows["method"].isin(["best", "most trained"])]
        wins = (rows["train"].map(law) < rows["are"]).mean()
        said = values(rows.groupby("method")["are"].median().to_dict()) + f"; the law is better in {percent(wins, 0)}"
        held = wins > 0.5
    return answer(
        "hitchhiker-15i-baselines-own",
        on_own_runs=said,
        verdict=verdict(held),
    )
