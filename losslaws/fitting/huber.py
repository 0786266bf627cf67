"""Least squares with the Huber loss within bounds, for few parameters.

    minimise(residual, start, lower, upper, weight, delta, linear) -> Minimum

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
# The search stops when a step promises to lower the cost by less than this share of it (unless told otherwise),
FTOL = 1e-11
# or by less than residuals of this size are worth.
ROUNDING = 1e-13
DAMPING = (1e-12, 1e-4, 1e8)  # least, first and most, relative to the curvature of the weighted squares


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where `minimise` ended: the parameters, the cost there, and whether no step promised any more."""

    theta: np.ndarray
    cost: float
    converged: bool


def huber(absolute: np.ndarray, delta) -> np.ndarray:
    """Return the Huber loss of residuals from their `absolute` values: a square up to `delta`, a line beyond."""
    inside = np.minimum(absolute, delta)
    return inside * (absolute - inside / 2)


def psi(r: np.ndarray, delta) -> np.ndarray:
    """Return the score function of the Huber loss, its derivative by the residual: r, clipped at `delta` to both sides."""
    return np.minimum(np.maximum(r, -delta), delta)


def minimise(
    residual: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    start: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    weight: np.ndarray,
    delta: np.ndarray,
    linear: np.ndarray,
    ftol: float = FTOL,
) -> Minimum:
    """Minimise from `start` [p] within the bounds [p], as Levenberg and Marquardt do.

    residual  residual(theta) gives the residuals r [n] and their exact Jacobian J [n, p]
    weight    of every row, [n]
    delta     of every row, [n]
    linear    positions of the linear parameters: the residuals are nearly linear in them, and after a change of these alone
              `residual` is cheap

    The Hessian of the cost is J' W J + S with W the curvature of the Huber loss (1 inside delta, 0 beyond) and the second-order
    term S = sum over rows of weight x psi(r) x second derivative of r, which Gauss and Newton leave out. S is estimated by
    rank-one secant updates (Dennis, Gay, Welsch 1981): second derivatives would have to be written for every law.
    """

    def state(theta):
        r, jacobian = residual(theta)
        return theta, r, jacobian, float(weight @ huber(np.abs(r), delta))

    def refitted(now):
        """Return the state with the linear parameters fitted anew, or `now` where that is no better."""
        theta, r, jacobian, cost = now
        # S is 0 here: the logarithm of the loss is all that bends the residuals along linear parameters
        model = Model(r, jacobian[:, linear], weight, delta, np.zeros((linear.size, linear.size)), DAMPING[0])
        step, promise = model.minimum(cost, (lower - theta)[linear], (upper - theta)[linear])
        if promise <= ftol * cost + least:
            return now
        trial = theta.copy()
        trial[linear] = np.clip(theta[linear] + step, lower[linear], upper[linear])
        refit = state(trial)
        return refit if refit[3] < cost else now

    least = float(weight.sum()) * ROUNDING**2
    now = state(np.clip(start, lower, upper))
    damping, second_order = DAMPING[1], np.zeros((start.size, start.size))
    for _ in range(ITERATIONS):
        theta, r, jacobian, cost = now
        model = Model(r, jacobian, weight, delta, second_order, damping)
        step, promise = model.minimum(cost, lower - theta, upper - theta)
        if promise <= ftol * cost + least:
            return Minimum(theta, cost, True)
        trial = state(np.minimum(np.maximum(theta + step, lower), upper))
        # A step that kept less than three quarters of its promise left the floor of a curved valley. Going back to the floor along
        # the linear parameters costs one product with the basis that is there; a shorter step would cost a new basis.
        if linear.size and cost - trial[3] < 0.75 * promise:
            trial = refitted(trial)
        gain = (cost - trial[3]) / promise
        if gain > 0:
            # what S must map the step to: the change of the gradient that comes from the change of J alone
            change = (weight * psi(trial[1], delta)) @ (trial[2] - jacobian)
            second_order = secant(second_order, trial[0] - theta, change)
            now = trial
        elif damping >= DAMPING[2]:  # no step, however short, lowers the cost any more
            return Minimum(theta, cost, True)
        damping = max(damping * (0.1 if gain > 0.75 else 1.0 if gain > 0.25 else 10.0), DAMPING[0])
    return Minimum(now[0], now[3], False)


