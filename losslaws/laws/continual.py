"""The law of continual pre-training: from some step on, the run trains on other data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from losslaws.curves import InputError
from losslaws.laws import Law, Parameter, Run, power
from losslaws.laws._rates import rates_and_drops
from losslaws.laws.annealing import Annealing


class PhaseSums:
    """S1 of both phases together [n] and of the second alone [n], and S2 of each for any decay factor."""

    def __init__(self, runs: Sequence[Run], start: int, warmup: str):
        S1, later, self._drops, self._at = [], [], [], []
        for run in runs:
            rate, drop = rates_and_drops(run.schedule, warmup)
            second = np.arange(rate.size) >= start
            at = run.step - 1
            S1.append(np.cumsum(rate)[at])
            later.append(np.cumsum(rate * second)[at])
            if S1[-1][0] <= 0:
                raise InputError(
                    f"run '{run.name}': the rates up to step {run.step[0]} sum to 0, where S1^-alpha is not defined"
                )
            self._drops.append(np.array([drop * ~second, drop * second]))
            self._at.append(at)
        self.S1, self.later = np.concatenate(S1), np.concatenate(later)

    def S2(self, decay: float) -> tuple[np.ndarray, np.ndarray]:
        """Return S2 of the drops of the first and of the second phase, [2, n], and its derivatives by decay, [2, n]."""
        m = [lfilter([1.0], [1.0, -decay], drops) for drops in self._drops]
        slope = [lfilter([0.0, 1.0], [1.0, -decay], values) for values in m]
        return tuple(
            np.concatenate([np.cumsum(v, axis=1)[:, at] for v, at in zip(values, self._at, strict=True)], axis=1)
            for values in (m, slope)
        )


@dataclass(frozen=True)
class Continual(Law):
    """L = L0 + A (S1_pt + S1_cpt)^-alpha - C1 S2_pt - C2 S2_cpt + B (1 - (1 + E S1_cpt)^-beta).

    pt is pre-training, steps 1..start; cpt is what follows, on other data. S2 is the annealing law's, of the drops that happened in
    each phase; momentum of the first lasts into the second. B is positive for the loss on the old data and negative on
    the new. The paper holds lambda at .999: fixed={"lambda": 0.999}.

    start   last step of pre-training, the same in all runs; must be given
    warmup  which rates the warm-up of the pre-training counts with, see `rates_and_drops`; a re-warm-up counts as it is
    """

    equation = "L0 + A (S1pt + S1cpt)^-alpha - C1 S2pt - C2 S2cpt + B (1 - (1 + E S1cpt)^-beta)"
    source = "Wang, Tissue et al. 2025, arXiv 2505.07796"
    parameters = (
        *Annealing.parameters[:3],
        Parameter(
            "C1",
            "loss removed per unit of S2 of pre-training, nats per token / rate",
            linear=True,
            needs="pre-training in which the learning rate decays",
        ),
        Parameter(
            "C2",
            "loss removed per unit of S2 of what follows, nats per token / rate",
            linear=True,
            needs="a decay of the learning rate after pre-training",
        ),
        Annealing.parameters[4],
        Parameter(
            "B",
            "loss by which the other data shift the curve in the end, nats per token",
            linear=True,
            bounds=(-np.inf, np.inf),
            needs="steps after the data change",
        ),
        Parameter(
            "E",
            "speed of that shift, per unit of S1",
            bounds=(1e-2, 1e6),
            starts=(10.0, 1000.0),
            decades=True,
            needs="steps soon after the data change",
        ),
        Parameter(
            "beta",
            "exponent of that shift",
            bounds=(1e-3, 3.0),
            starts=(0.2, 0.6),
            needs="steps soon and long after the data change",
        ),
    )
    start: int = 0
    warmup: str = "as-peak"

    def features(self, runs: Sequence[Run]) -> PhaseSums:
        """Return the sums of both phases. Raises InputError where the option `start` was not given."""
        if self.start < 1:
            raise InputError(
                f"law option start={self.start} of 'continual' must be the last step of pre-training, at least 1"
            )
        return PhaseSums(runs, self.start, self.warmup)

    def basis(self, nonlinear, x):
        alpha, decay, E, beta = nonlinear
        forward, by_alpha = power(x.S1, alpha)
        (first, second), (first_slope, second_slope) = x.S2(decay)
        grown = 1 + E * x.later
        left, by_beta = power(grown, beta)
        phi = np.column_stack([np.ones_like(forward), forward, -first, -second, 1 - left])
        slopes = np.zeros((4, *phi.shape))
        slopes[0, :, 1] = by_alpha
        slopes[1, :, 2], slopes[1, :, 3] = -first_slope, -second_slope
        slopes[2, :, 4] = beta * left / grown * x.later
        slopes[3, :, 4] = -by_beta
        return phi, slopes
