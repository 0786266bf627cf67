"""The claims on our own three domains, trained and evaluated crosswise."""

import math

import pandas as pd

from analysis.papers.claim import Claim, claim, verdict
from analysis.papers.loss_to_loss import PAPER
from analysis.papers.loss_to_loss.domains import NAMES, TEST_TO_TEST, TRAIN_TO_TEST, TRAIN_TO_TRAIN, Domains
from analysis.papers.loss_to_loss.evidence import Evidence
from losslaws.words import percent, values

LACKING = "not run: the domains are trained by `python -m training run loss_to_loss`"
STRAIGHT = 0.997  # R2 of the worst of the paper's 30 pairs
NEAR = 0.01  # R2 that a translated law may lose against the domain's own
POOR = 0.95  # R2 below which a law of few runs has gone astray
ASTRAY = 0.03  # error on the largest size above which a shift has
LETTERS = {TRAIN_TO_TRAIN: "a", TRAIN_TO_TEST: "b", TEST_TO_TEST: "c"}
SAYS = {
    TRAIN_TO_TRAIN: "The losses of models trained on two of our domains",
    TRAIN_TO_TEST: "The losses of our models on their own domain and on another",
    TEST_TO_TEST: "The losses on our third domain of models trained on the two others",
}


def better(one: float, other: float, own: Domains) -> bool | None:
    """Whether one relative error is smaller than another by more than seeds explain; None: cannot be told apart."""
    noise = own.noise
    return None if noise is None or abs(one - other) <= noise.relative else one < other


def within(numbers, form: str = "{:.3f}") -> str:
    """Write the range of numbers; one number where all are the same."""
    return " to ".join(dict.fromkeys(form.format(end(numbers)) for end in (min, max)))


def part(own: Domains, kind: str) -> pd.DataFrame:
    """The shifts of one kind."""
    return own.table[own.table["kind"] == kind]


@claim
def own_shifts(e: Evidence) -> list[Claim]:
    return [
        Claim(
            id=f"l2l-07{LETTERS[kind]}-own-{kind.replace(' ', '-')}",
            claim=f"{SAYS[kind]} follow one shifted power law ({kind}, R2 at least {STRAIGHT:g} for all 6 pairs)",
            source=PAPER,
            paper_value="R2 .9971 to .9999 over 30 pairs" if kind == TRAIN_TO_TRAIN else "-",
            on_own_runs=said_of(part(e.own, kind)) if e.own else LACKING,
            unit="R2 of the fitted runs",
            verdict=verdict(*(part(e.own, kind)["r2"] >= STRAIGHT if e.own else ())),
            figure="fig05_own_shifts" if e.own else "",
        )
        for kind in SAYS
    ]


def said_of(table: pd.DataFrame) -> str:
    """Write what the shifts of one kind are."""
    flagged = (table["doubts"] != "").sum()
    return (
        f"R2 {within(table['r2'], '{:.4f}')}, kappa {within(table['kappa'], '{:.2f}')}, K {within(table['K'], '{:.2f}')}, "
        f"{within(table['points'], '{}')} runs; {flagged} of {len(table)} fits flagged"
    )


