"""The critical batch, published and on our own runs."""

import numpy as np

from analysis.papers.claim import Claim, Test, answer, claim, verdict
from analysis.papers.comparisons import near
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
        verdict=verdict(near("fall of the loss, %, by the printed alpha_B", printed, 13, 0.6, "{:+.2f}", law=True)),
    )


WITHIN = 0.1  # relative error of the steps up to which a trade is met
FLAT = 0.2  # exponent of the size up to which the critical batch does not depend on it


@claim
def trade(e: Evidence) -> Claim:
    own, tests = NOT_RUN, ()
    if e.own:
        points = e.batches.points
        critical, worst = points["critical"], points["misfit"].max()
        own = (
            f"steps are met to {percent(worst, 0)} at worst; critical batch {scientific(critical.min())} to "
            f"{scientific(critical.max())} tokens at losses of {points['loss'].max():.2f} to {points['loss'].min():.2f}"
        )
        tests = [met(e, size, part["misfit"].max()) for size, part in points.groupby("N")]
    return answer("kaplan-03b-trade", on_own_runs=own, verdict=verdict(*tests))


def met(e: Evidence, size: int, misfit: float) -> Test:
    """Whether the steps of one size are met within WITHIN; undecided where seeds alone move them by as much."""
    noise, seeds = steps_noise(e, size)
    passed = bool(misfit <= WITHIN)
    if noise > WITHIN or (not passed and misfit <= noise):
        passed = None
    return Test(
        f"N = {size:,}: steps within {percent(WITHIN, 0)}", passed, percent(misfit, 0), percent(noise, 0), seeds
    )


def steps_noise(e: Evidence, size: int) -> tuple[float, int]:
    """Return the 95 % half-width of the steps to a loss by seeds alone, relative, and the seeds: what they change in a loss over its slope in the steps.

    Infinite where the batches have one seed.
    """
    steps = e.batches.steps[e.batches.steps["N"] == size]
    slopes = [np.polyfit(np.log(part["steps"]), np.log(part["loss"]), 1)[0] for _, part in steps.groupby("batch")]
    spread, seeds = e.own.spread("batch")
    return float(2 * spread / np.sqrt(seeds) / np.abs(slopes).min()) if seeds > 1 else np.inf, seeds


@claim
def whatever_the_size(e: Evidence) -> Claim:
    own, tests = NOT_RUN, ()
    if e.own:
        exponent, (low, high) = e.batches.found[2], e.batches.interval(2)
        own = f"at one loss it goes as N^{exponent:.2f} ({low:.2f} to {high:.2f})"
        rule = f"exponent of N within {FLAT:g} of 0, its 95 % interval wholly inside or wholly outside"
        runs = e.batches.steps["run"].nunique()
        tests = [Test(rule, within(low, high), f"{exponent:.2f}", f"{(high - low) / 2:.2f}", runs)]
    return answer("kaplan-03c-whatever-the-size", on_own_runs=own, verdict=verdict(*tests))


def within(low: float, high: float) -> bool | None:
    """Whether an interval lies inside +-FLAT (True), outside (False), or neither (None, also where it is not known)."""
    if low >= -FLAT and high <= FLAT:
        return True
    return False if low > FLAT or high < -FLAT else None
