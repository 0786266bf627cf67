"""What follows from the published constants by the paper's own formulas."""

import numpy as np
from scipy.optimize import brentq

from analysis.papers.claim import Claim, answer, claim, verdict
from analysis.papers.kaplan.evidence import Evidence
from losslaws.search import kaplan

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
            verdict=verdict(abs(pN - 0.73) <= 0.005),
        ),
        answer(
            "kaplan-05a-size-exponent-closed",
            on_paper_data=f"{pN:.4f} by minimisation, {closed['N']:.4f} by the formula",
            verdict=verdict(abs(pN - closed["N"]) <= 0.001),
        ),
        answer(
            "kaplan-05b-loss-exponent",
            on_paper_data=f"{closed['L']:.4f}",
            on_own_runs=e.follows("minimal compute", "alpha_C"),
            verdict=verdict(abs(closed["L"] - 0.054) < 5e-4, abs(closed["L"] - kaplan.value("minimal.alpha")) < 0.005),
        ),
        answer(
            "kaplan-05c-two-laws",
            on_paper_data="loss ratios "
            + ", ".join(f"{x:.3f}" for x in losses)
            + f" at 1, 1e2, 1e4 PF-days; N at 1 PF-day {size:.2g} against {kaplan.value('best.Ne'):.2g}",
            verdict=verdict(max(abs(np.array(losses) - 1)) < 0.02, abs(size / kaplan.value("best.Ne") - 1) < 0.1),
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
    return [
        answer(
            "kaplan-06a-stop",
            on_paper_data=", ".join(f"{100 * x:.2f}" for x in above) + " at 1, 1e2, 1e4 PF-days",
            verdict=verdict(max(abs(np.array(above) - 0.1)) < 0.005),
        ),
        answer(
            "kaplan-06b-trade",
            on_paper_data=f"{trade['N']:.2f}, {1 / trade['S']:.2f}, {100 * (1 - trade['C']):.1f} %",
            verdict=verdict(
                abs(trade["N"] - 2.7) < 0.05, abs(1 / trade["S"] - 7.7) < 0.3, abs(1 - trade["C"] - 0.65) < 0.01
            ),
        ),
        answer(
            "kaplan-06c-off-size",
            on_paper_data=f"{100 * (small['C'] - 1):.1f} % and {100 * (large['C'] - 1):.1f} %; {100 * (1 - large['S']):.1f} %",
            verdict=verdict(max(small["C"], large["C"]) < 1.205, abs(1 - large["S"] - 0.45) < 0.01),
        ),
    ]


@claim
def learning_rate(e: Evidence) -> Claim:
    zero = np.exp(0.003239 / 0.0001395)
    return answer(
        "kaplan-08-learning-rate",
        on_paper_data=f"{kaplan.learning_rate(1e10):.2g} at 1e10, zero at {zero:.3g}",
        verdict=verdict(1e10 < zero < 1.5e10),
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
    orders = [abs(np.log10(found[0][k] / said)) <= 1 for k, said in ((0, 1e4), (1, 1e12), (2, 1e12))]
    return answer(
        "kaplan-07-breakdown",
        on_paper_data="; ".join(f"C {C:.2g}, N {N:.2g}, D {D:.2g}, L {L:.2f}" for C, N, D, L in found)
        + " (D of Table 6; D of Eq. 6.7)",
        verdict=verdict(*orders, abs(found[0][3] - 1.7) < 0.1),
    )
