"""The fitting procedures that papers publish, done as their texts and codes say: what our fitter is held against, and nothing else.

    annealing_script(curves, decay) -> Outcome     Tissue et al. 2024, their script: L-BFGS-B, finite differences, 54 starts
    annealing_grid(curves, decay) -> Outcome       the same, with all that does not depend on the parameters computed once
    multi_power_code(curves) -> Outcome            Luo et al. 2025, their code: a grid of starts, then AdamW on the double sum
    multi_power_text(curves, steps) -> Outcome     Luo et al. 2025, their text: Adam in two stages, rates at evaluated steps only

Powers are taken as the formulas write them. For the Multi-Power Law, sums that do not depend on the parameters are computed once,
although the code repeats some of them, and gradients are exact by hand: both favour the published procedure.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize
from scipy.stats import linregress

from losslaws.curves import LossCurve
from losslaws.fitting.huber import huber, psi
from losslaws.laws._blocks import counted
from losslaws.laws._rates import rates_and_drops
from losslaws.laws.annealing import annealing_sums

DELTA = 1e-3
LBFGS = {"maxiter": 100_000, "ftol": 1e-9, "gtol": 1e-6, "eps": 1e-8}
NAMES = ("L0", "A", "alpha", "B", "C", "beta", "gamma")
EXPONENTS = np.isin(NAMES, ("alpha", "beta", "gamma"))
TEXT_STEPS = 50_000  # of each of the two stages


@dataclass(frozen=True)
class Outcome:
    """Where a procedure ended: parameters by name, the lowest objective that it saw, and how many steps or starts it took."""

    params: dict[str, float]
    objective: float
    steps: int


def best_start(objective: Callable, starts: Iterable) -> tuple[np.ndarray, float, int]:
    """Return parameters, objective and number of starts: L-BFGS-B with finite differences from each, and the lowest end."""
    best, lowest, many = None, np.inf, 0
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        for start in starts:
            found = minimize(objective, start, method="L-BFGS-B", bounds=[(0, np.inf)] * len(start), options=LBFGS)
            many += 1
            if found.fun < lowest:
                best, lowest = found.x, float(found.fun)
    return best, lowest, many


def distance(predict: Callable, measured: np.ndarray) -> Callable:
    """Return, as a function of the parameters, the sum over points of Huber(log predicted - log measured)."""
    log_loss = np.log(measured)
    return lambda theta: huber(np.abs(np.log(predict(theta)) - log_loss), DELTA).sum()


def annealing_starts(objective: Callable, decay: float) -> Outcome:
    """Lower an objective of L0, A, C and alpha from the 54 starts of the annealing law's authors."""
    starts = product(np.linspace(0.1, 2.1, 2), np.linspace(1, 22, 3), np.linspace(1, 22, 3), np.linspace(0, 0.8, 3))
    theta, lowest, many = best_start(objective, starts)
    L0, A, C, alpha = theta.tolist()
    return Outcome({"L0": L0, "A": A, "alpha": alpha, "C": C, "lambda": decay}, lowest, many)


def annealing_grid(curves: Sequence[LossCurve], decay: float = 0.999) -> Outcome:
    """Fit the annealing law from its authors' starts: four parameters, lambda given, the warm-up at the peak rate."""
    sums = [np.array(annealing_sums(curve.schedule, decay))[:, curve.step - 1] for curve in curves]
    S1, S2 = np.concatenate(sums, axis=1)
    measured = np.concatenate([curve.loss for curve in curves])
    return annealing_starts(distance(lambda t: t[0] + t[1] * S1 ** -t[3] - t[2] * S2, measured), decay)


def annealing_script(curves: Sequence[LossCurve], decay: float = 0.999) -> Outcome:
    """Fit the annealing law as its authors' script does, operation for operation; the names of the curves must differ.

    The momentum is a loop over steps. Every evaluation of the objective goes through the curves, picks the points of each from
    the list of all by their labels, looks up the sums at their steps and takes the logarithm of the measured losses.
    """
    labels = [curve.name for curve in curves for _ in curve.step]
    step = np.concatenate([curve.step for curve in curves])
    loss = np.concatenate([curve.loss for curve in curves])
    sums = {curve.name: looped_sums(curve, decay) for curve in curves}

    def objective(theta):
        L0, A, C, alpha = theta
        total = 0.0
        for name, (S1, S2) in sums.items():
            mine = [i for i, label in enumerate(labels) if label == name]
            at = step[mine] - 1
            residual = np.log(loss[mine]) - np.log(L0 + A * (1 / S1[at]) ** alpha - C * S2[at])
            size = np.abs(residual)
            total += np.where(size < DELTA, residual**2 / 2, DELTA * size - DELTA**2 / 2).sum()
        return total

    return annealing_starts(objective, decay)


def looped_sums(curve: LossCurve, decay: float) -> tuple[np.ndarray, np.ndarray]:
    """Return S1 and S2 after every step, [T] each, step by step."""
    rate, drop = rates_and_drops(curve.schedule, "as-peak")
    momentum = np.zeros_like(rate)
    for i in range(1, rate.size):
        momentum[i] = decay * momentum[i - 1] + drop[i]
    return np.cumsum(rate), np.cumsum(momentum)


