"""What follows from the published constants by the paper's own formulas: the laws evaluated on themselves."""

import numpy as np
from scipy.optimize import brentq

from analysis.papers.claim import Claim, Test, answer, claim, verdict
from analysis.papers.comparisons import near
from analysis.papers.kaplan.evidence import Evidence
from losslaws.search import kaplan
from losslaws.words import percent

BUDGETS = (1.0, 1e2, 1e4)  # PF-days


@claim
def optimum(e: Evidence) -> list[Claim]:
    pN, closed = kaplan.size_exponent(), kaplan.exponents()
    losses = [kaplan.loss_at_compute(kaplan.best_size(C), C) / kaplan.loss_of_minimal_compute(C) for C in BUDGETS]
    size = kaplan.best_size(1.0)
    return [
        answer(
            "kaplan-05a-size-exponent",
            on_paper_data=f"{pN:.3f} by minimisation",
            on_own_runs=f"{e.follows('minimal compute', 'N')}; at the batch that was used {e.follows('compute', 'N')}",
            verdict=verdict(near("exponent by minimisation", pN, 0.73, 0.005, law=True)),
        ),
        answer(
            "kaplan-05a-size-exponent-closed",
            on_paper_data=f"{pN:.4f} by minimisation, {closed['N']:.4f} by the formula",
            verdict=verdict(
                near("exponent by minimisation less that of the formula", pN - closed["N"], 0, 0.001, law=True)
            ),
        ),
        answer(
            "kaplan-05b-loss-exponent",
            on_paper_data=f"{closed['L']:.4f}",
            on_own_runs=e.follows("minimal compute", "alpha_C"),
            verdict=verdict(
                near("exponent", closed["L"], 0.054, 5e-4, law=True),
                near("exponent less the fitted one", closed["L"] - kaplan.value("minimal.alpha"), 0, 0.005, law=True),
            ),
        ),
        answer(
            "kaplan-05c-two-laws",
            on_paper_data="loss ratios "
            + ", ".join(f"{x:.3f}" for x in losses)
            + f" at 1, 1e2, 1e4 PF-days; N at 1 PF-day {size:.2g} against {kaplan.value('best.Ne'):.2g}",
            verdict=verdict(
                near("every ratio of losses", losses, 1, 0.02, "{:+.3f}", law=True),
                near("best size over that of Table 6", size / kaplan.value("best.Ne"), 1, 0.1, "{:+.2f}", law=True),
            ),
        ),
    ]


@claim
def convergence(e: Evidence) -> list[Claim]:
    above = [
        kaplan.loss_at_compute(size, C) / kaplan.floor_of_size(size) - 1
        for C in BUDGETS
        for size in [kaplan.best_size(C)]
    ]
    trade, (small, large) = kaplan.convergence_trade(0.1, 0.02), (kaplan.size_trade(r) for r in (0.6, 2.2))
    excess = max(small["C"], large["C"]) - 1
    return [
        answer(
            "kaplan-06a-stop",
            on_paper_data=", ".join(f"{100 * x:.2f}" for x in above) + " at 1, 1e2, 1e4 PF-days",
            verdict=verdict(near("every excess", above, 0.1, 0.005, law=True)),
        ),
        answer(
            "kaplan-06b-trade",
            on_paper_data=f"{trade['N']:.2f}, {1 / trade['S']:.2f}, {100 * (1 - trade['C']):.1f} %",
            verdict=verdict(
                near("ratio of parameters", trade["N"], 2.7, 0.05, "{:+.2f}", law=True),
                near("ratio of updates", 1 / trade["S"], 7.7, 0.3, "{:+.2f}", law=True),
                near("share of compute saved", 1 - trade["C"], 0.65, 0.01, "{:+.3f}", law=True),
            ),
        ),
        answer(
            "kaplan-06c-off-size",
            on_paper_data=f"{100 * (small['C'] - 1):.1f} % and {100 * (large['C'] - 1):.1f} %; {100 * (1 - large['S']):.1f} %",
            verdict=verdict(
                Test("excess at most 20.5 %", excess <= 0.205, percent(excess, 1), law=True),
                near("share of steps saved", 1 - large["S"], 0.45, 0.01, "{:+.3f}", law=True),
            ),
        ),
    ]


@claim
def learning_rate(e: Evidence) -> Claim:
    zero = np.exp(0.003239 / 0.0001395)
    return answer(
        "kaplan-08-learning-rate",
        on_paper_data=f"{kaplan.learning_rate(1e10):.2g} at 1e10, zero at {zero:.3g}",
        verdict=verdict(
            Test("zero between 1e10 and 1.5e10 parameters", bool(1e10 < zero < 1.5e10), f"{zero:.3g}", law=True)
        ),
    )


@claim
def contradiction(e: Evidence) -> Claim:
    def gap(C, scale, power):
        return np.log(kaplan.loss_of_tokens(scale * C**power) / kaplan.loss_of_minimal_compute(C))

    found = []
    for scale, power in ((2e10, 0.27), (4e10, 0.26)):
        C = brentq(lambda C, s=scale, p=power: gap(C, s, p), 1.0, 1e9)
        found.append(
            (C, kaplan.published_allocation(C)["N"], scale * C**power, float(kaplan.loss_of_minimal_compute(C)))
        )
    orders = [
        near(f"log10 of {name}", np.log10(found[0][k]), np.log10(said), 1, "{:+.2f}", law=True)
        for k, (name, said) in enumerate((("C", 1e4), ("N", 1e12), ("D", 1e12)))
    ]
    return answer(
        "kaplan-07-breakdown",
        on_paper_data="; ".join(f"C {C:.2g}, N {N:.2g}, D {D:.2g}, L {L:.2f}" for C, N, D, L in found)
        + " (D of Table 6; D of Eq. 6.7)",
        verdict=verdict(*orders, near("loss", found[0][3], 1.7, 0.1, "{:+.2f}", law=True)),
    )
