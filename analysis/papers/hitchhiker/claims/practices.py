"""A verdict for each best practice, from the laws estimated by the thousand."""

import numpy as np
import pandas as pd

from analysis.papers.claim import Claim, claim, verdict
from analysis.papers.hitchhiker import PAPER
from analysis.papers.hitchhiker.asks import ALL, LARGE, TEXTS
from analysis.papers.hitchhiker.estimation import CUT
from analysis.papers.hitchhiker.evidence import Evidence
from analysis.papers.kaplan.family import NOT_RUN
from losslaws.words import percent, values

ARE = "median ARE; in brackets the share of pairs in which the practice wins, and their number"


def compare(rows: pd.DataFrame, column: str, practice, other) -> tuple[str, bool]:
    """Return what pairs of laws that differ in `column` alone say of a practice, in words, and whether it wins."""
    rows = rows.dropna(subset=["are"])
    same = [name for name in ("family", "train", "target", "cut", "share", "only_final", "method") if name != column]
    found = rows.pivot_table(index=same, columns=column, values="are")
    if not {practice, other} <= set(found.columns):
        return "none", False
    pairs = pd.DataFrame({"practice": found[practice], "other": found[other]}).dropna()
    good, bad = pairs.median()
    wins = (pairs["practice"] < pairs["other"]).mean()
    return f"{good:.4f} against {bad:.4f} ({percent(wins, 0)} of {len(pairs)})", bool(good < bad and wins > 0.5)


@claim
def checkpoints(e: Evidence) -> list[Claim]:
    laws = e.estimates[e.estimates["method"] == "fit"]
    whole = laws[(laws["share"] == ALL) & (laws["cut"] == 0) & laws["family"].isin(LARGE) & (laws["models"] >= 5)]
    said, wins = compare(whole, "only_final", False, True)
    halves = compare(laws[laws["family"].isin(LARGE) & ~laws["only_final"]], "share", ALL, 0.5)
    cuts = {
        name: compare(
            laws[laws["family"].isin(members) & ~laws["only_final"] & (laws["train"] != laws["target"])],
            "cut",
            CUT,
            0.0,
        )
        for name, members in (("OPT", ["OPT"]), ("data ablations", list(TEXTS)))
    }
    return [
        Claim(
            id="hitchhiker-04-checkpoints",
            claim="Use intermediate checkpoints, not final losses alone",
            source=f"{PAPER}, Sec. 7",
            paper_value="advised",
            on_paper_data=said,
            unit=f"{ARE}; five models and more",
            verdict=verdict(wins),
            figure="fig03_practices",
        ),
        Claim(
            id="hitchhiker-05-cut",
            claim="Leave out the first 10 billion tokens",
            source=f"{PAPER}, Sec. 7.1",
            paper_value="15 % falls to 4 to 10 %",
            on_paper_data="; ".join(f"{name}: {text}" for name, (text, _) in cuts.items()),
            unit=f"{ARE}; losses in nats",
            verdict=verdict(*(wins for _, wins in cuts.values())),
            figure="fig03_practices",
        ),
        Claim(
            id="hitchhiker-06-whole-runs",
            claim="Checkpoints of whole runs predict better than those of their first half",
            source=f"{PAPER}, Sec. 5",
            paper_value="more of the run is better",
            on_paper_data=halves[0],
            unit=ARE,
            verdict=verdict(halves[1]),
            figure="fig03_practices",
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
        Claim(
            id="hitchhiker-07-five-models",
            claim="Five models are a safe bet (ARE at most 10 % whichever they are)",
            source=f"{PAPER}, Sec. 6",
            paper_value="5 models",
            on_paper_data="median " + values(by["median"].to_dict()) + "; worst " + values(by["max"].to_dict()),
            unit="ARE by number of models, every choice of them; GPT-3 and OPT in nats",
            verdict=verdict(five.max() <= 0.1, five.median() < rows[rows["models"] == 2]["are"].median()),
            figure="fig01_models",
        ),
        Claim(
            id="hitchhiker-08-near",
            claim="Models nearer in size to the target predict it better",
            source=f"{PAPER}, Sec. 5.2",
            paper_value="better, but not monotonically",
            on_paper_data=f"nearer half {ends[0]:.4f}, farther half {ends[1]:.4f}; monotone in {sum(monotone)} of {len(monotone)} cases",
            unit="median ARE of four models by the size of the largest",
            verdict=verdict(ends[0] < ends[1]),
            figure="fig01_models",
        ),
    ]


@claim
def beginnings(e: Evidence) -> Claim:
    laws = e.estimates
    own = laws[(laws["models"] == 1) & (laws["up"] == 1)].dropna(subset=["are"])
    by = own.groupby("share")["are"].median()
    return Claim(
        id="hitchhiker-09-own-end",
        claim="A third of a run foretells its own end (median ARE at .3 of the run at most 4 %, and below that at .1)",
        source=f"{PAPER}, Sec. 7.2",
        paper_value="about a third",
        on_paper_data=values({f"{share:g}": value for share, value in by.items()}, "{:.4f}"),
        unit=f"median ARE by share of the run; {own['family'].nunique()} families",
        verdict=verdict(by.loc[0.3] <= 0.04, by.loc[0.3] < by.loc[0.1]),
        figure="fig03_practices",
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
    return Claim(
        id="hitchhiker-10-baselines",
        claim="A law beats taking the best or the most trained model's loss",
        source=f"{PAPER}, Sec. 5",
        paper_value="baselines 18 % on average, mostly above 10 %",
        on_paper_data=values(said)
        + "; the law is better in "
        + values({method: 100 * share for method, share in wins.items()}, "{:.0f} %")
        + " of the smallest-k sets",
        unit="ARE from all smaller models; OPT in nats",
        verdict=verdict(*(share > 0.5 for share in wins.values())),
    )


@claim
def components(e: Evidence) -> Claim:
    three = e.components[:3].sum()
    return Claim(
        id="hitchhiker-11-components",
        claim="Three principal components hold 99 % of what the five parameters vary by",
        source=f"{PAPER}, Sec. 8",
        paper_value="99.49 %",
        on_paper_data=f"{percent(three)} ({values(100 * e.components, '{:.2f}')} each)",
        unit="% of the variance; laws from three models and more",
        verdict=verdict(three >= 0.99),
    )


@claim
def seeds(e: Evidence) -> Claim:
    noise = e.own.noise if e.own else None
    return Claim(
        id="hitchhiker-12-seeds",
        claim="Another seed changes a loss by up to 3.5 %, so that no law can be expected to do better",
        source=f"{PAPER}, Sec. 4",
        paper_value="up to 3.5 to 4 %",
        on_own_runs=f"{percent(noise.relative)} (rms of {len(noise.pairs)} pairs)" if noise else NOT_RUN,
        unit="% of the loss",
        verdict=verdict(noise.relative <= 0.04 if noise else None),
    )


@claim
def thousand(e: Evidence) -> Claim:
    found = e.estimates["are"].notna()
    return Claim(
        id="hitchhiker-13-thousand",
        claim="Laws can be estimated by the thousand",
        source=PAPER,
        paper_value="more than 1,000",
        on_paper_data=f"{len(found):,} asked for, {found.sum():,} had",
        unit="laws",
        verdict=verdict(bool(found.sum() >= 1000)),
    )
