"""A verdict for each best practice, from the laws estimated by the thousand."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import chi2

from analysis.papers.claim import Claim, Test, answer, claim, verdict
from analysis.papers.comparisons import at_most, signs
from analysis.papers.hitchhiker.asks import ALL, LARGE, TEXTS
from analysis.papers.hitchhiker.estimation import CUT
from analysis.papers.hitchhiker.evidence import Evidence
from analysis.papers.kaplan.family import NOT_RUN
from losslaws.curves.runs import Noise
from losslaws.words import percent, values

# runs that stand in two families: one family, when independent ones are counted
SHARED = {"OLMo twin": "OLMo", "OPT perplexity": "OPT", "oscar x 4": "oscar x 3"}
NONE = 1e-3  # nats
MOST = 0.04  # that another seed changes a loss, relative


def independent(families: pd.Series) -> pd.Series:
    """Return the names of families, those that share runs under one name: choices of models from one family are no independent ones."""
    return families.replace(SHARED)


def sound(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the laws without those whose E and B / D^beta fell to 0: they say A / N^alpha, whatever was seen."""
    tokens = rows["family"].map({name: table["D"].max() for name, table in tables.items()})
    seen = np.exp(rows["e"]) + np.exp(rows["b"] - rows["beta"] * np.log(tokens))
    return rows[~(seen < NONE)]


def compare(rows: pd.DataFrame, column: str, rule: str, *, practice, other) -> tuple[str, Test]:
    """Return what pairs of laws that differ in `column` alone say of a practice, in words, and whether it wins in more families.

    The choices of models from one family overlap, so that it counts once, with the median of its differences.
    """
    rows = rows.dropna(subset=["are"])
    same = [name for name in ("family", "train", "target", "cut", "share", "only_final", "method") if name != column]
    found = rows.pivot_table(index=same, columns=column, values="are")
    if not {practice, other} <= set(found.columns):
        return "none", signs(rule, [])
    pairs = pd.DataFrame({"practice": found[practice], "other": found[other]}).dropna().reset_index()
    good, bad = pairs[["practice", "other"]].median()
    wins = (pairs["practice"] < pairs["other"]).mean()
    families = independent(pairs["family"]) if "family" in same else pd.Series("one", pairs.index)
    gain = (pairs["practice"] - pairs["other"]).groupby(families).median()
    return f"{good:.4f} against {bad:.4f} ({percent(wins, 0)} of {len(pairs)})", signs(f"{rule}, by family", gain)


