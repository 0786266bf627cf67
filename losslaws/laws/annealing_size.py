"""The annealing law for models of several sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.laws import Law, Parameter, Run, counts, power
from losslaws.laws.annealing import Annealing, AnnealingSums


@dataclass(frozen=True)
class AnnealingSize(Law):
    """L(s, N) = L0 + A S1^-alpha + B N^-beta - C S2 N^gamma, N in millions of non-embedding parameters.

    The paper writes N without a unit; its constants make sense with millions only.

    warmup  as for Annealing
    """

    equation = "L0 + A S1^-alpha + B N^-beta - C S2(lambda) N^gamma"
    source = "Tissue, Wang, Wang 2024, arXiv 2408.11029, Eq. 7"
    parameters = (
        *Annealing.parameters,
        Parameter("B", "scale of the power law in N, nats per token", linear=True, needs="several model sizes"),
        Parameter("beta", "exponent of N", bounds=(0.01, 3.0), starts=(0.1, 0.2, 0.4), needs="several model sizes"),
        Parameter(
            "gamma",
            "exponent by which the gain of annealing grows with N",
            bounds=(-2.0, 2.0),
            starts=(0.0, 0.15),
            needs="decays of the learning rate at several model sizes",
        ),
    )
    warmup: str = "as-peak"

    def features(self, runs: Sequence[Run]) -> tuple[AnnealingSums, np.ndarray]:
        """Return the sums and N in millions [n]."""
        return AnnealingSums(runs, self.warmup), counts(runs, "non_embedding") / 1e6

    def basis(self, nonlinear, x):
        sums, N = x
        alpha, decay, beta, gamma = nonlinear
        forward, by_alpha = power(sums.S1, alpha)
        S2, by_decay = sums.S2(decay)
        size, by_beta = power(N, beta)
        gain, by_gamma = power(N, -gamma)
        zero = np.zeros_like(N)
        phi = np.column_stack([np.ones_like(N), forward, -S2 * gain, size])
        slopes = [
            [zero, by_alpha, zero, zero],
            [zero, zero, -by_decay * gain, zero],
            [zero, zero, zero, by_beta],
            [zero, zero, S2 * by_gamma, zero],  # power() differentiates by -gamma
        ]
        return phi, np.stack([np.column_stack(columns) for columns in slopes])
