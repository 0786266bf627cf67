"""Overfitting and when to stop, published and on our own runs of short texts."""

import numpy as np

from analysis.papers.claim import Claim, Test, answer, claim, verdict
from analysis.papers.comparisons import near
from analysis.papers.kaplan.evidence import Evidence
from analysis.papers.kaplan.family import NOT_RUN
from losslaws.search import kaplan


def own_exponent(e: Evidence) -> str:
    """Write the exponent of the tokens needed in the size, alpha_N / alpha_D, with its 95 % interval."""
    if not e.own_fits:
        return NOT_RUN
    found, intervals = e.own_fits["both"]
    draws = intervals.draws[:, intervals.names.index("alpha_N")] / intervals.draws[:, intervals.names.index("alpha_D")]
    low, high = np.quantile(draws, (0.025, 0.975))
    return f"N^{found.params['alpha_N'] / found.params['alpha_D']:.2f} ({low:.2f} to {high:.2f})"


@claim
def tokens_needed(e: Evidence) -> Claim:
    coefficient = kaplan.tokens_needed(1.0)
    exponent = np.log(kaplan.tokens_needed(1e9) / kaplan.tokens_needed(1e6)) / np.log(1e3)
    return answer(
        "kaplan-04a-overfitting",
        on_paper_data=f"{coefficient:.3g} N^{exponent:.3f} (with Table 5's alpha_D it would be N^.80)",
        on_own_runs=own_exponent(e),
        verdict=verdict(
            near("exponent by the printed constants", exponent, 0.74, 0.005, law=True),
            near("coefficient over the printed 5e3", coefficient / 5e3, 1, 0.15, "{:+.3f}", law=True),
        ),
    )


@claim
def early_stop(e: Evidence) -> Claim:
    steps, own, tests = kaplan.stopping_step(1e8, np.array([1e8, 1e9, 1e10])), NOT_RUN, ()
    if stops := own_stops(e):
        later = [stop >= bound for stop, bound in stops.values()]
        seeds, grid = e.own.spread("text")[1], int(np.diff(e.own.role("text")[0].step).max())
        tests = [
            Test(
                f"{name}: not before the bound",
                stop_tested(stop, bound, grid),
                f"{stop - bound:+.0f}",
                str(grid),
                seeds,
            )
            for name, (stop, bound) in stops.items()
        ]
        said = "; ".join(f"{name} {stop:,} ({bound:,.0f})" for name, (stop, bound) in stops.items())
        own = f"{sum(later)} of {len(later)} stop later: {said}"
    elif e.own:
        own = "no run's loss rose again"
    return answer(
        "kaplan-04b-early-stop",
        on_paper_data=", ".join(f"{s:,.0f}" for s in steps) + " for 1e8 parameters on 1e8, 1e9, 1e10 tokens",
        on_own_runs=own,
        verdict=verdict(*tests),
    )


def stop_tested(stop: int, bound: float, grid: int) -> bool | None:
    """Whether a run stops after its bound; None where they lie within the distance of two evaluations, `grid` steps."""
    return None if abs(stop - bound) <= grid else bool(stop > bound)


def own_stops(e: Evidence) -> dict[str, tuple[int, float]]:
    """Return the step of the lowest loss and its bound of every run whose loss rose again, by name; empty without runs.

    Sc, alpha_S and L(N, inf) are those of the law of size and steps on our runs.
    """
    if not e.own_fits:
        return {}
    p, found = e.own_fits["steps"][0].params, {}
    for curve in e.own.role("text"):
        lowest = int(curve.loss.argmin())
        floor = p["A"] * curve.parameters["non_embedding"] ** -p["alpha"]
        if lowest < curve.loss.size - 1:
            excess = max(curve.loss[lowest] - floor, 0.0)
            found[curve.name] = (int(curve.step[lowest]), (p["B"] / excess) ** (1 / p["beta"]) if excess else np.inf)
    return found
