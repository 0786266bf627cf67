"""The Functional Scaling Law, as its authors fit it to language models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.curves import InputError
from losslaws.laws import Law, Parameter, Run, power
from losslaws.laws._blocks import Drops
from losslaws.laws.multi_power import saturation

WARMUPS = ("as-peak", "true")


def after_each(rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of the rates up to every step, [T], for the drop of the step and for a point there alike."""
    total = np.cumsum(rate)
    return total, total


@dataclass(frozen=True)
class Functional(Law):
    """L(k) = L0 + c1 T(k)^-s - c2 sum over i <= k of (eta_(i-1) - eta_i) (c3 + T(i)^-s) (1 - (1 + c4 (T(k) - T(i)))^-gamma).

    T(k) = sum of the rates of steps 1..k, the intrinsic time. c23 stands for c2 c3, so that the law is linear in it.

    warmup  which rates the warm-up counts with: "as-peak" | "true", see `rates_and_drops`; under "full" the rises of the
            warm-up would count with T^-s, which has no bound there

    Drops are grouped in blocks; the loss is within 1e-5 of the sum over all of them.
    """

    equation = "L0 + c1 T^-s - sum_i (eta_(i-1) - eta_i) (c23 + c2 T_i^-s) (1 - (1 + c4 (T - T_i))^-gamma)"
    source = "Li et al. 2025, arXiv 2509.19189, the ansatz of its experiments with language models"
    parameters = (
        Parameter("L0", "loss that no training removes, nats per token", linear=True),
        Parameter("c1", "scale of the power law in T, nats per token x (rate)^s", linear=True),
        Parameter("s", "exponent of T", bounds=(0.01, 3.0), starts=(0.35, 0.5)),
        Parameter(
            "c23",
            "loss removed per unit of dropped rate at any time, nats per token / rate",
            linear=True,
            needs="a decay of the learning rate",
        ),
        Parameter(
            "c2",
            "loss removed per unit of dropped rate and T^-s, nats per token / rate x (rate)^s",
            linear=True,
            needs="decays of the learning rate early and late",
        ),
        Parameter(
            "c4",
            "speed at which a drop takes effect, per unit of T",
            bounds=(1e-2, 1e6),
            starts=(10.0, 300.0),
            decades=True,
            needs="decays of the learning rate that are followed for long",
        ),
        Parameter(
            "gamma",
            "exponent of the effect of a drop",
            bounds=(1e-3, 3.0),
            starts=(0.5,),
            needs="decays of the learning rate that are followed for long",
        ),
    )
    warmup: str = "true"

    def __post_init__(self):
        if self.warmup not in WARMUPS:
            raise InputError(f"law option warmup='{self.warmup}' is not for 'functional' (known: {', '.join(WARMUPS)})")

    def features(self, runs: Sequence[Run]) -> Drops:
        return Drops(runs, self.warmup, after_each)

    def basis(self, nonlinear, x):
        s, c4, gamma = nonlinear
        forward, by_s = power(x.S1, s)
        amplitude, amplitude_by_s = power(np.maximum(x.position, np.finfo(float).tiny), s)
        phi, slopes = np.zeros((x.S1.size, 4)), np.zeros((3, x.S1.size, 4))
        phi[:, 0], phi[:, 1], slopes[0, :, 1] = 1.0, forward, by_s
        for terms in x.terms():
            at = terms.points
            G, by_log, by_gamma = saturation(c4 * terms.gap, gamma)
            for column, weight in ((2, x.drop), (3, x.drop * amplitude)):
                phi[at, column] = -terms.sum(G, weight)
                slopes[1, at, column] = -terms.sum(by_log, weight) / c4
                slopes[2, at, column] = -terms.sum(by_gamma, weight)
            slopes[0, at, 3] = -terms.sum(G, x.drop * amplitude_by_s)
        return phi, slopes
