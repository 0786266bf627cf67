"""The claims on our own three domains, trained and evaluated crosswise."""

import math

import pandas as pd

from analysis.papers.claim import Claim, answer, claim, verdict
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
        answer(
            f"l2l-07{LETTERS[kind]}-own-{kind.replace(' ', '-')}",
            on_own_runs=said_of(part(e.own, kind)) if e.own else LACKING,
            verdict=verdict(*(part(e.own, kind)["r2"] >= STRAIGHT if e.own else ())),
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
        answer(
            "l2l-08a-own-largest",
            on_own_runs=found[0],
            verdict=verdict(*held[0]),
        ),
        answer(
            "l2l-08b-own-tests",
            on_own_runs=found[1],
            verdict=verdict(*held[1]),
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
    return [
        answer(
            "l2l-09a-own-translation",
            on_own_runs=found[0],
            verdict=verdict(*held[0]),
        ),
        answer(
            "l2l-09b-own-baseline",
            on_own_runs=found[1],
            verdict=verdict(*held[1]),
        ),
        answer(
            "l2l-10-own-flags",
            on_own_runs=found[2],
            verdict=verdict(*held[2]),
        ),
    ]