@claim
def checkpoints(e: Evidence) -> list[Claim]:
    laws = sound(e.estimates[(e.estimates["method"] == "fit") & (e.estimates["up"] > 1)], e.families)
    whole = laws[(laws["share"] == ALL) & (laws["cut"] == 0) & laws["family"].isin(LARGE) & (laws["models"] >= 5)]
    said, wins = compare(whole, "only_final", "all checkpoints err less than the last ones", practice=False, other=True)
    laws = laws[~laws["only_final"]]
    groups = {"OPT": ["OPT"], "GPT-3 and OPT": list(LARGE), "data ablations": list(TEXTS)}

    def of(names, column, rule, practice, other):
        """What groups of families say of a practice, each and all together."""
        parts = {name: laws[laws["family"].isin(groups[name])] for name in names}
        told = {name: compare(part, column, rule, practice=practice, other=other)[0] for name, part in parts.items()}
        test = compare(pd.concat(parts.values()), column, rule, practice=practice, other=other)[1]
        return "; ".join(f"{name}: {text}" for name, text in told.items()), test

    cuts = of(("OPT", "data ablations"), "cut", "errs less with the first tokens left out", CUT, 0.0)
    halves = of(("GPT-3 and OPT", "data ablations"), "share", "whole runs err less than first halves", ALL, 0.5)
    return [
        answer(
            "hitchhiker-04-checkpoints",
            on_paper_data=said,
            verdict=verdict(wins),
        ),
        answer(
            "hitchhiker-05-cut",
            on_paper_data=cuts[0],
            verdict=verdict(cuts[1]),
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
    five, two = (rows[rows["models"] == k] for k in (5, 2))
    four = rows[rows["models"] == 4]
    near = four["up"] <= four.groupby(["family", "target"])["up"].transform("median")
    ends = four[near]["are"].median(), four[~near]["are"].median()
    nearer = by_family(four[near]) - by_family(four[~near])
    each = {
        f"{family} {target:.3g}": part.groupby("up")["are"].median()
        for (family, target), part in four.groupby(["family", "target"])
    }
    monotone = [bool(np.all(np.diff(line) >= 0)) for line in each.values() if len(line) > 1]
    return [
        answer(
            "hitchhiker-07-five-models",
            on_paper_data="median " + values(by["median"].to_dict()) + "; worst " + values(by["max"].to_dict()),
            verdict=verdict(
                at_most(f"worst ARE of {len(five)} choices of five at most .1", five["are"].max(), 0.1),
                signs("five models err less than two, by family", by_family(five) - by_family(two)),
            ),
        ),
        answer(
            "hitchhiker-08-near",
            on_paper_data=f"nearer half {ends[0]:.4f}, farther half {ends[1]:.4f}; monotone in {sum(monotone)} of {len(monotone)} cases",
            verdict=verdict(signs("the nearer half errs less, by family", nearer)),
        ),
    ]


def by_family(rows: pd.DataFrame) -> pd.Series:
    """Return the median ARE of every independent family."""
    return rows.groupby(independent(rows["family"]))["are"].median()


@claim
def beginnings(e: Evidence) -> Claim:
    laws = e.estimates
    own = laws[(laws["models"] == 1) & (laws["up"] == 1)].dropna(subset=["are"])
    by = own.groupby("share")["are"].median()
    runs = own.groupby([independent(own["family"]), "target", "share"])["are"].median().unstack()
    return answer(
        "hitchhiker-09-own-end",
        on_paper_data=values({f"{share:g}": value for share, value in by.items()}, "{:.4f}"),
        verdict=verdict(
            signs("a third of a run errs by less than 4 %, by run", runs[0.3] - 0.04),
            signs("a third of a run errs less than a tenth, by run", runs[0.3] - runs[0.1]),
        ),
    )


@claim
def baselines(e: Evidence) -> Claim:
    rows = e.estimates[e.estimates["family"].isin([*LARGE, *TEXTS])]
    rows = rows[rows["target"] == rows.groupby("family")["target"].transform("max")]
    base = rows[rows["method"].isin(["best", "most trained"])]
    law = rows[(rows["method"] == "fit") & (rows["share"] == ALL) & ~rows["only_final"]]
    law = law[(law["cut"] == CUT) | (law["family"] == "GPT-3")]
    pairs = law.merge(base, on=["family", "train", "target"], suffixes=("", "_base"))
    gain = (pairs["are"] - pairs["are_base"]).groupby([pairs["method_base"], independent(pairs["family"])]).median()
    pairs = pairs[pairs["family"].isin(LARGE)]
    wins = {method: (part["are"] < part["are_base"]).mean() for method, part in pairs.groupby("method_base")}
    base = base[base["family"].isin(LARGE)]
    last = base[base["models"] == base.groupby("family")["models"].transform("max")]
    said = {f"{r.family}, {r.method}": r.are for r in last.itertuples()}
    return answer(
        "hitchhiker-10-baselines",
        on_paper_data=values(said)
        + "; the law is better in "
        + values({method: 100 * share for method, share in wins.items()}, "{:.0f} %")
        + " of the smallest-k sets",
        verdict=verdict(*(signs(f"the law errs less than the {how}, by family", gain[how]) for how in wins)),
    )


@claim
def components(e: Evidence) -> Claim:
    three = e.components[:3].sum()
    return answer(
        "hitchhiker-11-components",
        on_paper_data=f"{percent(three)} ({values(100 * e.components, '{:.2f}')} each)",
        verdict=verdict(at_most("three hold at least 99 %", 100 * three, 99, "{:.2f} %", expected=False)),
    )


@claim
def seeds(e: Evidence) -> Claim:
    noise = e.own.noise if e.own else None
    return answer(
        "hitchhiker-12-seeds",
        on_own_runs=f"{percent(noise.relative)} (rms of {len(noise.pairs)} pairs)" if noise else NOT_RUN,
        verdict=verdict(*[spread(noise)] if noise else []),
    )


def spread(noise: Noise) -> Test:
    """Whether another seed changes a loss by at most 4 %; by the interval of a standard deviation from so many pairs."""
    pairs = len(noise.pairs)
    low, high = noise.relative * np.sqrt(pairs / chi2.ppf((0.975, 0.025), pairs))
    side = noise.relative - low if noise.relative > MOST else high - noise.relative
    passed = None if low <= MOST <= high else noise.relative <= MOST
    return Test("rms difference at most 4 %", passed, percent(noise.relative), percent(side), pairs)


@claim
def thousand(e: Evidence) -> Claim:
    found = e.estimates["are"].notna()
    return answer(
        "hitchhiker-13-thousand",
        on_paper_data=f"{len(found):,} asked for, {found.sum():,} had",
        verdict=verdict(at_most("at least 1,000 had", found.sum(), 999, "{:,}", expected=False)),
    )
