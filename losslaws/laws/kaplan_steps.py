"""Kaplan's law of size and steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.curves import InputError, LossCurve
from losslaws.laws import Law, Parameter, Run, counts, power


@dataclass(frozen=True)
class KaplanSteps(Law):
    """L(N, S_min) = A N^-alpha + B S_min^-beta, N non-embedding parameters.

    The paper writes (Nc / N)^alpha_N + (Sc / S_min)^alpha_S: Nc = A^(1 / alpha), Sc = B^(1 / beta). S_min = S / (1 + critical
    batch / batch) are the steps that a batch far above the critical one would have needed.

    critical_batch  in tokens; 0: the batch is far above it, S_min = S
    alpha_B         0: the critical batch is the same at every loss; else it is critical_batch / L^(1 / alpha_B), as in the paper,
                    with L as measured (Eq. 5.4): such a law describes runs, and foretells none
    """

    equation = "A N^-alpha + B S_min^-beta"
    source = "Kaplan et al. 2020, arXiv 2001.08361, Eq. 1.6"
    parameters = (
        Parameter("A", "scale of the power law in N, nats per token", linear=True, needs="several model sizes"),
        Parameter("alpha", "exponent of N", bounds=(0.001, 2.0), starts=(0.05, 0.1, 0.3), needs="several model sizes"),
        Parameter("B", "scale of the power law in steps, nats per token", linear=True, needs="several lengths"),
        Parameter(
            "beta", "exponent of the steps", bounds=(0.001, 2.0), starts=(0.3, 0.6, 0.9), needs="several lengths"
        ),
    )
    critical_batch: float = 0.0
    alpha_B: float = 0.0

    def __post_init__(self):
        for option in ("critical_batch", "alpha_B"):
            value = getattr(self, option)
            if not (np.isfinite(value) and value >= 0):
                raise InputError(f"law option {option}={value} of 'kaplan_steps' must be a number, 0 or more")

    def features(self, runs: Sequence[Run]) -> tuple[np.ndarray, np.ndarray]:
        """Return N [n] and S_min [n]. Raises InputError for a run whose batch is needed and not known."""
        return counts(runs, "non_embedding"), np.concatenate([self._steps(run) for run in runs])

    def _steps(self, run: Run) -> np.ndarray:
        if not self.critical_batch:
            return run.step.astype(float)
        if not run.tokens_per_step:
            raise InputError(f"run '{run.name}': the law needs its batch; give tokens_per_step")
        critical = self.critical_batch
        if self.alpha_B:
            if not isinstance(run, LossCurve):
                raise InputError(f"run '{run.name}': with alpha_B the law needs its measured losses")
            critical = critical * run.loss ** (-1 / self.alpha_B)
        return run.step / (1 + critical / run.tokens_per_step)

    def basis(self, nonlinear, x):
        (size, by_alpha), (steps, by_beta) = power(x[0], nonlinear[0]), power(x[1], nonlinear[1])
        zero = np.zeros_like(size)
        return np.column_stack([size, steps]), np.stack(
            [np.column_stack([by_alpha, zero]), np.column_stack([zero, by_beta])]
        )