@claim
def own_largest(e: Evidence) -> list[Claim]:
    found, held = [LACKING, LACKING], [(), ()]
    if own := e.own:
        table = part(own, TRAIN_TO_TRAIN)
        error, laws = table["error"].mean(), [table[f"law_{law}"].mean() for law in ("chinchilla", "kaplan_entropy")]
        noise = f"another seed {percent(own.noise.relative)}" if own.noise else "noise not measured"
        found[0] = (
            f"{percent(error)} (worst pair {percent(table['error'].max())}); own laws {percent(laws[0])} (Chinchilla), "
            f"{percent(laws[1])} (Kaplan with E); {noise}; {said_of_all(own)}"
        )
        held[0] = (error <= 0.01, *(better(error, law, own) for law in laws))
        means = ["error", "no_change", "law_kaplan_entropy"]
        kinds = {kind: part(own, kind)[means].mean() for kind in (TRAIN_TO_TEST, TEST_TO_TEST)}
        found[1] = "; ".join(
            f"{kind} {percent(errors['error'])}, own law {percent(errors['law_kaplan_entropy'])}, no change {percent(errors['no_change'])}"
            for kind, errors in kinds.items()
        )
        held[1] = [better(errors["error"], errors["no_change"], own) for errors in kinds.values()]
    return [
        Claim(
            id="l2l-08a-own-largest",
            claim="Our largest models are predicted from another domain's to 1 %, and better than by the domain's own laws",
            source=PAPER,
            paper_value=".92 % mean over 30 pairs; own laws 3.2 to 5.5 %",
            on_own_runs=found[0],
            unit="mean relative error over the lengths of the largest size and 6 pairs",
            verdict=verdict(*held[0]),
            figure="fig06_own_largest" if e.own else "",
        ),
        Claim(
            id="l2l-08b-own-tests",
            claim="So are their losses on other domains, better than by assuming no change",
            source=PAPER,
            paper_value="1.2 to 23.1 % on four tests; no change 9.2 to 24.8 %",
            on_own_runs=found[1],
            unit="mean relative error over the lengths of the largest size and 6 pairs",
            verdict=verdict(*held[1]),
            figure="fig06_own_largest" if e.own else "",
        ),
    ]


def said_of_all(own: Domains) -> str:
    """Write what the errors are without the paper's limits to the tokens per parameter."""
    table = part(Domains(own.curves, (0, math.inf)), TRAIN_TO_TRAIN)
    columns = ("error", "law_chinchilla", "law_kaplan_entropy")
    return "with runs below two tokens per parameter too: " + ", ".join(percent(table[c].mean()) for c in columns)


@claim
def own_translation(e: Evidence) -> list[Claim]:
    found, held = [LACKING] * 3, [()] * 3
    if own := e.own:
        table = own.translation
        r2 = table.groupby(["target", "law"])["r2"].mean().unstack().loc[list(NAMES)]
        runs = within(table[table["law"] == "translated"]["runs"], "{}")
        found[0] = f"R2 {values(dict(r2['translated']))}; own law {values(dict(r2['own law']))}; from {runs} runs"
        held[0] = list(r2["translated"] >= r2["own law"] - NEAR)
        found[1] = f"R2 {values(dict(r2['translated']))}; alone {values(dict(r2['few runs alone']))}"
        held[1] = list(r2["translated"] > r2["few runs alone"])
        few = table[table["law"] != "own law"]
        poor, far = few[few["r2"] < POOR], own.table[own.table["error"] > ASTRAY]
        found[2] = (
            f"{(few['doubts'] != '').sum()} of {len(few)} fits of few runs flagged, {len(poor)} explain less than {POOR:g} of the "
            f"variance ({(poor['doubts'] != '').sum()} of them flagged); {(own.table['doubts'] != '').sum()} of {len(own.table)} "
            f"shifts flagged, {len(far)} err by more than {percent(ASTRAY)} ({(far['doubts'] != '').sum()} of them flagged)"
        )
        held[2] = [*(poor["doubts"] != ""), *(far["doubts"] != "")]
    about = {"source": PAPER, "figure": "fig07_own_translation" if e.own else ""}
    return [
        Claim(
            id="l2l-09a-own-translation",
            claim=f"A law translated to one of our domains with few runs is nearly as good as its own (R2 within {NEAR:g})",
            paper_value="R2 .986 to .991; own law .987 to .992",
            on_own_runs=found[0],
            unit="R2 over all models of a domain, the largest too; mean over two sources",
            verdict=verdict(*held[0]),
            **about,
        ),
        Claim(
            id="l2l-09b-own-baseline",
            claim="It beats a law fitted to those few runs alone",
            paper_value="R2 .986 to .991; .450 to .975 alone",
            on_own_runs=found[1],
            unit="R2 over all models of a domain, the largest too; mean over two sources",
            verdict=verdict(*held[1]),
            **about,
        ),
        Claim(
            id="l2l-10-own-flags",
            claim="Laws of few runs and shifts that go astray are flagged",
            paper_value="-",
            on_own_runs=found[2],
            unit="fits",
            verdict=verdict(*held[2]),
            **about,
        ),
    ]
