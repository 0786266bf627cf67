"""The annealing law whose momentum counts by a power of the rate it acts at."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from losslaws.laws import Parameter, Run
from losslaws.laws._rates import rates_and_drops
from losslaws.laws.annealing import Annealing, AnnealingSums


class WeightedSums(AnnealingSums):
    """AnnealingSums that also gives sum of m_i (eta_i / peak)^epsilon."""

    def __init__(self, runs: Sequence[Run], warmup: str):
        super().__init__(runs, warmup)
        self._at = [run.step - 1 for run in runs]
        self._steps = [rates_and_drops(run.schedule, warmup) for run in runs]

    def weighted(self, decay: float, epsilon: float) -> np.ndarray:
        """Return the sum [n] and its derivatives by decay and by epsilon: [3, n]."""
        per_run = []
        for at, (rate, drop) in zip(self._at, self._steps, strict=True):
            m = lfilter([1.0], [1.0, -decay], drop)
            by_decay = lfilter([0.0, 1.0], [1.0, -decay], m)
            share = rate / rate.max()
            log = np.log(share, where=share > 0, out=np.zeros_like(share))
            weight = share**epsilon
            per_run.append(np.cumsum([m * weight, by_decay * weight, m * weight * log], axis=1)[:, at])
        return np.concatenate(per_run, axis=1)


@dataclass(frozen=True)
class AnnealingEpsilon(Annealing):
    """L(s) = L0 + A S1^-alpha - C sum of m_i (eta_i / peak)^epsilon over i <= s.

    The paper writes eta_i^epsilon; dividing by the peak keeps the unit of C and changes nothing else.
    """

    equation = "L0 + A S1^-alpha - C sum_i m_i(lambda) (eta_i / peak)^epsilon"
    source = "Tissue, Wang, Wang 2024, arXiv 2408.11029, Sec. 6.3"
    parameters = (
        *Annealing.parameters,
        Parameter(
            "epsilon",
            "exponent of the rate at which momentum acts",
            bounds=(0.0, 3.0),
            starts=(0.05, 0.5),
            needs="a decay of the learning rate",
        ),
    )

    def features(self, runs: Sequence[Run]) -> WeightedSums:
        return WeightedSums(runs, self.warmup)

    def basis(self, nonlinear, x):
        *rest, epsilon = nonlinear
        phi, slopes = super().basis(rest, x)
        by_epsilon = np.zeros_like(phi)
        phi[:, 2], slopes[1, :, 2], by_epsilon[:, 2] = -x.weighted(rest[1], epsilon)
        return phi, np.concatenate([slopes, by_epsilon[None]])
