"""The bound of convex optimisation on the last iterate, as a law of the loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.curves import InputError
from losslaws.laws import Law, Parameter, Run
from losslaws.laws._blocks import blocks, listed, sums, visible
from losslaws.laws._rates import rates_and_drops


def last_iterate(rate: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return eta_T + sum over k < T of eta_k^2 / (sum of the rates of steps k+1..T) for each T in `at`, counted from 0, [n].

    rate must be positive. Blocks of steps stand at the mean of the sum of the rates up to each of them, weighted with
    eta_k^2, and their spread is taken into account to second order: within 1e-3 of the sum, at a cost of O(T + n log T).
    """
    total = np.cumsum(rate)
    starts = blocks(np.arange(rate.size) == 0, rate.size)
    weight, place, spread = [], [], []
    for start in starts:
        many = np.diff(start, append=rate.size)
        weight.append(np.add.reduceat(rate**2, start))
        place.append(np.add.reduceat(rate**2 * total, start) / weight[-1])
        spread.append(np.add.reduceat(rate**2 * (total - np.repeat(place[-1], many)) ** 2, start) / weight[-1])
    weight, place, spread = (np.concatenate(values) for values in (weight, place, spread))
    many, node = listed(*visible(at - 1, np.arange(rate.size), starts))
    distance = np.repeat(total[at], many) - place[node]
    return rate[at] + sums(many, weight[node] / distance * (1 + spread[node] / distance**2))


@dataclass(frozen=True)
class ConvexBound(Law):
    """L(T) = L0 + D2 / (2 S1) + G2 / 2 (eta_T + sum over k < T of eta_k^2 / (sum of the rates of steps k+1..T)).

    Gradient descent on a convex function with gradients of norm at most G, begun at a distance D from the optimum, is
    after T steps no further above L0 than this. The form is that of the source, whose double sum telescopes:

        D2 / (2 S1) + G2 Q / (2 S1) + G2 / 2 sum over k < T of eta_k / S(k+1..T) Q(k..T) / S(k..T),

    S and Q being sums of eta and eta^2. D2 and G2 stand for the squares, so that the law is linear. Steps at rate 0 do
    nothing, and a point among them repeats the one before.

    warmup  which rates the warm-up counts with: "as-peak" | "true", see `rates_and_drops`
    """

    equation = "L0 + D2 / (2 S1) + G2 / 2 (eta_T + sum_(k<T) eta_k^2 / sum_(k<t<=T) eta_t)"
    source = "Schaipp et al. 2025, arXiv 2501.18965, after Defazio et al. 2023, arXiv 2310.07831, Thm. 10"
    parameters = (
        Parameter("L0", "loss at the optimum, nats per token", linear=True),
        Parameter("D2", "squared distance of the start from the optimum, nats per token x rate", linear=True),
        Parameter(
            "G2",
            "squared bound on the norm of the gradients, nats per token / rate",
            linear=True,
            needs="a decay of the learning rate",
        ),
    )
    warmup: str = "true"

    def features(self, runs: Sequence[Run]) -> np.ndarray:
        """Return the columns of the three parameters, [n, 3]."""
        return np.concatenate([self._columns(run) for run in runs])

    def _columns(self, run: Run) -> np.ndarray:
        rate, _ = rates_and_drops(run.schedule, self.warmup)
        moves = rate > 0
        at = np.cumsum(moves)[run.step - 1] - 1
        if at[0] < 0:
            raise InputError(
                f"run '{run.name}': the rates up to step {run.step[0]} are all 0, where the bound is infinite"
            )
        rate = rate[moves]
        return np.column_stack([np.ones(at.size), 0.5 / np.cumsum(rate)[at], 0.5 * last_iterate(rate, at)])

    def basis(self, nonlinear, x):
        return x, np.empty((0, *x.shape))
