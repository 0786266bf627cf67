"""The Forward-Momentum law."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from losslaws.curves import InputError
from losslaws.laws import Law, Parameter, Run, counts, power
from losslaws.laws._rates import rates_and_drops
from losslaws.laws.annealing import Annealing, AnnealingSums

FIRST, SECOND = 0.9, 0.999  # decay of the two moments per record
LIFT, EPSILON = 1e5, 1e-8  # what the second moment is multiplied by, and what keeps its root from 0


def annealing_momentum(drop: np.ndarray, spacing: int) -> np.ndarray:
    """Return M at 0, spacing, 2 spacing, ... up to the first of these that is not before the last step.

    drop [T] is the drop of the rate at every step. Steps spacing, 2 spacing, ... are records, as of a log, and delta is the
    drop from one to the next x spacing; M sums m / sqrt(v), the moments of delta as in Adam, corrected for their start at 0.
    """
    record = np.arange(0, drop.size + spacing, spacing)
    delta = np.diff(np.append(0.0, np.cumsum(drop))[np.minimum(record, drop.size)]) * spacing
    i = np.arange(2, record.size + 1)
    m = lfilter([1 - FIRST], [1, -FIRST], delta) / (1 - FIRST**i)
    v = lfilter([1 - SECOND], [1, -SECOND], delta**2) / (1 - SECOND**i)
    return np.append(0.0, np.cumsum(m / (np.sqrt(LIFT * v + EPSILON) + EPSILON)))


@dataclass(frozen=True)
class ForwardMomentum(Law):
    """L = L0 + A S1^-alpha + B N^-beta - C M, N in millions of non-embedding parameters; S1 as in the annealing law.

    In the authors' code M is summed over the records of a log, so that it depends on how often that was written.

    spacing  steps between records
    size     whether the term in N is part of the law; fits to one size need False
    warmup   which rates the warm-up counts with: "as-peak" | "true" | "full", see `rates_and_drops`
    """

    equation = "L0 + A S1^-alpha + B N^-beta - C M"
    source = "Wang et al. 2026, arXiv 2512.13705; constants of M: github.com/siqi-wang25/fm-annealing"
    spacing: int = 1
    size: bool = False
    warmup: str = "full"

    def __post_init__(self):
        if self.spacing < 1:
            raise InputError(f"law option spacing={self.spacing} of 'forward_momentum' must be at least 1 step")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        L0, A, alpha, *_ = Annealing.parameters
        C = Parameter(
            "C", "loss removed per unit of M, nats per token", linear=True, needs="a decay of the learning rate"
        )
        if not self.size:
            return L0, A, alpha, C
        B = Parameter("B", "scale of the power law in N, nats per token", linear=True, needs="several model sizes")
        beta = Parameter(
            "beta", "exponent of N", bounds=(0.01, 3.0), starts=(0.1, 0.2, 0.4), needs="several model sizes"
        )
        return L0, A, alpha, C, B, beta

    def features(self, runs: Sequence[Run]) -> tuple[np.ndarray, ...]:
        """Return S1, M and, with `size`, N in millions: [n] each."""
        M = np.concatenate([self._momentum(run) for run in runs])
        sizes = (counts(runs, "non_embedding") / 1e6,) if self.size else ()
        return AnnealingSums(runs, self.warmup).S1, M, *sizes

    def _momentum(self, run: Run) -> np.ndarray:
        M = annealing_momentum(rates_and_drops(run.schedule, self.warmup)[1], self.spacing)
        return np.interp(run.step, self.spacing * np.arange(M.size), M)

    def basis(self, nonlinear, x):
        S1, M, *N = x
        forward, by_alpha = power(S1, nonlinear[0])
        columns, slopes = [np.ones_like(forward), forward, -M], [[0, by_alpha, 0]]
        if self.size:
            size, by_beta = power(*N, nonlinear[1])
            columns.append(size)
            slopes = [[0, by_alpha, 0, 0], [0, 0, 0, by_beta]]
        zero = np.zeros_like(forward)
        return np.column_stack(columns), np.stack([np.column_stack([zero + v for v in slope]) for slope in slopes])
