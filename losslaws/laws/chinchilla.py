"""Chinchilla's law of the final loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.laws import Law, Parameter, Run, counts, power, tokens


@dataclass(frozen=True)
class Chinchilla(Law):
    """L(N, D) = E + A / N^alpha + B / D^beta, N parameters and D tokens, neither in millions.

    It knows nothing of schedules: it speaks of the end of a completed schedule, so fit it on `fitting.final(curve)`.

    count  which parameter count of the runs is N, e.g. "non_embedding" or "total"
    """

    equation = "E + A N^-alpha + B D^-beta"
    source = "Hoffmann et al. 2022, arXiv 2203.15556, approach 3"
    parameters = (
        Parameter(
            "E",
            "loss that neither size nor data removes, nats per token",
            linear=True,
            needs="several sizes and lengths",
        ),
        Parameter("A", "scale of the power law in N, nats per token", linear=True, needs="several model sizes"),
        Parameter(
            "alpha",
            "exponent of N",
            bounds=(0.01, 3.0),
            starts=(0.15, 0.25, 0.35, 0.5, 0.8),
            needs="several model sizes",
        ),
        Parameter("B", "scale of the power law in D, nats per token", linear=True, needs="several lengths"),
        Parameter(
            "beta", "exponent of D", bounds=(0.01, 3.0), starts=(0.15, 0.25, 0.35, 0.5, 0.8), needs="several lengths"
        ),
    )
    count: str = "non_embedding"

    def features(self, runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray]:
        """Return N [n] and D [n]."""
        return counts(runs, self.count), tokens(runs)

    def basis(self, nonlinear, x):
        (size, by_alpha), (data, by_beta) = power(x[0], nonlinear[0]), power(x[1], nonlinear[1])
        zero = np.zeros_like(size)
        phi = np.column_stack([np.ones_like(size), size, data])
        return phi, np.stack([np.column_stack([zero, by_alpha, zero]), np.column_stack([zero, zero, by_beta])])
