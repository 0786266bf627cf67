"""The annealing law whose momentum fades at two speeds, with few parameters that transfer from model to model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from analysis.laws import Law, Parameter, Run, power
from analysis.laws.annealing_progress import ProgressSums

FASTER = 20.0  # how many times sooner the other half of a drop takes effect


class MemorySums(ProgressSums):
    """ProgressSums that also gives the share of a whole decay that has taken effect at every point."""

    def __init__(self, runs: Sequence[Run], warmup: str):
        super().__init__(runs, warmup)
        self._peak = np.concatenate([np.full(run.step.size, run.schedule.peak) for run in runs])
        self._tau = None

    def effect(self, tau: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the effect of the drops so far and its derivative by tau, [n] each."""
        if tau != self._tau:
            halves = [self._half(tau), self._half(tau / FASTER)]
            value = sum(half for half, _ in halves) / 2
            slope = (halves[0][1] + halves[1][1] / FASTER) / 2
            self._tau, self._effect = tau, (value / self._peak, slope / self._peak)
        return self._effect

    def _half(self, tau):
        """Return (1 - lambda) S2 with lambda = 1 - 1 / tau, and its derivative by tau."""
        S2, by_decay = self.S2(1 - 1 / tau)
        return S2 / tau, (by_decay / tau - S2) / tau**2


@dataclass(frozen=True)
class AnnealingMemory(Law):
    """L(s) = L0 + A S_p^-alpha - K sum over k <= s of (eta_(k-1) - eta_k) / peak x G(s - k + 1),
    G(n) = 1 - ((1 - 1/tau)^n + (1 - FASTER/tau)^n) / 2.

    S_p = sum of eta_i^p peak^(1 - p) over i <= s, see `annealing_progress`. With one memory instead of two this is the annealing law,
    tau = 1 / (1 - lambda) and K = C peak / (1 - lambda). K is the loss that a whole decay to zero removes once it has
    taken effect, which differs between models by a power of the peak rate and of the batch; the form is this project's, made
    for forecasts with priors from other models: `analysis.forecast`.

    p       exponent of the rate in the progress that a step makes
    warmup  which rates the warm-up counts with, see `rates_and_drops`
    """

    name: ClassVar[str] = "annealing_memory"
    equation: ClassVar[str] = "L0 + A S_p^-alpha - K sum_k (eta_(k-1) - eta_k) / peak (1 - memory of s - k + 1 steps)"
    source: ClassVar[str] = "this project, after Tissue, Wang, Wang 2024, arXiv 2408.11029, Eq. 1"
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("L0", "loss that no training removes, nats per token", linear=True),
        Parameter("A", "scale of the power law in S_p, nats per token x (rate)^alpha", linear=True),
        Parameter("alpha", "exponent of S_p", bounds=(0.01, 3.0), starts=(0.2, 0.35, 0.5, 0.7, 1.0)),
        Parameter(
            "K", "loss removed by a whole decay, nats per token", linear=True, needs="a decay of the learning rate"
        ),
        Parameter(
            "tau",
            "memory of the slower half of a drop, steps",
            bounds=(30.0, 1e5),
            starts=(200.0, 1000.0, 5000.0),
            decades=True,
            needs="decays of several lengths",
        ),
    )
    p: float = 0.7
    warmup: str = "as-peak"

    def features(self, runs: Sequence[Run]) -> MemorySums:
        return MemorySums(runs, self.warmup)

    def basis(self, nonlinear, x):
        alpha, tau = nonlinear
        forward, by_alpha = power(x.progress(self.p)[0], alpha)
        effect, by_tau = x.effect(tau)
        zero = np.zeros_like(forward)
        phi = np.column_stack([np.ones_like(forward), forward, -effect])
        return phi, np.stack([np.column_stack([zero, by_alpha, zero]), np.column_stack([zero, zero, -by_tau])])
