"""muP on our own runs over widths: basins, wider is better, activations, and what leaving a part out does."""

import numpy as np

from analysis.papers.claim import Claim, claim, verdict
from analysis.papers.mup import PAPER, TRANSFER
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

    return Claim(
        id="mup-06-every-step",
        claim="Under muP the wider model is better at every step",
        source=TRANSFER,
        paper_value="always",
        on_own_runs=each(e, say),
        unit="evaluations at which no step in width raises the loss by more than seeds do, all widths with the best rate of the smallest",
        verdict=verdict(e.own.wider(MUP).all() if e.own else None),
        figure="fig03_wider",
    )


@claim
def basins(e: Evidence) -> Claim:
    def say(kind):
        moves, far = e.own.moves(kind), e.own.near(kind)[-1]
        return f"{values(moves.values(), '{:+.0f}')} (loses {100 * e.own.penalty(kind, far):.2f} % at width {far})"

    moved = {kind: max(map(abs, e.own.moves(kind).values())) for kind in (MUP, STANDARD)} if e.own else {}
    return Claim(
        id="mup-07-basins",
        claim="Over an 8-fold width the best learning rate moves by no more than one factor of 2 under muP, and by more without",
        source=f"{TRANSFER}, {PAPER}",
        paper_value="the basins are aligned",
        on_own_runs=each(e, say),
        unit="factors of 2 from the best rate of the smallest width, width by width",
        verdict=verdict(moved[MUP] <= 1, moved[STANDARD] > 1) if moved else "not tested",
        figure="fig02_basins",
    )


@claim
def activations(e: Evidence) -> Claim:
    made = e.own is not None and e.coordinates is not None

    def say(kind):
        spreads = e.spreads(kind)
        return f"{100 * spreads.iloc[-1]:.0f} % (at step {spreads.idxmax()} {100 * spreads.max():.0f} %)"

    return Claim(
        id="mup-08-coordinates",
        claim=f"Activations are flat within {100 * FLAT:.0f} % over an 8-fold width under muP, and not without",
        source=TRANSFER,
        paper_value="flat",
        on_own_runs=each(e, say) if made else NOT_RUN,
        unit="largest mean |x| over widths over the least, less 1, of the worst activation after the last step, and at the worst step",
        verdict=verdict(e.spread(MUP) <= FLAT, e.spread(STANDARD) > FLAT) if made else "not tested",
        figure="fig05_coordinates",
    )


@claim
def controls(e: Evidence) -> Claim:
    others = [kind for kind in e.own.kinds if kind != MUP] if e.own else []
    return Claim(
        id="mup-09-controls",
        claim="What is not muP fails at least one of its checks: basins, wider is better, coordinates",
        source=f"{TRANSFER}; controls as in EleutherAI's nanoGPT-mup",
        on_own_runs=each(e, lambda kind: f"fails {', '.join(e.failed(kind)) or 'none'}"),
        unit="checks failed; a control keeps the parts of muP that it is named for",
        verdict=verdict(*(bool(e.failed(kind)) for kind in others)),
        figure="fig02_basins",
    )


@claim
def cost(e: Evidence) -> Claim:
    largest = [f for f in e.forecasts if f.of == "parameters" and f.width == e.own.targets(f.kind)[-1]]
    cheap = [f for f in largest if f.kind == MUP and not f.tuned]
    how = {False: "rate of the smallest width", True: "rate of each width"}
    said = "; ".join(f"{f.kind}, {how[f.tuned]}: {100 * f.error:+.2f} % at {100 * f.cost:.0f} %" for f in largest)
    return Claim(
        id="mup-10-cost",
        claim="Under muP the widest model is foretold within 1 %, search included, for less than a quarter of what it takes to train",
        source=PAPER,
        paper_value="26B and 52B models at 13.1 % and 14.2 % of their cost",
        on_own_runs=f"{said}; another seed: {100 * e.own.noise:.2f} %" if largest else NOT_RUN,
        unit="error, and FLOPs of the small widths and of every rate tried there over those of the widest run",
        verdict=verdict(*(test for f in cheap for test in (np.abs(f.error) <= 0.01, f.cost <= 0.25))),
        figure="fig04_forecast",
    )
