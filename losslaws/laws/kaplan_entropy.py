"""Kaplan's law of size and data with a loss that neither removes: the form that loss-to-loss prediction is closed under."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.laws import Law, Parameter, Run, counts, tokens


@dataclass(frozen=True)
class KaplanEntropy(Law):
    """L(N, D) = E + ((A / N)^(alpha / beta) + B / D)^beta, N non-embedding parameters and D tokens.

    A and B range over orders of magnitude: the parameters are their decimal logarithms. A law of the final loss; fit it on
    `fitting.final(curve)`. A shifted power law of it, K (L - E)^kappa + E', is again of this form.
    """

    equation = "E + ((A / N)^(alpha / beta) + B / D)^beta"
    source = "Brandfonbrener et al. 2024, arXiv 2411.12925"
    refine = 3
    parameters = (
        Parameter(
            "E",
            "loss that neither size nor data removes, nats per token",
            bounds=(0.0, 20.0),
            starts=(0.5, 1.0, 1.5, 2.0),
            needs="several sizes and lengths",
        ),
        Parameter(
            "log_A",
            "decimal logarithm of A, in parameters",
            bounds=(-5.0, 25.0),
            starts=(5.0, 7.5, 10.0),
            needs="several model sizes",
        ),
        Parameter("alpha", "exponent of N", bounds=(0.005, 5.0), starts=(0.2, 0.4), needs="several model sizes"),
        Parameter(
            "log_B",
            "decimal logarithm of B, in tokens",
            bounds=(-5.0, 25.0),
            starts=(6.0, 8.5, 11.0),
            needs="several lengths",
        ),
        Parameter("beta", "exponent of D", bounds=(0.005, 5.0), starts=(0.2, 0.45), needs="several lengths"),
    )

    def features(self, runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray]:
        """Return log N [n] and log D [n], natural."""
        return np.log(counts(runs, "non_embedding")), np.log(tokens(runs))

    def evaluate(self, theta, x):
        E, log_A, alpha, log_B, beta = theta
        ten = np.log(10)
        N, D = ten * log_A - x[0], ten * log_B - x[1]  # log(A / N), log(B / D)
        size = alpha / beta * N
        both = np.logaddexp(size, D)
        rest = np.exp(beta * both)
        share = np.exp(size - both)  # of the term in N
        return E + rest, np.column_stack(
            [
                np.ones_like(rest),
                ten * alpha * rest * share,
                N * rest * share,
                ten * beta * rest * (1 - share),
                rest * (both - share * size),
            ]
        )