def secant(matrix: np.ndarray, step: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return the symmetric `matrix` [p, p] after the rank-one update with which matrix @ step = change.

    It stays as it was where the update is ill-defined: where what it misses is orthogonal to the step, up to 1e-8.
    """
    miss = change - matrix @ step
    along = miss @ step
    if along**2 <= 1e-16 * (miss @ miss) * (step @ step):
        return matrix
    return matrix + miss[:, None] * (miss / along)


class Model:
    """The cost around the present parameters: Huber of the linearised residuals r + J step, plus a quadratic.

    The quadratic is step' (S + damping x scale^2) step / 2 with the second-order term S. Kinks of the Huber loss stay in the model,
    unlike with iteratively reweighted squares, which would need a new Jacobian for every row that crosses its delta.
    Inside, steps are in units of 1 / scale [p], the length of the columns of J by weighted squares: the damping is then a
    multiple of the identity, as Marquardt has it, and the systems are well conditioned.
    """

    def __init__(self, r, jacobian, weight, delta, second_order, damping):
        self.r, self.weight, self.delta = r, weight, delta
        absolute = np.abs(r)
        self.scale = np.sqrt(self._squares(absolute) @ jacobian**2)
        self.scale[self.scale == 0] = 1.0  # a parameter without influence
        self.scaled = (jacobian / self.scale).T  # [p, n]: a row for every parameter, so that products run along memory
        self.inside = absolute <= delta
        self.curvature = self._curvature(absolute, self.inside)
        self.quadratic = damped = damping * np.eye(self.scale.size)
        if second_order.any():
            self.quadratic = second_order / (self.scale[:, None] * self.scale) + damped
            if dpotrf(self.curvature + self.quadratic)[1]:  # not positive definite: no minimum, so do without S
                self.quadratic = damped

    def _squares(self, absolute) -> np.ndarray:
        """Return the weights of the rows with which weighted squares have the gradient of the cost, psi(r) / r, [n]."""
        return self.weight * np.minimum(1.0, self.delta / np.maximum(absolute, TINY))

    def _curvature(self, absolute, inside) -> np.ndarray:
        """Return J' W J, [p, p]: rows beyond delta have no curvature.

        With fewer rows inside than parameters it would be singular: then all rows count, as in reweighted squares.
        """
        few = np.count_nonzero(inside) < self.scale.size
        return (self.scaled * (self._squares(absolute) if few else self.weight * inside)) @ self.scaled.T

    def _scores(self, r) -> np.ndarray:
        """Return the derivatives of the cost by the residuals, weight x psi(r), [n]."""
        return self.weight * psi(r, self.delta)

    def minimum(self, cost: float, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the step [p] to the least cost of the model within the bounds of the step, and by how much the cost falls.

        The model is convex and piecewise quadratic, so Newton's directions with a search along each end after few turns: after the
        first whose pieces are those it set out with. A turn costs O(n p^2), far less than a new Jacobian.
        """
        lower, upper = lower * self.scale, upper * self.scale
        step, r, inside, curvature = np.zeros_like(self.scale), self.r, self.inside, self.curvature
        scores = self._scores(r)
        for _ in range(ITERATIONS):
            gradient = self.scaled @ scores + self.quadratic @ step
            direction = bounded_step(curvature + self.quadratic, gradient, lower - step, upper - step)
            slope = float(gradient @ direction)
            if -slope <= FTOL * cost:
                break
            length, r, scores = self.search(r, slope, step, direction)
            step = step + length * direction
            absolute = np.abs(r)
            before, inside = inside, absolute <= self.delta
            # a full step on which no row crossed its delta ended in the minimum of its piece, and thus of the whole
            exact = length == 1.0 and (before == inside).all() and np.count_nonzero(inside) >= step.size
            if exact and ((lower < step) & (step < upper)).all():
                break
            curvature = self._curvature(absolute, inside)
        reached = self.weight @ huber(np.abs(r), self.delta) + step @ self.quadratic @ step / 2
        return step / self.scale, cost - float(reached)

    def search(self, r, slope: float, step: np.ndarray, direction: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the length in (0, 1] at which the cost along `direction` from `step` is least; `slope` is its slope at 0.

        With it come the residuals there and the derivatives of the cost by them, [n] each. The slope rises with the length in
        straight pieces: false position, until it is down to a hundredth. Its share is kept within .1 and .9 of the bracket, since false
        position creeps where one piece is much steeper than the other.
        """
        change, product = direction @ self.scaled, direction @ self.quadratic
        # slope of the quadratic part at length l: constant + l x rising
        constant, rising = float(product @ step), float(product @ direction)

        def at(length):
            there = r + length * change
            scores = self._scores(there)
            return float(scores @ change) + constant + length * rising, (length, there, scores)

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
    # Coordinates on a bound that the gradient pushes outwards are held from the beginning: projected Newton. Each turn of the loop
    # holds one more at least, so that it ends after p of them at most.
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
