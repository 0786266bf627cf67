"""Kaplan et al. 2020 as published: every constant of its tables, and its laws with them.

    CONSTANTS                     symbol -> Constant(value, unit, law, source)
    loss_of_size(N), loss_of_tokens(D), loss_of_compute(C), loss_of_minimal_compute(C)
    loss_of_size_and_tokens(N, D), loss_of_size_and_steps(N, S_min)
    critical_batch(L), minimal_steps(S, B, L), minimal_compute(C, B, L)
    published_allocation(C)       Table 6: N, D, batch, steps that use compute C best
    best_size(C)                  the same as the optimum of L(N, S_min), found numerically
    tokens_needed(N), stopping_step(N, D), convergence_trade(f, other), size_trade(ratio)

N counts parameters without embeddings, D tokens, S optimiser steps, B tokens per step; C is in PF-days (8.64e19 FLOPs), and
losses are nats per token of WebText2 under its own 50,257-word vocabulary: they compare with no other text. All functions
take arrays too. The same laws, for fitting, are `laws.build("kaplan_power")`, "kaplan_data" and "kaplan_steps".
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar

PF_DAY = 8.64e19  # FLOPs: 1e15 a second for 86,400 seconds


@dataclass(frozen=True)
class Constant:
    """One published number: its symbol in the paper, its unit, the law it belongs to and where it is printed."""

    symbol: str
    value: float
    unit: str
    law: str
    source: str


SIZE, TOKENS, COMPUTE = "L(N) = (Nc / N)^alpha_N", "L(D) = (Dc / D)^alpha_D", "L(C) = (Cc / C)^alpha_C"
MINIMAL = "L(C_min) = (Cc_min / C_min)^alpha_C_min"
BATCH = "B_crit(L) = B* / L^(1 / alpha_B)"
BOTH = "L(N, D) = ((Nc / N)^(alpha_N / alpha_D) + Dc / D)^alpha_D"
STEPS = "L(N, S_min) = (Nc / N)^alpha_N + (Sc / S_min)^alpha_S"
BEST = "N = Ne C^pN, B = Be C^pB, S = Se C^pS, D = De C^pD"
CONSTANTS = {
    key: Constant(*row)
    for key, row in {
        "size.alpha": ("alpha_N", 0.076, "", SIZE, "Table 5"),
        "size.scale": ("Nc", 8.8e13, "parameters", SIZE, "Table 5"),
        "tokens.alpha": ("alpha_D", 0.095, "", TOKENS, "Table 5"),
        "tokens.scale": ("Dc", 5.4e13, "tokens", TOKENS, "Table 5"),
        "compute.alpha": ("alpha_C", 0.057, "", COMPUTE, "Table 5"),
        "compute.scale": ("Cc", 1.6e7, "PF-days", COMPUTE, "Table 5"),
        "minimal.alpha": ("alpha_C_min", 0.050, "", MINIMAL, "Table 5"),
        "minimal.scale": ("Cc_min", 3.1e8, "PF-days", MINIMAL, "Table 5"),
        "batch.alpha": ("alpha_B", 0.21, "", BATCH, "Table 5"),
        "batch.scale": ("B*", 2.1e8, "tokens", BATCH, "Table 5; the text rounds to 2e8"),
        "both.alpha_N": ("alpha_N", 0.076, "", BOTH, "Table 2; its equation in Table 4"),
        "both.alpha_D": ("alpha_D", 0.103, "", BOTH, "Table 2; its equation in Table 4"),
        "both.Nc": ("Nc", 6.4e13, "parameters", BOTH, "Table 2; its equation in Table 4"),
        "both.Dc": ("Dc", 1.8e13, "tokens", BOTH, "Table 2; its equation in Table 4"),
        "steps.alpha_N": ("alpha_N", 0.077, "", STEPS, "Table 3; its equation in Table 4"),
        "steps.alpha_S": ("alpha_S", 0.76, "", STEPS, "Table 3; its equation in Table 4"),
        "steps.Nc": ("Nc", 6.5e13, "parameters", STEPS, "Table 3; its equation in Table 4"),
        "steps.Sc": ("Sc", 2.1e3, "steps", STEPS, "Table 3; its equation in Table 4"),
        "best.Ne": ("Ne", 1.3e9, "parameters", BEST, "Table 6"),
        "best.pN": ("pN", 0.73, "", BEST, "Table 6"),
        "best.Be": ("Be", 2.0e6, "tokens", BEST, "Table 6"),
        "best.pB": ("pB", 0.24, "", BEST, "Table 6"),
        "best.Se": ("Se", 5.4e3, "steps", BEST, "Table 6, a lower bound"),
        "best.pS": ("pS", 0.03, "", BEST, "Table 6, a lower bound"),
        "best.De": ("De", 2e10, "tokens", BEST, "Table 6; Eq. 6.7 has 4e10 C^.26, since C = 2 C_min at B_crit"),
        "best.pD": ("pD", 0.27, "", BEST, "Table 6; Eq. 6.7 has 4e10 C^.26, since C = 2 C_min at B_crit"),
    }.items()
}


def value(key: str) -> float:
    """Return one constant, e.g. "size.alpha"."""
    return CONSTANTS[key].value


def power_law(of: str, x):
    """Return (scale / x)^alpha of the law `of`: "size", "tokens", "compute" or "minimal"."""
    return (value(f"{of}.scale") / np.asarray(x, dtype=float)) ** value(f"{of}.alpha")


def loss_of_size(N):
    """Loss of a model of N parameters trained to convergence on unlimited data (Eq. 1.1)."""
    return power_law("size", N)


def loss_of_tokens(D):
    """Loss of a large model on D tokens, stopped early (Eq. 1.2)."""
    return power_law("tokens", D)


def loss_of_compute(C):
    """Loss at compute C in PF-days with batches of 2^19 tokens (Eq. 1.3, naive)."""
    return power_law("compute", C)


def loss_of_minimal_compute(C):
    """Loss at compute C in PF-days, used as well as can be and with batches far below the critical one (Eq. 1.3)."""
    return power_law("minimal", C)


def loss_of_size_and_tokens(N, D):
    """Loss of N parameters on D tokens, stopped early (Eq. 1.5)."""
    alpha_N, alpha_D = value("both.alpha_N"), value("both.alpha_D")
    return ((value("both.Nc") / N) ** (alpha_N / alpha_D) + value("both.Dc") / D) ** alpha_D


def loss_of_size_and_steps(N, S_min):
    """Loss of N parameters after S_min steps with batches far above the critical one (Eq. 1.6)."""
    return floor_of_size(N) + (value("steps.Sc") / S_min) ** value("steps.alpha_S")


def floor_of_size(N):
    """Loss of N parameters after infinitely many steps, by L(N, S_min)."""
    return (value("steps.Nc") / N) ** value("steps.alpha_N")


def critical_batch(L):
    """Critical batch in tokens at loss L: twice the least steps and twice the least tokens (Eq. 1.4)."""
    return value("batch.scale") / L ** (1 / value("batch.alpha"))


def minimal_steps(S, B, L):
    """Steps that a batch far above the critical one needs to loss L, where S steps of B tokens did (Eq. 5.4)."""
    return S / (1 + critical_batch(L) / B)


def minimal_compute(C, B, L):
    """Compute that a batch far below the critical one needs to loss L, where C with B tokens per step did (Eq. 5.5)."""
    return C / (1 + B / critical_batch(L))


def compute_to_loss(N, L):
    """Least compute, PF-days, with which N parameters come to loss L: 6 N B_crit(L) S_min. L must lie above `floor_of_size`."""
    left = L - floor_of_size(N)
    steps = value("steps.Sc") * left ** (-1 / value("steps.alpha_S"))
    return 6 * N * critical_batch(L) * steps / PF_DAY


def loss_at_compute(N: float, C: float) -> float:
    """Loss to which N parameters come with compute C, PF-days."""
    floor = floor_of_size(N)
    return floor + np.exp(brentq(lambda x: np.log(compute_to_loss(N, floor + np.exp(x)) / C), -20, 8, xtol=1e-10))


def best_size(C: float) -> float:
    """N at which `loss_at_compute` is lowest: the optimum of L(N, S_min) under 6 N B_crit S_min = C, PF-days."""
    found = minimize_scalar(
        lambda x: loss_at_compute(np.exp(x), C), bounds=np.log((1e3, 1e15)), method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x))


def size_exponent(C=(1.0, 1e4)) -> float:
    """Exponent pN of `best_size` ~ C^pN, measured over the range C in PF-days."""
    sizes = [best_size(c) for c in C]
    return float(np.log(sizes[1] / sizes[0]) / np.log(C[1] / C[0]))


def exponents(alpha_N=None, alpha_S=None, alpha_B=None) -> dict[str, float]:
    """Exponents that follow from alpha_N, alpha_S and alpha_B (App. B): of L(C_min), and of the best N, B and S.

    Default: the published three. With two, training is at one batch, and the exponents are those of L(C).
    """
    if alpha_N is None:
        alpha_N, alpha_S, alpha_B = (value(key) for key in ("steps.alpha_N", "steps.alpha_S", "batch.alpha"))
    of = {"N": alpha_N, "S": alpha_S} | ({} if alpha_B is None else {"B": alpha_B})
    alpha = 1 / sum(1 / exponent for exponent in of.values())
    return {"L": alpha} | {symbol: alpha / exponent for symbol, exponent in of.items()}


def published_allocation(C):
    """Return N, D, batch (tokens) and steps for compute C in PF-days, as Table 6 has them."""
    return {
        name: value(f"best.{symbol}e") * C ** value(f"best.p{symbol}")
        for name, symbol in (("N", "N"), ("D", "D"), ("batch", "B"), ("steps", "S"))
    }


def tokens_needed(N, excess: float = 0.02):
    """Tokens from which on overfitting costs N parameters less than `excess` of their loss (Eq. 4.3, 4.4)."""
    alpha_N, alpha_D = value("both.alpha_N"), value("both.alpha_D")
    return value("both.Dc") * (N / value("both.Nc")) ** (alpha_N / alpha_D) / ((1 + excess) ** (1 / alpha_D) - 1)


def stopping_step(N, D):
    """Lower bound of the step at which N parameters on D tokens should stop (Eq. 5.7)."""
    excess = loss_of_size_and_tokens(N, D) - loss_of_size_and_tokens(N, np.inf)
    return value("steps.Sc") / excess ** (1 / value("steps.alpha_S"))


def convergence_trade(f: float, other: float) -> dict[str, float]:
    """Size, steps and compute of training to a share f above the converged loss, over those of training to `other` (App. B.3)."""
    size = ((1 + f) / (1 + other)) ** (1 / value("steps.alpha_N"))
    steps = ((1 + 1 / f) / (1 + 1 / other)) ** (1 / value("steps.alpha_S"))
    return {"N": size, "S": steps, "C": size * steps}


def size_trade(ratio: float) -> dict[str, float]:
    """Compute and steps to the same loss with a model `ratio` times the best size, over those of the best one (App. B.4)."""
    f = value("steps.alpha_N") / value("steps.alpha_S")
    steps = (1 + (1 - ratio ** -value("steps.alpha_N")) / f) ** (-1 / value("steps.alpha_S"))
    return {"C": ratio * steps, "S": steps}


def learning_rate(N):
    """The paper's rule for the learning rate; it is zero at N = 1.2e10."""
    return 0.003239 - 0.0001395 * np.log(N)
