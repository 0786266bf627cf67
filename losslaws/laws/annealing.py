"""The annealing law and the two sums it reads, S1 and S2."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dtbtrs
from scipy.sparse import csr_array

from losslaws.curves import InputError, Schedule
from losslaws.laws import TINY, Law, Parameter, Run
from losslaws.laws._rates import rates_and_drops, up_to


def annealing_sums(schedule: Schedule, decay: float, warmup: str = "as-peak") -> tuple[np.ndarray, np.ndarray]:
    """Return S1 and S2 after every step, [T] each, for the decay factor `decay` (lambda)."""
    from scipy.signal import lfilter  # takes longer to import than a forecast takes

    rate, drop = rates_and_drops(schedule, warmup)
    return np.cumsum(rate), np.cumsum(lfilter([1.0], [1.0, -decay], drop))


class AnnealingSums:
    """S1 [n] of every point and its logarithm, and S2 [n] with its derivative for any decay factor."""

    def __init__(self, runs: Sequence[Run], warmup: str):
        # All runs lie one after another, n points in all; run by run:
        #   fallen [points]  sum of the drops up to each point
        #   drops, ages      every drop that is not 0, and how many steps before the next point it lies
        #   many [points]    how many of these drops belong to each point
        #   gaps [points]    steps since the point before, 0 for the first of a run, so that nothing is carried over
        # Sums over the T steps are taken here, once: a fit then costs O(points + drops) at every lambda, not O(T).
        S1, fallen, drops, ages, many, gaps = [], [], [], [], [], []
        for run in runs:
            rate, drop = rates_and_drops(run.schedule, warmup)
            S1.append(up_to(run.step, rate))
            if S1[-1][0] <= 0:
                raise InputError(
                    f"run '{run.name}': the rates up to step {run.step[0]} sum to 0, where S1^-alpha is not defined"
                )
            fallen.append(up_to(run.step, drop))
            drop = drop[: run.step[-1]]
            at = drop != 0
            drops.append(drop[at])
            falls = np.flatnonzero(at)
            before = np.concatenate([[0], falls.searchsorted(run.step)])  # how many before each point
            many.append(before[1:] - before[:-1])
            age = np.repeat(run.step - 1, many[-1])
            age -= falls
            ages.append(age)
            gaps.append(np.concatenate([[0], run.step[1:] - run.step[:-1]]))
        self.S1, self._fallen, self._gap = np.concatenate(S1), np.concatenate(fallen), np.concatenate(gaps)
        self.log_S1 = np.log(self.S1)
        drops, ages = np.concatenate(drops), np.concatenate(ages)
        first = np.concatenate([[0], *many]).cumsum()
        self._age = np.arange(ages.max(initial=0) + 1)
        # Row j holds the drops since the point before, in the column of their age at point j: times decay^age [ages] this is what is left
        # of them, for all points in one sparse product.
        self._drops = csr_array((drops, ages, first), shape=(self._gap.size, self._age.size))
        self._decay = None

    def S2(self, decay: float) -> tuple[np.ndarray, np.ndarray]:
        """Return S2 [n] and dS2/d decay [n].

        Summing the geometric series of every drop gives S2 = (fallen - decay m) / (1 - decay), with `fallen` the sum of
        the drops so far. So m is needed at the evaluated steps only: m_j = decay^gap m_(j-1) + what is left of the drops
        in between, a bidiagonal system.
        """
        if decay != self._decay:
            m, slope = self._momentum(decay)
            S2 = (self._fallen - decay * m) / (1 - decay)
            self._decay, self._S2 = decay, (S2, (S2 - m - decay * slope) / (1 - decay))
        return self._S2

    def _momentum(self, decay):
        """Return m [n] and dm/d decay [n] at the evaluated steps."""
        log = math.log(max(decay, TINY))
        left, carry = np.exp(log * self._age), np.exp(log * self._gap)
        carry[self._gap == 0] = 0.0  # a gap of 0 begins a new run
        system = np.ones((2, carry.size))
        np.negative(carry[1:], out=system[1, :-1])
        m = dtbtrs(system, self._drops @ left, uplo="L")[0].ravel()
        slope = self._drops @ (self._age * np.exp(log * (self._age - 1)))
        slope[1:] += (self._gap * np.exp(log * (self._gap - 1)))[1:] * m[:-1]
        return m, dtbtrs(system, slope, uplo="L")[0].ravel()


PAPER_LAMBDA = 0.999  # what the paper holds lambda at
DECAY = Parameter(
    "lambda",
    "decay factor of the annealing momentum per step",
    bounds=(0.0, 0.99999),
    starts=(0.95, 0.99, 0.997, 0.999, 0.9997),
    needs="decays of several lengths",
)


@dataclass(frozen=True)
class Annealing(Law):
    """L(s) = L0 + A S1^-alpha - C S2.

    S1 = sum of the rates of steps 1..s; S2 = sum over i <= s of m_i, m_i = lambda m_(i-1) + (eta_(i-1) - eta_i), m_1 = 0.
    S2 is negative after a re-warm-up. The paper holds lambda at .999: `fit(law, curves, fixed={"lambda": 0.999})`.

    warmup  which rates the warm-up counts with: "as-peak" | "true" | "full", see `rates_and_drops`
    """

    equation = "L0 + A S1^-alpha - C S2(lambda)"
    source = "Tissue, Wang, Wang 2024, arXiv 2408.11029, Eq. 1"
    parameters = (
        Parameter("L0", "loss that no training removes, nats per token", linear=True),
        Parameter("A", "scale of the power law in S1, nats per token x (rate)^alpha", linear=True),
        Parameter("alpha", "exponent of S1", bounds=(0.01, 3.0), starts=(0.25, 0.35, 0.5, 0.7, 1.0, 1.4)),
        Parameter(
            "C", "loss removed per unit of S2, nats per token / rate", linear=True, needs="a decay of the learning rate"
        ),
        DECAY,
    )
    warmup: str = "as-peak"

    def features(self, runs: Sequence[Run]) -> AnnealingSums:
        return AnnealingSums(runs, self.warmup)

    def basis(self, nonlinear, x):
        alpha, decay = nonlinear
        forward = np.exp(-alpha * x.log_S1)
        S2, by_decay = x.S2(decay)
        phi, slopes = np.ones((forward.size, 3)), np.zeros((2, forward.size, 3))
        phi[:, 1], phi[:, 2] = forward, -S2
        slopes[0, :, 1], slopes[1, :, 2] = -x.log_S1 * forward, -by_decay
        return phi, slopes
