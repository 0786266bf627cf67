"""The claims on our own three domains, trained and evaluated crosswise."""

import math

import numpy as np
import pandas as pd
from scipy.stats import chi2
from scipy.stats import t as student

from analysis.papers.claim import Claim, Test, answer, claim, verdict
from analysis.papers.comparisons import at_most, signs
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


def seeds(own: Domains, draws: int = 1) -> tuple[float, int]:
    """95 % half-width of a mean of `draws` relative differences between runs of other seeds, and its degrees of freedom; inf: not known."""
    if own.noise is None:
        return math.inf, 0
    pairs = len(own.noise.pairs)
    return float(student.ppf(0.975, pairs)) * own.noise.relative / math.sqrt(draws), pairs


def smaller(rule: str, error: float, limit: float, own: Domains) -> Test:
    """Whether a mean relative error of the largest models, of which each domain has its own, lies below `limit` by more than seeds explain."""
    half, pairs = seeds(own, len(NAMES))
    return at_most(rule, 100 * (error - limit), 0, "{:+.2f} %", 100 * half, pairs, len(NAMES))


def straight(own: Domains, kind: str) -> Test:
    """Whether every shift of one kind explains STRAIGHT of the variance, but for what seeds may take from it."""
    r2 = [shift.r2 for (of, *_), shift in own.shifts.items() if of == kind]
    rule = f"lowest R2 of {len(r2)} pairs at least {STRAIGHT:g}"
    found, lost, pairs = min(r2), unexplained(own, kind), len(own.noise.pairs) if own.noise else 0
    passed = True if found >= STRAIGHT else None if found >= STRAIGHT - lost else False
    return Test(rule, passed, f"{found:.4f}", f"{lost:.4f}" if math.isfinite(lost) else "unknown", pairs)


def unexplained(own: Domains, kind: str) -> float:
    """The most of the variance of a loss that seeds alone leave unexplained by the shifts of one kind, by 95 % chance; inf: not known.

    A second seed of a cell moves its point off the shift by y' - y - (s(x') - s(x)), whose square is on average twice the
    variance of one point about the shift.
    """
    shares = []
    for (of, x, y), shift in own.shifts.items():
        first, second = ([own.finals(loss, role) for loss in (x, y)] for role in ("fit", "noise"))
        for key in second[0] if of == kind else ():
            if all(key in finals for finals in (*first, *second)):
                before, after = ([finals[key].final_loss for finals in pair] for pair in (first, second))
                off = after[1] - before[1] - float(shift.predict(after[0]) - shift.predict(before[0]))
                shares.append(off**2 / 2 / np.var([run.final_loss for run in first[1].values()]))
    if not shares:
        return math.inf
    pairs = len(own.noise.pairs)
    return float(np.mean(shares) * pairs / chi2.ppf(0.05, pairs))


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
            verdict=verdict(straight(e.own, kind)) if e.own else verdict(),
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
        held[0] = [smaller("mean error less 1 % below 0", error, 0.01, own)]
        held[0] += [
            smaller(f"mean error less that of the own law ({law}) below 0", error, other, own)
            for law, other in zip(("Chinchilla", "Kaplan with E"), laws, strict=True)
        ]
        means = ["error", "no_change", "law_kaplan_entropy"]
        kinds = {kind: part(own, kind)[means].mean() for kind in (TRAIN_TO_TEST, TEST_TO_TEST)}
        found[1] = "; ".join(
            f"{kind} {percent(errors['error'])}, own law {percent(errors['law_kaplan_entropy'])}, no change {percent(errors['no_change'])}"
            for kind, errors in kinds.items()
        )
        held[1] = [
            smaller(f"{kind}: error less that of no change below 0", errors["error"], errors["no_change"], own)
            for kind, errors in kinds.items()
        ]
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


def all_flagged(rule: str, astray: pd.DataFrame, noise: str = "", pairs: int = 0) -> Test:
    """Whether all fits that went astray are flagged; it cannot be told where none did."""
    flagged = int((astray["doubts"] != "").sum())
    passed = None if astray.empty else flagged == len(astray)
    return Test(f"{rule}: all flagged", passed, f"{flagged} of {len(astray)}", noise, pairs)


@claim
def own_translation(e: Evidence) -> list[Claim]:
    found, held = [LACKING] * 3, [()] * 3
    if own := e.own:
        table = own.translation
        r2 = table.groupby(["target", "law"])["r2"].mean().unstack().loc[list(NAMES)]
        runs = within(table[table["law"] == "translated"]["runs"], "{}")
        found[0] = f"R2 {values(dict(r2['translated']))}; own law {values(dict(r2['own law']))}; from {runs} runs"
        held[0] = [
            signs(
                f"R2 translated above that of the own law less {NEAR:g}, by domain",
                r2["own law"] - NEAR - r2["translated"],
            )
        ]
        found[1] = f"R2 {values(dict(r2['translated']))}; alone {values(dict(r2['few runs alone']))}"
        held[1] = [
            signs("R2 translated above that of the few runs alone, by domain", r2["few runs alone"] - r2["translated"])
        ]
        few = table[table["law"] != "own law"]
        poor, far = few[few["r2"] < POOR], own.table[own.table["error"] > ASTRAY]
        found[2] = (
            f"{(few['doubts'] != '').sum()} of {len(few)} fits of few runs flagged, {len(poor)} explain less than {POOR:g} of the "
            f"variance ({(poor['doubts'] != '').sum()} of them flagged); {(own.table['doubts'] != '').sum()} of {len(own.table)} "
            f"shifts flagged, {len(far)} err by more than {percent(ASTRAY)} ({(far['doubts'] != '').sum()} of them flagged)"
        )
        half, pairs = seeds(own)
        beyond = f"shifts that err by more than {percent(ASTRAY, 0)} and what seeds explain"
        held[2] = [
            all_flagged(f"laws of few runs with R2 below {POOR:g}", poor),
            all_flagged(beyond, far[far["error"] > ASTRAY + half], percent(half) if own.noise else "unknown", pairs),
        ]
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
