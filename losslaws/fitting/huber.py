"""Least squares with the Huber loss within bounds, for few parameters.

    minimise(residual, start, lower, upper, weight, delta, easy) -> Minimum

minimises the sum over rows of weight x Huber(residual; delta). A row whose delta is infinite is an ordinary square: that is
how priors enter. Two things make it fast where `residual` is dear and the valley flat: every step solves the problem with
linearised residuals, kinks included, and the curvature of the residuals themselves is learned from step to step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dgesv, dpotrf

from losslaws.laws import TINY

ITERATIONS = 200
FTOL = 1e-11  # stop when a step promises to lower the cost by less than this share of it (unless told otherwise),
ROUNDING = 1e-13  # or by less than residuals of this size are worth
DAMPING = (1e-12, 1e-4, 1e8)  # least, first and most, relative to the curvature of the weighted squares


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where `minimise` ended: the parameters, the cost there, and whether no step promised any more."""

    theta: np.ndarray
    cost: float
    converged: bool


def huber(size: np.ndarray, delta) -> np.ndarray:
    """Return the Huber loss of residuals of absolute `size`: a square up to `delta`, a line beyond."""
    inside = np.minimum(size, delta)
    return inside * (size - inside / 2)


def pull(r: np.ndarray, delta) -> np.ndarray:
    """Return the derivative of the Huber loss by the residual."""
    return np.minimum(np.maximum(r, -delta), delta)


def minimise(
    residual: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    start: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    weight: np.ndarray,
    delta: np.ndarray,
    easy: np.ndarray,
    ftol: float = FTOL,
) -> Minimum:
    """Minimise from `start` [p] within the bounds [p].

    residual(theta) gives the residuals [n] and their exact derivatives [n, p]; weight and delta are [n]. easy are the
    positions of parameters in which the residuals are nearly linear and after a change of which alone `residual` is cheap:
    they are fitted anew at the end of every step, so that valleys curved in them do not slow the others. Damped as by
    Levenberg and Marquardt; the part of the curvature that Gauss and Newton leave out, sum of pull x second derivative of
    the residual, is a symmetric rank-one secant estimate (Dennis, Gay, Welsch 1981).
    """

    def state(theta):
        r, jacobian = residual(theta)
        return theta, r, jacobian, float(weight @ huber(np.abs(r), delta))

    def settled(now):
        """Return the state with the easy parameters fitted anew, or `now` where that is no better."""
        theta, r, jacobian, cost = now
        model = Model(r, jacobian[:, easy], weight, delta, np.zeros((easy.size, easy.size)), DAMPING[0])
        step, promise = model.minimum(cost, (lower - theta)[easy], (upper - theta)[easy])
        if promise <= ftol * cost + least:
            return now
        trial = theta.copy()
        trial[easy] = np.clip(theta[easy] + step, lower[easy], upper[easy])
        return min(now, state(trial), key=lambda s: s[3])

    least = float(weight.sum()) * ROUNDING**2
    now = state(np.clip(start, lower, upper))
    damping, bend = DAMPING[1], np.zeros((start.size, start.size))
    for _ in range(ITERATIONS):
        theta, r, jacobian, cost = now
        model = Model(r, jacobian, weight, delta, bend, damping)
        step, promise = model.minimum(cost, lower - theta, upper - theta)
        if promise <= ftol * cost + least:
            return Minimum(theta, cost, True)
        trial = state(np.minimum(np.maximum(theta + step, lower), upper))
        if easy.size and cost - trial[3] < 0.75 * promise:
            trial = settled(trial)
        gain = (cost - trial[3]) / promise
        if gain > 0:
            change = (weight * pull(trial[1], delta)) @ (trial[2] - jacobian)
            bend = secant(bend, trial[0] - theta, change)
            now = trial
        elif damping >= DAMPING[2]:  # no step, however short, lowers the cost any more
            return Minimum(theta, cost, True)
        damping = max(damping * (0.1 if gain > 0.75 else 1.0 if gain > 0.25 else 10.0), DAMPING[0])
    return Minimum(now[0], now[3], False)


