"""Chinchilla's law for one model and one batch size: a power law in steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.laws import Law, Parameter, Run, power


@dataclass(frozen=True)
class StepsPower(Law):
    """L(s) = L0 + A s^-alpha.

    Across runs of one family of schedules it is a law of the final loss: fit it on `fitting.final(curve)`. Along one
    run it holds under a constant rate.
    """

    equation = "L0 + A s^-alpha"
    source = "Hoffmann et al. 2022, arXiv 2203.15556, approach 3 at fixed N; Tissue et al. 2024, Sec. 5.1"
    parameters = (
        Parameter("L0", "loss that no training removes, nats per token", linear=True, needs="several lengths"),
        Parameter("A", "scale of the power law in steps, nats per token", linear=True, needs="several lengths"),
        Parameter(
            "alpha",
            "exponent of the steps",
            bounds=(0.01, 3.0),
            starts=(0.1, 0.2, 0.35, 0.5, 0.8, 1.2),
            needs="several lengths",
        ),
    )

    def features(self, runs: Sequence[Run]) -> np.ndarray:
        """Return the steps [n]."""
        return np.concatenate([run.step for run in runs]).astype(float)

    def basis(self, nonlinear, x):
        value, by_alpha = power(x, nonlinear[0])
        phi = np.column_stack([np.ones_like(value), value])
        return phi, np.column_stack([np.zeros_like(value), by_alpha])[None]
