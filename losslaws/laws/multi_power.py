"""The Multi-Power Law and its ablations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.curves import InputError
from losslaws.curves.errors import nearest
from losslaws.laws import Law, Parameter, Run, power
from losslaws.laws._blocks import Drops

SCALE = Parameter(
    "B",
    "loss removed per unit of dropped rate, nats per token / rate",
    linear=True,
    needs="a decay of the learning rate",
)
SPEED = Parameter(
    "C",
    "speed at which a drop takes effect, per (rate)^(1 - gamma)",
    bounds=(1e-6, 1e6),
    starts=(0.5, 3.0),
    decades=True,
    needs="decays of the learning rate that are followed for long",
)
SHAPE = Parameter(
    "beta",
    "exponent of the effect of a drop",
    bounds=(1e-3, 10.0),
    starts=(0.5,),
    needs="decays of the learning rate that are followed for long",
)
RATE = Parameter(
    "gamma",
    "exponent by which drops to a low rate take effect sooner",
    bounds=(0.0, 2.0),
    starts=(0.5,),
    needs="decays of the learning rate to several rates",
)
# parameters of the loss drop by its form
DROPS = {
    "power": (SCALE, SPEED, SHAPE, RATE),
    "steps": (SCALE, SPEED, SHAPE, RATE),
    "exponential": (SCALE, SPEED, RATE),
    "linear": (SCALE,),
    "none": (),
}


def sums_of_rates(rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of the rates before and up to every step, [T] each: their difference from k to t is S_k(t)."""
    total = np.cumsum(rate)
    return total - rate, total


def steps_counted(rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of steps before and up to every step, [T] each."""
    return np.arange(rate.size), np.arange(1, rate.size + 1)


def saturation(u: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return G = 1 - (1 + u)^-beta and its derivatives by log u and by beta, for u >= 0."""
    log = np.log(1 + u)
    left = np.exp(-beta * log)  # (1 + u)^-beta
    by_log = u / (1 + u)
    by_log *= beta  # in place: for the 16,000 terms of a chunk new arrays would cost a fifth more
    by_log *= left
    return 1 - left, by_log, log * left


def exponential(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return G = 1 - exp(-u) and its derivative by log u."""
    left = np.exp(-u)
    return 1 - left, u * left


@dataclass(frozen=True)
class MultiPower(Law):
    """L(t) = L0 + A S1(t)^-alpha - LD(t),
    LD(t) = B sum over k <= t of (eta_(k-1) - eta_k) G(C eta_k^-gamma S_k(t)), G(u) = 1 - (1 + u)^-beta.

    S1(t) = sum of the rates up to t, S_k(t) = sum of the rates of steps k..t. The paper counts t from the end of the warm-up
    and adds S_W = peak x warm-up / 2 to S1, which is the sum of the rates of the warm-up but for half a step: warmup="true".
    It advises to keep beta and gamma within (0, 1); hold them with fit(..., fixed={"beta": 0.59, "gamma": 0.64}).

    drop    form of the loss drop: "power" as above; its ablations (Table 3) "exponential", G = 1 - exp(-u) ("multi-exponential");
            "linear", G = 1; "none", LD = 0 ("one-power"); "steps", S_k counts steps instead of rates ("step-power", our reading of
            the name). "No-gamma" is fixed={"gamma": 0}.
    warmup  which rates the warm-up counts with: "as-peak" | "true" | "full", see `rates_and_drops`; "repository": as in the
            authors' code, where the rises of the warm-up are negative drops, see `counted`

    Drops are grouped in blocks; the loss is within 1e-5 of the sum over all of them.
    """

    equation = "L0 + A S1^-alpha - B sum_k (eta_(k-1) - eta_k) (1 - (1 + C eta_k^-gamma S_k)^-beta)"
    source = "Luo et al. 2025, arXiv 2503.12811, Eq. 1; parameters: github.com/thu-yao-01-luo/MultiPowerLaw"
    drop: str = "power"
    warmup: str = "true"

    def __post_init__(self):
        if self.drop not in DROPS:
            raise InputError(
                f"law option drop='{self.drop}' is unknown{nearest(self.drop, DROPS)} (known: {', '.join(DROPS)})"
            )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return (
            Parameter("L0", "loss that no training removes, nats per token", linear=True),
            Parameter("A", "scale of the power law in S1, nats per token x (rate)^alpha", linear=True),
            Parameter("alpha", "exponent of S1", bounds=(0.01, 3.0), starts=(0.35, 0.5)),
            *DROPS[self.drop],
        )

    def features(self, runs: Sequence[Run]) -> Drops:
        return Drops(runs, self.warmup, steps_counted if self.drop == "steps" else sums_of_rates)

    def basis(self, nonlinear, x):
        phi = np.ones((x.S1.size, self.linear.size))
        slopes = np.zeros((nonlinear.size, *phi.shape))
        phi[:, 1], slopes[0, :, 1] = power(x.S1, nonlinear[0])
        if self.drop != "none":
            rows = x.sums(nonlinear[1:], self.effect)
            phi[:, 2], slopes[1:, :, 2] = -rows[0], -rows[1:]
        return phi, slopes

    def effect(self, nonlinear: np.ndarray, x: Drops) -> np.ndarray:
        """Return LD / B [n] and its derivatives by the nonlinear parameters of the loss drop, one row each."""
        rows = np.zeros((1 + nonlinear.size, x.S1.size))
        for terms in x.terms():
            rows[:, terms.points] = list(self._effect(nonlinear, x, terms))
        return rows

    def _effect(self, nonlinear, x, terms):
        if self.drop == "linear":
            yield terms.sum(np.ones_like(terms.gap), x.drop)
            return
        speed, *shape, rate = nonlinear
        u = (speed * np.exp(-rate * x.log_rate))[terms.node] * terms.gap
        G, by_log, *by_shape = saturation(u, *shape) if shape else exponential(u)
        yield terms.sum(G, x.drop)
        yield terms.sum(by_log, x.drop / speed)
        for slope in by_shape:
            yield terms.sum(slope, x.drop)
        yield terms.sum(by_log, -x.drop * x.log_rate)
