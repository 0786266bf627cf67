"""The critical batch, published and on our own runs."""

import numpy as np

from analysis.papers.claim import Claim, claim, verdict
from analysis.papers.kaplan import PAPER
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
    return Claim(
        id="kaplan-03a-critical-batch",
        claim="The critical batch doubles for every 13 % that the loss falls",
        source=f"{PAPER}, Sec. 5.1",
        paper_value="13 %",
        on_paper_data=f"{printed:.1f} %; {kaplan.critical_batch(3.0):.3g} tokens at a loss of 3",
        on_own_runs=own,
        unit="% of the loss; the verdict is on the printed constants",
        verdict=verdict(abs(printed - 13) < 0.6),
        figure="fig06_batches",
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
    return Claim(
        id="kaplan-03b-trade",
        claim="At a given loss batches trade steps for tokens as (S / S_min - 1)(E / E_min - 1) = 1 (steps within 10 %)",
        source=f"{PAPER}, Eq. 5.1",
        paper_value="the form of McCandlish et al. 2018",
        on_own_runs=own,
        unit="two sizes; batches of 512, 2,048 and 8,192 tokens, each at the best of two or three rates",
        verdict=verdict(held),
        figure="fig06_batches",
    )


@claim
def whatever_the_size(e: Evidence) -> Claim:
    own, held = NOT_RUN, None
    if e.own:
        exponent, (low, high) = e.batches.found[2], e.batches.interval(2)
        held = None if np.isnan(exponent) else bool(low <= 0 <= high)
        own = f"at one loss it goes as N^{exponent:.2f} ({low:.2f} to {high:.2f})"
    return Claim(
        id="kaplan-03c-whatever-the-size",
        claim="The critical batch depends on the loss alone, not on the size of the model",
        source=f"{PAPER}, Sec. 5.1, Fig. 10",
        paper_value="exponent of N: 0",
        on_own_runs=own,
        unit="exponent of N with 95 % interval, from two sizes",
        verdict=verdict(held),
        figure="fig06_batches",
    )
