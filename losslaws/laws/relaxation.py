"""A law of progress and noise: what the steps gain, and a noise that relaxes towards the level of the present rate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.linalg.lapack import dtbtrs

from losslaws.curves import InputError, Schedule
from losslaws.laws import Law, Parameter, Run, power
from losslaws.laws._blocks import sums

STATED_AT = 1e-3  # peak rate at which A and K are stated; its steps are worth half of what the highest peak makes them
SIZE = 1e8  # parameters without embeddings at which `high` is stated and, for ladders, all else
AGE = 1e4  # steps at the peak rate after which rho is stated


class Relaxing:
    """progress [n] of every point, and the noise [n] with its derivative for any speed of relaxation."""

    def __init__(self, runs: Sequence[Run], law: "Relaxation"):
        # All runs lie one after another, n points in all; run by run, with time [T] to relax:
        #   progress, level [points]  the progress, and the noise that would be left at the rate of the point
        #   gaps [points]             time since the point before; `first` marks the first point of a run, which has none before it
        #   rises, ages               every change of the level, and the time from the end of the step before it to the next point
        #   many [points]             how many of these changes belong to each point
        # As in AnnealingSums, a fit then costs O(points + changes) at every speed rather than a recursion over T steps.
        progress, level, gaps, first, rises, ages, many = [], [], [], [], [], [], []
        for run in runs:
            gain, target, time = law.read_run(run)
            if time[run.step[0] - 1] <= 0:
                raise InputError(
                    f"run '{run.name}': the rates up to step {run.step[0]} are 0, where the law is not defined"
                )
            at = run.step - 1
            progress.append(np.cumsum(gain)[at])
            level.append(target[at])
            gaps.append(np.diff(time[at], prepend=time[at][0]))
            first.append(np.arange(at.size) == 0)
            rise = np.diff(target, prepend=0.0)
            step = np.flatnonzero(rise[: run.step[-1]])
            node = np.searchsorted(at, step)
            rises.append(rise[step])
            ages.append(time[at][node] - np.append(0.0, time)[step])
            many.append(np.bincount(node, minlength=at.size))
        self.progress, self._level, self._gap = np.concatenate(progress), np.concatenate(level), np.concatenate(gaps)
        self._first = np.concatenate(first)
        self._rise, self._age, self._many = np.concatenate(rises), np.concatenate(ages), np.concatenate(many)
        self._speed = None

    def noise(self, speed: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the noise and its derivative by `speed`, [n] each.

        What lags behind at point j is m_j = exp(-speed gap) m_(j-1) + what is left of the rises in between: a bidiagonal
        system, as for S2 of the annealing law.
        """
        if speed != self._speed:
            left = self._rise * np.exp(-speed * self._age)
            carry = np.where(self._first, 0.0, np.exp(-speed * self._gap))
            system = np.array([np.ones_like(carry), -np.append(carry[1:], 0.0)])
            lag = dtbtrs(system, sums(self._many, left), uplo="L")[0].ravel()
            # differentiated by the speed the system is the same with another right side: d left, and d carry x lag before
            slope = sums(self._many, -self._age * left)
            slope[1:] -= (self._gap * carry)[1:] * lag[:-1]
            self._speed = speed
            self._noise = self._level - lag, -dtbtrs(system, slope, uplo="L")[0].ravel()
        return self._noise


