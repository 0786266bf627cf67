"""muP on our own runs over widths: basins, wider is better, activations, and what leaving a part out does."""

import numpy as np

from analysis.papers.claim import Claim, answer, claim, verdict
from analysis.papers.mup.claims.published import NOT_RUN
from analysis.papers.mup.evidence import FLAT, Evidence
from analysis.papers.mup.transfer import MUP, STANDARD
from losslaws.words import values


def each(e: Evidence, say) -> str:
    """Write what `say` finds for each parametrisation of our runs."""
    return "; ".join(f"{kind}: {say(kind)}" for kind in e.own.kinds) if e.own else NOT_RUN


@claim
def every_step(e: Evidence) -> Claim:
    def say(kind):
        better, strictly = e.own.wider(kind), e.own.wider(kind, allowed=0.0)
        return f"{better.sum()} of {better.size} evaluations ({strictly.sum()} strictly) over {len(e.own.chosen(kind))} widths"

    return answer(
        "mup-06-every-step",
        on_own_runs=each(e, say),
        verdict=verdict(e.own.wider(MUP).all() if e.own else None),
    )


@claim
def basins(e: Evidence) -> Claim:
    def say(kind):
        moves, far = e.own.moves(kind), e.own.near(kind)[-1]
        return f"{values(moves.values(), '{:+.0f}')} (loses {100 * e.own.penalty(kind, far):.2f} % at width {far})"

    moved = {kind: max(map(abs, e.own.moves(kind).values())) for kind in (MUP, STANDARD)} if e.own else {}
    return answer(
        "mup-07-basins",
        on_own_runs=each(e, say),
        verdict=verdict(moved[MUP] <= 1, moved[STANDARD] > 1) if moved else "not tested",
    )


@claim
def activations(e: Evidence) -> Claim:
    made = e.own is not None and e.coordinates is not None

    def say(kind):
        spreads = e.spreads(kind)
        return f"{100 * spreads.iloc[-1]:.0f} % (at step {spreads.idxmax()} {100 * spreads.max():.0f} %)"

    return answer(
        "mup-08-coordinates",
        on_own_runs=each(e, say) if made else NOT_RUN,
        verdict=verdict(e.spread(MUP) <= FLAT, e.spread(STANDARD) > FLAT) if made else "not tested",
    )


@claim
def controls(e: Evidence) -> Claim:
    others = [kind for kind in e.own.kinds if kind != MUP] if e.own else []
    return answer(
        "mup-09-controls",
        on_own_runs=each(e, lambda kind: f"fails {', '.join(e.failed(kind)) or 'none'}"),
        verdict=verdict(*(bool(e.failed(kind)) for kind in others)),
    )


@claim
def cost(e: Evidence) -> Claim:
    largest = [f for f in e.forecasts if f.of == "parameters" and f.width == e.own.targets(f.kind)[-1]]
    cheap = [f for f in largest if f.kind == MUP and not f.tuned]
    how = {False: "rate of the smallest width", True: "rate of each width"}
    said = "; ".join(f"{f.kind}, {how[f.tuned]}: {100 * f.error:+.2f} % at {100 * f.cost:.0f} %" for f in largest)
    return answer(
        "mup-10-cost",
        on_own_runs=f"{said}; another seed: {100 * e.own.noise:.2f} %" if largest else NOT_RUN,
        verdict=verdict(*(test for f in cheap for test in (np.abs(f.error) <= 0.01, f.cost <= 0.25))),
    )
