"""The annealing law in which steps at a low rate make more progress than their rate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.laws import Parameter, Run, power
from losslaws.laws._rates import rates_and_drops
from losslaws.laws.annealing import Annealing, AnnealingSums


class ProgressSums(AnnealingSums):
    """AnnealingSums that also gives sum of eta^p peak^(1 - p)."""

    def __init__(self, runs: Sequence[Run], warmup: str):
        super().__init__(runs, warmup)
        self._at = [run.step - 1 for run in runs]
        self._rates = [rates_and_drops(run.schedule, warmup)[0] for run in runs]
        self._p = None

    def progress(self, p: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the sum at every point and its derivative by p, [n] each."""
        if p != self._p:
            sums = [self._sums(rate, at, p) for rate, at in zip(self._rates, self._at, strict=True)]
            self._p, self._progress = p, np.concatenate(sums, axis=1)
        return self._progress

    @staticmethod
    def _sums(rate, at, p):
        peak = rate.max()
        log = np.log(rate / peak, where=rate > 0, out=np.full_like(rate, -np.inf))
        share = np.exp(p * log)
        return peak * np.cumsum([share, share * np.where(share > 0, log, 0.0)], axis=1)[:, at]


@dataclass(frozen=True)
class AnnealingProgress(Annealing):
    """L(s) = L0 + A S_p^-alpha - C S2, S_p = sum of eta_i^p peak^(1 - p) over i <= s.

    Under a constant rate S_p is S1, and with p = 1 the law is the annealing law; with p < 1 a step at a low rate counts for
    more than its rate. A variant of this project, found on the curves of the Multi-Power paper: the exponent that one split
    fits is not known well, so hold it near .7 where there are few curves, fixed={"p": 0.7}.
    """

    equation = "L0 + A (sum_i eta_i^p peak^(1-p))^-alpha - C S2(lambda)"
    source = "this project, after Tissue, Wang, Wang 2024, arXiv 2408.11029, Eq. 1"
    parameters = (
        *Annealing.parameters,
        Parameter(
            "p",
            "exponent of the rate in the progress that a step makes",
            bounds=(0.3, 1.5),
            starts=(0.7, 1.0),
            needs="decays of the learning rate that are long",
        ),
    )

    def features(self, runs: Sequence[Run]) -> ProgressSums:
        return ProgressSums(runs, self.warmup)

    def basis(self, nonlinear, x):
        alpha, decay, p = nonlinear
        progress, by_p = x.progress(p)
        forward, by_alpha = power(progress, alpha)
        S2, by_decay = x.S2(decay)
        phi = np.column_stack([np.ones_like(forward), forward, -S2])
        slopes = np.zeros((3, *phi.shape))
        slopes[0, :, 1], slopes[1, :, 2], slopes[2, :, 1] = by_alpha, -by_decay, -alpha * forward / progress * by_p
        return phi, slopes