@dataclass(frozen=True)
class Relaxation(Law):
    """L(s) = L0 + A P(s)^-alpha + K n(s).

    A step at the rate eta does x = f(eta) / f(peak) of what one at the peak does, with f(eta) = eta^p / sqrt(1 + (eta / high)^2):
    halving the rate within a run makes a step worth more than half, and near `high` hardly less than before. `high` is the rate of a model of SIZE
    parameters; for one of `model_size` it falls as N^-saturation, as the best rate does (Bjorck et al. 2024, arXiv 2409.19913: N^-.23). Where the peak lies above it, the
    peak takes its place. Of rates that are not Adam's nobody knows where they saturate: for these it is infinite (not `saturates`), see `of_model`.
    P(s) = (2 h / (1 + h))^p times the sum of x_i over i <= s is the progress, in steps under the constant rate 1e-3, with
    h = peak / 1e-3: doubling a low peak makes all steps worth 2^p as much, doubling a high one changes little.
    n(s) is the noise: it follows h^q x, n' = rho (t / AGE)^-aging eta / peak (h^q x - n), from n = 0, where t = sum of eta / peak is the age, in
    steps at the peak rate. After a drop of the rate at the age AGE it takes about 1 / rho steps at the peak, or twice as many at half of it, until the
    noise is gone, after four times as many steps twice as long, and at rate 0 nothing changes any more.

    The peak does not count in the relaxation: were it eta instead of eta / peak, rho of the SlimPajama grid would fall tenfold from the
    peak 1e-4 to 1e-3. A memory of one length gave short decays after few steps too little and long ones late too much: what a decay of a given share of
    the run removes hardly changes with its length. aging was chosen of 0, 1/4, 1/2, 3/4 and 1 on the curves of Luo et al. and of Schaipp, Haegele et
    al. Under a constant rate all this is a power law in steps. With f(eta) = eta, progress in proportion to the peak and
    a relaxation per step whatever its rate it is the annealing law, whose L0 - C S2 is the noise. A variant of this project. p, high
    and q are settings rather than parameters: one data set does not tell p from the others, and one peak rate says nothing of
    the rest. They were chosen on the Multi-Power curves, the SlimPajama grid and the OpenWebText2 runs, see the leaderboard: without
    `high`, long decays gained more than the law said at the peak 2e-3 and less at 1e-4. That it falls with the size was seen on runs of our own, of
    35,552 parameters at the peak 8e-3; the exponent was taken from the literature, and public sizes agree with it (LOG.md). Steps of the warm-up count with their real
    rate.
    """

    equation = (
        "L0 + A P^-alpha + K n, P = (2 h / (1 + h))^p sum_i x_i, n' = rho (t / 1e4)^-(1/2) eta / peak (h^q x - n), t = sum_i eta_i / peak, h = peak / 1e-3, "
        "x = f(eta) / f(peak), f(eta) = eta^p / sqrt(1 + (eta / high)^2), high = .003 (N / 1e8)^-.23"
    )
    source = "this project, after Tissue, Wang, Wang 2024 and Luo et al. 2025"
    parameters = (
        Parameter("L0", "loss that no training removes, at rate 0, nats per token", linear=True),
        Parameter("A", "scale of the power law in P, nats per token x (step at 1e-3)^alpha", linear=True),
        Parameter("alpha", "exponent of P", bounds=(0.01, 3.0), starts=(0.35, 0.5, 0.7)),
        Parameter(
            "K",
            "loss that a decay to 0 removes, nats per token at the peak 1e-3",
            linear=True,
            needs="a decay of the learning rate",
        ),
        Parameter(
            "rho",
            "speed at which the noise relaxes after 10,000 steps, per step at the peak rate",
            bounds=(1e-5, 1.0),
            starts=(1e-3, 4e-3, 0.016, 0.064, 0.25),
            decades=True,
            needs="decays of several lengths",
        ),
    )
    refine = 3  # a fast and a slow relaxation often fit nearly alike
    p: float = 0.7
    high: float = 3e-3
    q: float = 0.25
    aging: float = 0.5
    saturation: float = 0.23
    model_size: float = SIZE
    saturates: bool = True

    def of_model(self, size: float | None, adam: bool) -> Self:
        return replace(self, model_size=float(size or SIZE), saturates=adam)

    def features(self, runs: Sequence[Run]) -> Relaxing:
        return Relaxing(runs, self)

    def read_run(self, run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what `read` does, for the model of `run`."""
        return self.read(run.schedule)

    def read(self, schedule: Schedule) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the progress of every step, the noise that would be left at its rate, and the time to relax after it, [T] each."""
        h, share = schedule.peak / STATED_AT, schedule.lr / schedule.peak
        high = (
            max(self.high * (self.model_size / SIZE) ** -self.saturation, schedule.peak) if self.saturates else np.inf
        )
        bent = np.sqrt((1 + (schedule.peak / high) ** 2) / (1 + (schedule.lr / high) ** 2))
        x = share**self.p * bent
        return (2 * h / (1 + h)) ** self.p * x, self.level(schedule.peak) * x, self.time(np.cumsum(share))

    def time(self, steps: np.ndarray) -> np.ndarray:
        """Return the time to relax that has passed after so many steps at the peak rate: that of a step falls as steps^-aging, from 1 at AGE."""
        return AGE**self.aging * steps ** (1 - self.aging) / (1 - self.aging)

    def level(self, peak: float) -> float:
        """Return the noise that is left under the constant rate `peak`, in units of that at the rate 1e-3."""
        return (peak / STATED_AT) ** self.q

    def basis(self, nonlinear, x):
        alpha, rho = nonlinear
        forward, by_alpha = power(x.progress, alpha)
        noise, by_rho = x.noise(rho)
        zero = np.zeros_like(forward)
        phi = np.column_stack([np.ones_like(forward), forward, noise])
        return phi, np.stack([np.column_stack([zero, by_alpha, zero]), np.column_stack([zero, zero, by_rho])])