def secant(bend: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return `bend` [p, p] changed by rank one so that bend @ step = change; unchanged where that is ill-defined."""
    miss = change - bend @ step
    size = miss @ step
    if size**2 <= 1e-16 * (miss @ miss) * (step @ step):
        return bend
    return bend + miss[:, None] * (miss / size)


class Model:
    """The cost around the present parameters: residuals linearised, plus their bend and the damping as a quadratic form."""

    def __init__(self, r, jacobian, weight, delta, bend, damping):
        self.r, self.weight, self.delta = r, weight, delta
        size = np.abs(r)
        self.scale = np.sqrt(self._squares(size) @ jacobian**2)
        self.scale[self.scale == 0] = 1.0  # a parameter without influence
        self.rows = (jacobian / self.scale).T
        self.inside = size <= delta
        self.curvature = self._curvature(size, self.inside)
        self.form = still = damping * np.eye(self.scale.size)
        if bend.any():
            self.form = bend / (self.scale[:, None] * self.scale) + still
            if dpotrf(self.curvature + self.form)[1]:  # not positive definite: no minimum
                self.form = still

    def _squares(self, size) -> np.ndarray:
        """Return the weights of the rows with which weighted squares have the gradient of the cost, [n]."""
        return self.weight * np.minimum(1.0, self.delta / np.maximum(size, TINY))

    def _curvature(self, size, inside) -> np.ndarray:
        """Return the curvature of the rows inside delta, since those beyond have none; of all as weighted squares, if these are few."""
        few = np.count_nonzero(inside) < self.scale.size
        return (self.rows * (self._squares(size) if few else self.weight * inside)) @ self.rows.T

    def _force(self, r) -> np.ndarray:
        """Return the derivatives of the cost by the residuals, [n]."""
        return self.weight * pull(r, self.delta)

    def minimum(self, cost: float, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the step [p] to the least cost within the bounds of the step, and by how much the cost falls.

        The cost is convex and piecewise quadratic: Newton's directions with a search along each end there soon.
        """
        lower, upper = lower * self.scale, upper * self.scale
        step, r, inside, curvature = np.zeros_like(self.scale), self.r, self.inside, self.curvature
        force = self._force(r)
        for _ in range(ITERATIONS):
            gradient = self.rows @ force + self.form @ step
            direction = bounded_step(curvature + self.form, gradient, lower - step, upper - step)
            slope = float(gradient @ direction)
            if -slope <= FTOL * cost:
                break
            length, r, force = self.search(r, slope, step, direction)
            step = step + length * direction
            size = np.abs(r)
            before, inside = inside, size <= self.delta
            exact = length == 1.0 and (before == inside).all() and np.count_nonzero(inside) >= step.size
            if exact and ((lower < step) & (step < upper)).all():
                break
            curvature = self._curvature(size, inside)
        reached = self.weight @ huber(np.abs(r), self.delta) + step @ self.form @ step / 2
        return step / self.scale, cost - float(reached)

    def search(self, r, slope: float, step: np.ndarray, direction: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the length in (0, 1] at which the cost along `direction` from `step` is least; `slope` is its slope at 0.

        With it come the residuals there and the derivatives of the cost by them, [n] each. The slope rises with the length in
        straight pieces: false position, until it is down to a hundredth.
        """
        change, formed = direction @ self.rows, direction @ self.form
        constant, linear = float(formed @ step), float(formed @ direction)

        def at(length):
            there = r + length * change
            force = self._force(there)
            return float(force @ change) + constant + length * linear, (length, there, force)

        (low, below), (high, (above, found)) = (0.0, slope), (1.0, at(1.0))
        while above > 0.01 * -slope and high - low > 1e-3 * high and high > 1e-9:
            length = low + (high - low) * min(max(below / (below - above), 0.1), 0.9)
            rise, there = at(length)
            if rise > 0:
                high, above, found = length, rise, there
            else:
                low, below = length, rise
        return found


def bounded_step(curvature: np.ndarray, gradient: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return a step [p] within its bounds that lowers the quadratic model: to its minimum, where no bound is met.

    Otherwise it goes towards the minimum up to the first bound, and on from there with that coordinate held.
    """
    step = solved(curvature, -gradient)
    if ((lower <= step) & (step <= upper)).all():
        return step
    step = np.zeros_like(gradient)
    free = ~((lower >= 0) & (gradient > 0) | (upper <= 0) & (gradient < 0))
    while free.any():
        rows, move = np.flatnonzero(free), np.zeros_like(step)
        move[rows] = solved(curvature[np.ix_(rows, rows)], -gradient[rows])
        end = step + move
        beyond = free & ((end < lower) | (end > upper))
        if not beyond.any():
            return end
        room = np.where(move > 0, upper, lower)[beyond] - step[beyond]
        share = room / move[beyond]
        step = np.clip(step + share.min() * move, lower, upper)
        gradient = gradient + share.min() * (curvature @ move)
        free[np.flatnonzero(beyond)[share <= share.min()]] = False
    return step


def solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the solution of a linear system; the shortest one where the matrix is singular."""
    *_, solution, singular = dgesv(matrix, right)
    return np.linalg.lstsq(matrix, right)[0] if singular else solution