@dataclass(frozen=True)
class DoubleSum:
    """The Multi-Power loss of some points as the sum over all drops before each of them.

    S1, loss  sum of the rates and measured loss of every point, [n]
    groups    points that share their drops: drop and rate [m], and the sum of the rates from each drop to each point [k, m], 0
              where the drop comes later
    """

    S1: np.ndarray
    loss: np.ndarray
    groups: list[tuple[np.ndarray, np.ndarray, np.ndarray]]

    def value(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient at `theta`, in the order of NAMES."""
        L0, A, alpha, B, C, beta, gamma = theta
        rows = np.concatenate([self._drop(group, C, beta, gamma) for group in self.groups], axis=1)
        forward = self.S1**-alpha
        predicted = L0 + A * forward - B * rows[0]
        residual = np.log(predicted) - np.log(self.loss)
        by = np.array([np.ones_like(forward), forward, -A * forward * np.log(self.S1), *(-rows[:1]), *(-B * rows[1:])])
        return huber(np.abs(residual), DELTA).sum(), by @ (psi(residual, DELTA) / predicted)

    @staticmethod
    def _drop(group, C: float, beta: float, gamma: float) -> np.ndarray:
        """Return the loss drop / B of the points of a group and its derivatives by C, beta and gamma, [4, k]."""
        drop, rate, gap = group
        x = rate**-gamma * gap
        grown = 1 + C * x
        left = grown**-beta
        by_C = beta * left / grown * x
        by_beta = left * np.log(grown)
        return np.array([(1 - left) @ drop, by_C @ drop, by_beta @ drop, -C * by_C @ (drop * np.log(rate))])


def every_step(curves: Sequence[LossCurve]) -> DoubleSum:
    """Return the sum over every step, as in the code: the rises of the warm-up are negative drops."""
    S1, groups = [], []
    for curve in curves:
        rate, drop, at = counted(curve, "repository")
        total = np.cumsum(rate)
        S1.append(total[at])
        groups += [(drop[1 : s + 1], rate[1 : s + 1], (total[s] - total[:s])[None]) for s in at]
    return DoubleSum(np.concatenate(S1), np.concatenate([curve.loss for curve in curves]), groups)


def evaluated_steps(curves: Sequence[LossCurve]) -> DoubleSum:
    """Return the sum over the evaluated steps, rates taken as straight lines in between, as in the text."""
    S1, groups = [], []
    for curve in curves:
        warm = curve.schedule.lr[: curve.step[0]].sum()
        rate = curve.schedule.lr[curve.step - 1]
        total = warm + np.append(0.0, np.cumsum((rate[1:] + rate[:-1]) / 2 * np.diff(curve.step)))
        gap = np.maximum(total[:, None] - np.append(0.0, total[:-1]), 0.0)
        S1.append(total)
        groups.append((-np.diff(rate, prepend=rate[0]), rate, np.tril(gap)))
    return DoubleSum(np.concatenate(S1), np.concatenate([curve.loss for curve in curves]), groups)


def first_guess(curves: Sequence[LossCurve], S1: np.ndarray) -> np.ndarray:
    """Return where the code starts: drops act at once, L-BFGS-B from 135 starts, and C, beta, gamma = 1, .5, .5."""
    loss = np.concatenate([curve.loss for curve in curves])
    fallen = np.concatenate([curve.schedule.peak - curve.schedule.lr[curve.step - 1] for curve in curves])
    least = loss.min()
    line = linregress(np.log(S1), np.log(loss - least + 0.01))
    A, alpha = np.exp(line.intercept), -line.slope
    around = (np.linspace(least - 0.2, least + 0.2, 5), *(np.linspace(v - 0.1, v + 0.1, 3) for v in (A, alpha)))
    starts = product(*around, np.linspace(100, 1000, 3))
    theta, _, _ = best_start(distance(lambda t: t[0] + t[1] * S1 ** -t[2] - t[3] * fallen, loss), starts)
    return np.append(theta, [1.0, 0.5, 0.5])


def descend(problem: DoubleSum, theta: np.ndarray, rates: tuple[float, float], steps: int, patience: int, decay: float):
    """Lower the objective by AdamW; return parameters, lowest objective and steps done.

    rates     of exponents, and of the other parameters
    patience  stop after so many steps without a new lowest objective
    decay     of the weights
    """
    rate = np.where(EXPONENTS, *rates)
    theta, mean, square = theta.copy(), np.zeros(theta.size), np.zeros(theta.size)
    kept, lowest, since = theta, np.inf, 0
    for step in range(1, steps + 1):
        objective, gradient = problem.value(theta)
        theta = theta * (1 - rate * decay)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        theta = theta - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        since = 0 if objective < lowest else since + 1
        if objective < lowest:
            kept, lowest = theta, float(objective)  # the code keeps what it has one step later
        if since >= patience:
            break
    return kept, lowest, step


def multi_power_code(curves: Sequence[LossCurve], steps: int = 200) -> Outcome:
    """Fit the Multi-Power Law as the authors' code does: at most 200 steps of AdamW, fewer after 20 without progress."""
    problem = every_step(curves)
    theta, lowest, done = descend(problem, first_guess(curves, problem.S1), (5e-3, 5e-2), steps, 20, 0.01)
    return Outcome(dict(zip(NAMES, theta.tolist(), strict=True)), lowest, done)


def multi_power_text(curves: Sequence[LossCurve], steps: int = TEXT_STEPS) -> Outcome:
    """Fit the Multi-Power Law as the paper's text says: `steps` of Adam at 5e-3 and 5e-2, and as many at 1e-6 and 1e-5."""
    problem = evaluated_steps(curves)
    theta = np.array([problem.loss.min() - 0.1, 0.6, 0.5, 400.0, 1.0, 0.5, 0.5])  # it does not say where it starts
    theta, _, _ = descend(problem, theta, (5e-3, 5e-2), steps, steps, 0.0)
    theta, lowest, _ = descend(problem, theta, (1e-6, 1e-5), steps, steps, 0.0)
    return Outcome(dict(zip(NAMES, theta.tolist(), strict=True)), lowest, 2 * steps)
