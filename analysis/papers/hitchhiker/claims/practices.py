"""A verdict for each best practice, from the laws estimated by the thousand."""

import numpy as np
import pandas as pd

from analysis.papers.claim import Claim, answer, claim, verdict
from analysis.papers.hitchhiker.asks import ALL, LARGE, TEXTS
from analysis.papers.hitchhiker.estimation import CUT
from analysis.papers.hitchhiker.evidence import Evidence
from analysis.papers.kaplan.family import NOT_RUN
from losslaws.words import percent, values

ARE = "median ARE; in brackets the share of pairs in which the practice wins, and their number"


FEWEST = 6  # pairs of laws: of five that all say the same, noise alone gives as many in one case of sixteen


def compare(rows: pd.DataFrame, column: str, *, practice, other) -> tuple[str, bool | None]:
    """Return what pairs of laws that differ in `column` alone say of a practice, in words, and whether it wins.

    None for fewer than FEWEST pairs: a practice is not judged by one comparison.
    """
    rows = rows.dropna(subset=["are"])
    same = [name for name in ("family", "train", "target", "cut", "share", "only_final", "method") if name != column]
    found = rows.pivot_table(index=same, columns=column, values="are")
    if not {practice, other} <= set(found.columns):
        return "none", None
    pairs = pd.DataFrame({"practice": found[practice], "other": found[other]}).dropna()
    good, bad = pairs.median()
    wins = (pairs["practice"] < pairs["other"]).mean()
    said = f"{good:.4f} against {bad:.4f} ({percent(wins, 0)} of {len(pairs)})"
    return said, None if len(pairs) < FEWEST else bool(good < bad and wins > 0.5)


@claim
def checkpoints(e: Evidence) -> list[Claim]:
    laws = e.estimates[e.estimates["method"] == "fit"]
    whole = laws[(laws["share"] == ALL) & (laws["cut"] == 0) & laws["family"].isin(LARGE) & (laws["models"] >= 5)]
    said, wins = compare(whole, "only_final", practice=False, other=True)
    halves = compare(laws[laws["family"].isin(LARGE) & ~laws["only_final"]], "share", practice=ALL, other=0.5)
    cuts = {
        name: compare(
            laws[laws["family"].isin(members) & ~laws["only_final"] & (laws["train"] != laws["target"])],
            "cut",
            practice=CUT,
            other=0.0,
        )
        for name, members in (("OPT", ["OPT"]), ("data ablations", list(TEXTS)))
    }
    return [
        answer(
            "hitchhiker-04-checkpoints",
            on_paper_data=said,
            verdict=verdict(wins),
        ),
        answer(
            "hitchhiker-05-cut",
            on_paper_data="; ".join(f"{name}: {text}" for name, (text, _) in cuts.items()),
            verdict=verdict(*(wins for _, wins in cuts.values())),
        ),
        answer(
            "hitchhiker-06-whole-runs",
            on_paper_data=halves[0],
            verdict=verdict(halves[1]),
        ),
    ]


@claim
def models(e: Evidence) -> list[Claim]:
    rows = e.estimates[
        (e.estimates["method"] == "fit")
        & e.estimates["family"].isin(LARGE)
        & (e.estimates["share"] == ALL)
        & ~e.estimates["only_final"]
        & (e.estimates["models"] >= 2)
        & ((e.estimates["cut"] == CUT) | (e.estimates["family"] == "GPT-3"))
    ].dropna(subset=["are"])
    by = rows.groupby("models")["are"].agg(["median", "max"])
    five = rows[rows["models"] == 5]["are"]
    four = rows[rows["models"] == 4]
    near = four["up"] <= four.groupby(["family", "target"])["up"].transform("median")
    ends = four[near]["are"].median(), four[~near]["are"].median()
    each = {
        f"{family} {target:.3g}": part.groupby("up")["are"].median()
        for (family, target), part in four.groupby(["family", "target"])
    }
    monotone = [bool(np.all(np.diff(line) >= 0)) for line in each.values() if len(line) > 1]
    return [
        answer(
            "hitchhiker-07-five-models",
            on_paper_data="median " + values(by["median"].to_dict()) + "; worst " + values(by["max"].to_dict()),
            verdict=verdict(five.max() <= 0.1, five.median() < rows[rows["models"] == 2]["are"].median()),
        ),
        answer(
            "hitchhiker-08-near",
            on_paper_data=f"nearer half {ends[0]:.4f}, farther half {ends[1]:.4f}; monotone in {sum(monotone)} of {len(monotone)} cases",
            verdict=verdict(ends[0] < ends[1]),
        ),
    ]


@claim
def beginnings(e: Evidence) -> Claim:
    laws = e.estimates
    own = laws[(laws["models"] == 1) & (laws["up"] == 1)].dropna(subset=["are"])
    by = own.groupby("share")["are"].median()
    return answer(
        "hitchhiker-09-own-end",
        on_paper_data=values({f"{share:g}": value for share, value in by.items()}, "{:.4f}"),
        verdict=verdict(by.loc[0.3] <= 0.04, by.loc[0.3] < by.loc[0.1]),
    )


@claim
def baselines(e: Evidence) -> Claim:
    rows = e.estimates[(e.estimates["target"] == 175e9) & e.estimates["family"].isin(LARGE)]
    base = rows[rows["method"].isin(["best", "most trained"])]
    law = rows[(rows["method"] == "fit") & (rows["share"] == ALL) & ~rows["only_final"]]
    law = law[(law["cut"] == CUT) | (law["family"] == "GPT-3")]
    pairs = law.merge(base, on=["family", "train", "target"], suffixes=("", "_base"))
    wins = {method: (part["are"] < part["are_base"]).mean() for method, part in pairs.groupby("method_base")}
    last = base[base["models"] == base.groupby("family")["models"].transform("max")]
    said = {f"{r.family}, {r.method}": r.are for r in last.itertuples()}
    return answer(
        "hitchhiker-10-baselines",
        on_paper_data=values(said)
        + "; the law is better in "
        + values({method: 100 * share for method, share in wins.items()}, "{:.0f} %")
        + " of the smallest-k sets",
        verdict=verdict(*(share > 0.5 for share in wins.values())),
    )


@claim
def components(e: Evidence) -> Claim:
    three = e.components[:3].sum()
    return answer(
        "hitchhiker-11-components",
        on_paper_data=f"{percent(three)} ({values(100 * e.components, '{:.2f}')} each)",
        verdict=verdict(three >= 0.99),
    )


@claim
def seeds(e: Evidence) -> Claim:
    noise = e.own.noise if e.own else None
    return answer(
        "hitchhiker-12-seeds",
        on_own_runs=f"{percent(noise.relative)} (rms of {len(noise.pairs)} pairs)" if noise else NOT_RUN,
        verdict=verdict(noise.relative <= 0.04 if noise else None),
    )


@claim
def thousand(e: Evidence) -> Claim:
    found = e.estimates["are"].notna()
    return answer(
        "hitchhiker-13-thousand",
        on_paper_data=f"{len(found):,} asked for, {found.sum():,} had",
        verdict=verdict(bool(found.sum() >= 1000)),
    )
