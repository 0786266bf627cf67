"""Kaplan's law of size and data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.laws import Law, Parameter, Run, counts, tokens


@dataclass(frozen=True)
class KaplanData(Law):
    """L(N, D) = ((Nc / N)^(alpha_N / alpha_D) + Dc / D)^alpha_D, N non-embedding parameters and D tokens.

    Nc and Dc range over orders of magnitude: the parameters are their decimal logarithms. A law of the final loss; fit it on
    `fitting.final(curve)`.
    """

    equation = "((Nc / N)^(alpha_N / alpha_D) + Dc / D)^alpha_D"
    source = "Kaplan et al. 2020, arXiv 2001.08361, Eq. 1.5"
    refine = 3
    parameters = (
        Parameter(
            "log_Nc",
            "decimal logarithm of Nc, in parameters",
            bounds=(3.0, 25.0),
            starts=(10.0, 14.0),
            needs="several model sizes",
        ),
        Parameter("alpha_N", "exponent of N", bounds=(0.005, 2.0), starts=(0.07, 0.2), needs="several model sizes"),
        Parameter(
            "log_Dc",
            "decimal logarithm of Dc, in tokens",
            bounds=(3.0, 25.0),
            starts=(10.0, 14.0),
            needs="several lengths",
        ),
        Parameter("alpha_D", "exponent of D", bounds=(0.005, 2.0), starts=(0.09, 0.25), needs="several lengths"),
    )

    def features(self, runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray]:
        """Return log N [n] and log D [n], natural."""
        return np.log(counts(runs, "non_embedding")), np.log(tokens(runs))

    def evaluate(self, theta, x):
        log_Nc, alpha_N, log_Dc, alpha_D = theta
        ten = np.log(10)
        N, D = ten * log_Nc - x[0], ten * log_Dc - x[1]  # log(Nc / N), log(Dc / D)
        size, data = alpha_N / alpha_D * N, D
        both = np.logaddexp(size, data)
        loss = np.exp(alpha_D * both)
        share = np.exp(size - both)  # of the term in N
        by_alpha_D = loss * (both - share * size)
        return loss, np.column_stack(
            [ten * alpha_N * loss * share, N * loss * share, ten * alpha_D * loss * (1 - share), by_alpha_D]
        )
