"""What follows from the published constants by the paper's own formulas."""

import numpy as np
from scipy.optimize import brentq

from analysis.papers.claim import Claim, claim, verdict
from analysis.papers.kaplan import PAPER
from analysis.papers.kaplan.evidence import Evidence
from losslaws.search import kaplan

BUDGETS = (1.0, 1e2, 1e4)  # PF-days


@claim
def optimum(e: Evidence) -> list[Claim]:
    pN, closed = kaplan.size_exponent(), kaplan.exponents()
    losses = [kaplan.loss_at_compute(kaplan.best_size(C), C) / kaplan.loss_of_minimal_compute(C) for C in BUDGETS]
    size = kaplan.best_size(1.0)
    return [
        Claim(
            id="kaplan-05a-size-exponent",
            claim="L(N, S_min) gives the best size as N ~ C^.73",
            source=f"{PAPER}, Eq. 6.1, Table 6 and App. B",
            paper_value=".73 (fit), .71 (from the law)",
            on_paper_data=f"{pN:.3f} by minimisation",
            on_own_runs=f"{e.follows('minimal compute', 'N')}; at the batch that was used {e.follows('compute', 'N')}",
            unit="exponent of the best size in C_min; the verdict is on the printed constants",
            verdict=verdict(abs(pN - 0.73) <= 0.005),
            figure="fig01_best_size",
        ),
        Claim(
            id="kaplan-05a-size-exponent-closed",
            claim="The exponent of that optimum is alpha_C_min / alpha_N (within .001)",
            source=f"{PAPER}, App. B.1",
            paper_value="alpha_C_min / alpha_N",
            on_paper_data=f"{pN:.4f} by minimisation, {closed['N']:.4f} by the formula",
            unit="exponent of the best size in C_min",
            verdict=verdict(abs(pN - closed["N"]) <= 0.001),
            figure="fig01_best_size",
        ),
        Claim(
            id="kaplan-05b-loss-exponent",
            claim="1 / (1/alpha_S + 1/alpha_B + 1/alpha_N) is .054, near the fitted .050",
            source=f"{PAPER}, Eq. 6.4",
            paper_value=".054",
            on_paper_data=f"{closed['L']:.4f}",
            on_own_runs=e.follows("minimal compute", "alpha_C"),
            unit="exponent of L(C_min); the verdict is on the printed constants",
            verdict=verdict(abs(closed["L"] - 0.054) < 5e-4, abs(closed["L"] - kaplan.value("minimal.alpha")) < 0.005),
        ),
        Claim(
            id="kaplan-05c-two-laws",
            claim="The optimum of L(N, S_min) agrees with L(C_min) (loss within 2 %) and with Table 6 (size within 10 %)",
            source=f"{PAPER}, Tables 3, 5, 6",
            paper_value="one and the same optimum",
            on_paper_data="loss ratios "
            + ", ".join(f"{x:.3f}" for x in losses)
            + f" at 1, 1e2, 1e4 PF-days; N at 1 PF-day {size:.2g} against {kaplan.value('best.Ne'):.2g}",
            unit="ratio of losses; parameters",
            verdict=verdict(max(abs(np.array(losses) - 1)) < 0.02, abs(size / kaplan.value("best.Ne") - 1) < 0.1),
            figure="fig01_best_size",
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
        Claim(
            id="kaplan-06a-stop",
            claim="Compute is used best by stopping about 10 % above the converged loss",
            source=f"{PAPER}, Sec. 6.3, App. B.2",
            paper_value="alpha_N / alpha_S, about 10 %",
            on_paper_data=", ".join(f"{100 * x:.2f}" for x in above) + " at 1, 1e2, 1e4 PF-days",
            unit="% above the converged loss",
            verdict=verdict(max(abs(np.array(above) - 0.1)) < 0.005),
        ),
        Claim(
            id="kaplan-06b-trade",
            claim="Against training to 2 % of convergence: 2.7 times the parameters, 7.7 times fewer updates, 65 % less compute",
            source=f"{PAPER}, App. B.3",
            paper_value="2.7, 7.7, 65 %",
            on_paper_data=f"{trade['N']:.2f}, {1 / trade['S']:.2f}, {100 * (1 - trade['C']):.1f} %",
            unit="ratios; saved compute",
            verdict=verdict(
                abs(trade["N"] - 2.7) < 0.05, abs(1 / trade["S"] - 7.7) < 0.3, abs(1 - trade["C"] - 0.65) < 0.01
            ),
        ),
        Claim(
            id="kaplan-06c-off-size",
            claim="Models of .6 to 2.2 times the best size cost at most 20 % more compute; at 2.2 times, 45 % fewer steps",
            source=f"{PAPER}, App. B.4",
            paper_value="20 %, 45 %",
            on_paper_data=f"{100 * (small['C'] - 1):.1f} % and {100 * (large['C'] - 1):.1f} %; {100 * (1 - large['S']):.1f} %",
            unit="excess compute; saved steps",
            verdict=verdict(max(small["C"], large["C"]) < 1.205, abs(1 - large["S"] - 0.45) < 0.01),
        ),
    ]


@claim
def learning_rate(e: Evidence) -> Claim:
    zero = np.exp(0.003239 / 0.0001395)
    return Claim(
        id="kaplan-08-learning-rate",
        claim="LR(N) = .003239 - .0001395 ln N breaks down above 1e10 parameters",
        source=f"{PAPER}, App. D.6",
        paper_value="breaks down for N > 1e10",
        on_paper_data=f"{kaplan.learning_rate(1e10):.2g} at 1e10, zero at {zero:.3g}",
        unit="learning rate; parameters",
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
    return Claim(
        id="kaplan-07-breakdown",
        claim="L(C_min) and L(D) meet near C 1e4 PF-days, N 1e12, D 1e12, L 1.7, where the laws must fail (orders of magnitude)",
        source=f"{PAPER}, Sec. 6.3",
        paper_value="1e4, 1e12, 1e12, 1.7",
        on_paper_data="; ".join(f"C {C:.2g}, N {N:.2g}, D {D:.2g}, L {L:.2f}" for C, N, D, L in found)
        + " (D of Table 6; D of Eq. 6.7)",
        unit="PF-days, parameters, tokens, nats",
        verdict=verdict(*orders, abs(found[0][3] - 1.7) < 0.1),
    )
