"""The critical batch, published and on our own runs."""

import numpy as np

from analysis.papers.claim import Claim, answer, claim, verdict
from analysis.papers.kaplan.evidence import Evidence
from analysis.papers.kaplan.family import NOT_RUN
from losslaws.search import kaplan
from losslaws.words import percent, scientific


def drop(alpha: float) -> float:
    """Fall of the loss, %, that doubles a critical batch with exponent alpha_B."""
    return 100 * (1 - 2**-alpha)


@claim
def doubling(e: Evidence) -> Claim:
    own, printed = NOT_RUN, drop(kaplan.value("batch.alpha"))
    if e.own:
        low, high = e.batches.interval(1)
        own = (
            f"{drop(e.batches.alpha):.1f} % ({drop(low):.1f} to {drop(high):.1f}); alpha_B {e.batches.alpha:.3f} "
            f"({low:.3f} to {high:.3f}; {e.batches.note})"
        )
    return answer(
        "kaplan-03a-critical-batch",
        on_paper_data=f"{printed:.1f} %; {kaplan.critical_batch(3.0):.3g} tokens at a loss of 3",
        on_own_runs=own,
        verdict=verdict(abs(printed - 13) < 0.6),
    )


@claim
def trade(e: Evidence) -> Claim:
    own, held = NOT_RUN, None
    if e.own:
        points, noise = e.batches.points, e.own.noise
        misfit, critical = points["misfit"].max(), points["critical"]
        held = bool(misfit <= 0.1)
        own = (
            f"steps are met to {percent(misfit, 0)} at worst; critical batch {scientific(critical.min())} to "
            f"{scientific(critical.max())} tokens at losses of {points['loss'].max():.2f} to {points['loss'].min():.2f}"
        ) + (f"; another seed changes a loss by {percent(noise.relative)}" if noise else "")
    return answer(
        "kaplan-03b-trade",
        on_own_runs=own,
        verdict=verdict(held),
    )


@claim
def whatever_the_size(e: Evidence) -> Claim:
    own, held = NOT_RUN, None
    if e.own:
        exponent, (low, high) = e.batches.found[2], e.batches.interval(2)
        held = None if np.isnan(exponent) else bool(low <= 0 <= high)
        own = f"at one loss it goes as N^{exponent:.2f} ({low:.2f} to {high:.2f})"
    return answer(
        "kaplan-03c-whatever-the-size",
        on_own_runs=own,
        verdict=verdict(held),
    )
