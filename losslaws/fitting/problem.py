"""Problem: the stacked points of one fit, and the ways to lower their objective. `fits.fit` is its only door."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from scipy.optimize import lsq_linear

from losslaws.curves import InputError, LossCurve
from losslaws.fitting.huber import FTOL, Minimum, huber, minimise
from losslaws.fitting.prior import LOWEST
from losslaws.laws import TINY, Law

ON_BOUND = 1e-6  # distance from a bound, relative to it, at which a parameter is said to be on it
FLAT = 1e-6  # eigenvalue of J'J with columns of length 1 below which a direction is said to change no prediction
RIDGE = 1e-12  # share of a column's square that keeps least squares solvable for columns that depend on each other


class Doubt(str):
    """What makes the numbers of a fit doubtful: a line to print, and what it is about.

    kind       one of KINDS
    parameter  the name of the parameter that it speaks of; empty: of the fit as a whole
    """

    KINDS = ("not converged", "too few points", "on its bound", "not identified")
    kind: str
    parameter: str

    def __new__(cls, text: str, kind: str, parameter: str = ""):
        line = super().__new__(cls, text)
        line.kind, line.parameter = kind, parameter
        return line

    def __getnewargs__(self):
        return str(self), self.kind, self.parameter


class Problem:
    """The stacked points of one fit: n points, residuals in log loss, and the ways to lower their objective."""

    def __init__(self, law: Law, curves: list[LossCurve], weights, fixed: dict[str, float], prior, delta: float):
        if not curves:
            raise InputError(f"fit of '{law.name}': there are no curves to fit; give at least one")
        weights = [1.0] * len(curves) if weights is None else list(weights)
        if len(weights) != len(curves) or not all(np.isfinite(w) and w > 0 for w in weights):
            raise InputError(f"fit of '{law.name}': weights must be {len(curves)} positive numbers, one per curve")
        law.refuse_unknown(fixed)
        law.refuse_unknown(prior.mean if prior else {})
        self.law, self.curves, self.delta = law, curves, delta
        self.lower, self.upper = law.bounds
        for p in law.parameters:
            if not p.bounds[0] <= fixed.get(p.name, p.bounds[0]) <= p.bounds[1]:
                raise InputError(
                    f"fit of '{law.name}': {p.name} is fixed at {fixed[p.name]}; it must lie within {p.bounds}"
                )
        self.fixed, self.prior = fixed, prior
        self.free = np.flatnonzero([name not in fixed for name in law.names])
        self.free_names = [law.names[i] for i in self.free]
        # places of the free linear parameters: among the free ones, and among the columns of the basis
        self.linear = np.flatnonzero([law.parameters[i].linear for i in self.free])
        self.columns = np.flatnonzero([law.names[i] not in fixed for i in law.linear])
        self.logs = np.flatnonzero([law.parameters[i].decades for i in self.free])
        self.x = law.features(curves)
        self.loss = np.concatenate([curve.loss for curve in curves])
        self.log_loss = np.log(self.loss)
        self.run = np.repeat(np.arange(len(curves)), [curve.step.size for curve in curves])
        self.weight = np.array(weights, dtype=float)[self.run]
        self.root = np.sqrt(self.weight)
        self._at = self._basis = None

    def basis(self, nonlinear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the law's basis; the last one is kept, so that changing linear parameters alone costs little."""
        at = nonlinear.tobytes()
        if at != self._at:
            self._at, self._basis = at, self.law.basis(nonlinear, self.x)
        return self._basis

    def residual(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log Lhat - log L [n] and its derivatives by the free parameters [n, free]."""
        law = self.law
        if law.linear.size:
            loss, jacobian = law.combine(theta, *self.basis(theta[law.nonlinear]))
        else:
            loss, jacobian = law.evaluate(theta, self.x)
        loss = np.maximum(loss, LOWEST)
        return np.log(loss) - self.log_loss, jacobian[:, self.free] / loss[:, None]

    def objective(self, residual: np.ndarray) -> float:
        """Return the sum over points of weight x Huber."""
        return float(self.weight @ huber(np.abs(residual), self.delta))

    def starts(self) -> list[np.ndarray]:
        """Return the best grid points, linear parameters solved for: as many as the law wants refined."""
        grid = [[self.fixed[p.name]] if p.name in self.fixed else p.starts for p in self.law.parameters if not p.linear]
        # the last parameter varies slowest: laws keep what they computed for it (S2 for lambda)
        points = np.array([point[::-1] for point in product(*reversed(grid))], dtype=float)
        cost, theta = self.project(points)
        least, near = cost.argmin(), between(grid[::-1], cost)[::-1]
        if not np.array_equal(near, points[least]):
            (lower,), (at,) = self.project(near[None])
            if lower < cost[least]:
                cost[least], theta[least] = lower, at
        # along one nonlinear parameter there are no several valleys to refine
        many = self.law.refine if sum(len(axis) > 1 for axis in grid) > 1 else 1
        return list(theta[np.argsort(cost, kind="stable")[:many]])

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the objective at, and theta with, the linear parameters that fit best at each of `points` [g, q]: [g] and [g, p].

        Variable projection (Golub, Pereyra 1973): at given nonlinear parameters the best linear ones follow from a linear system, so that
        the grid need have q dimensions only, not p. All points of the grid go through as one batch [g, n, k].
        """
        law = self.law
        theta = np.tile([self.fixed.get(name, 0.0) for name in law.names], (len(points), 1))
        theta[:, law.nonlinear] = points
        if not law.linear.size:
            return np.array([self.objective(self.residual(point)[0]) for point in theta]), theta
        phi = np.array([self.basis(point)[0] for point in points])  # [g, n, k]
        if self.linear.size:
            theta[:, self.free[self.linear]] = self.solve(phi, theta[0, law.linear])
        loss = np.maximum(phi @ theta[:, law.linear, None], LOWEST)[..., 0]
        return huber(np.abs(np.log(loss) - self.log_loss), self.delta) @ self.weight, theta

    def solve(self, phi: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Return the free linear parameters that fit best in weighted squares of the relative error, for each basis in `phi` [g, n, k].

        given [k] holds the values of those that are fixed, and 0 for the others.
        """
        # The error of the logarithm is nearly the relative one, log Lhat - log L = Lhat / L - 1, and that is linear in the parameters.
        # Its weighted squares stand in for the Huber loss: a start needs no more, and these have a closed form.
        columns = phi * (self.root / self.loss)[:, None]
        missing = self.root - columns @ given  # [g, n], what the free parameters have to explain
        if self.columns.size < given.size:
            columns = columns[..., self.columns]
        # Normal equations with columns of length 1: k is 1 to 4, so that a batch of k x k systems is far cheaper than a QR of every
        # [n, k], and the scaling and RIDGE keep them solvable.
        gram = columns.swapaxes(1, 2) @ columns
        size = np.sqrt(np.maximum(gram.diagonal(axis1=1, axis2=2), TINY))
        place = self.free[self.linear]
        low, high = self.lower[place] * size, self.upper[place] * size
        gram = gram / (size[:, :, None] * size[:, None]) + RIDGE * np.eye(place.size)
        best = np.linalg.solve(gram, ((missing[:, None] @ columns)[:, 0] / size)[..., None])[..., 0]
        # bounds are met seldom; only there is the bounded problem solved, one point after another
        for i in np.flatnonzero(((best < low) | (best > high)).any(axis=1)):
            best[i] = lsq_linear(columns[i] / size[i], missing[i], (low[i], high[i])).x
        return best / size

    def refine(self, theta: np.ndarray, weight: np.ndarray, ftol: float = FTOL) -> Minimum:
        """Lower the objective from `theta` over the free parameters; the `theta` of the result holds all of them."""
        free = self.free
        if not free.size:
            return Minimum(theta, self.objective(self.residual(theta)[0]), True)
        delta = np.full(weight.size, self.delta)
        if self.prior:
            known = sum(name in self.prior.mean for name in self.free_names)
            weight, delta = np.append(weight, np.full(known, self.delta**2)), np.append(delta, np.full(known, np.inf))
        logs = self.logs

        def whole(values):
            full = theta.copy()
            full[free] = values
            if logs.size:
                full[free[logs]] = np.exp(values[logs])
            return full

        def residual(values):
            full = whole(values)
            r, jacobian = self.residual(full)
            if self.prior:
                distance, slopes = self.prior.rows(full[free], self.free_names)
                r, jacobian = np.append(r, distance), np.vstack([jacobian, slopes])
            if logs.size:
                jacobian[:, logs] *= full[free[logs]]
            return r, jacobian

        start, lower, upper = theta[free], self.lower[free], self.upper[free]
        for side in (start, lower, upper):
            side[logs] = np.log(side[logs])
        found = minimise(residual, start, lower, upper, weight, delta, self.linear, ftol)
        return replace(found, theta=whole(found.theta))

    def doubts(self, result: Minimum, jacobian: np.ndarray) -> Iterator[Doubt]:
        """Yield a Doubt for everything that makes the fitted numbers doubtful."""
        parameters = [self.law.parameters[i] for i in self.free]
        if not result.converged:
            yield Doubt("not converged: the optimiser reached its iteration limit", "not converged")
        n, p = self.loss.size, len(parameters)
        if n < p + 3:
            yield Doubt(f"too few points: {n} for {p} free parameters; at least {p + 3} are needed", "too few points")
        for parameter, value in zip(parameters, result.theta[self.free], strict=True):
            for bound in parameter.bounds:
                if abs(value - bound) <= ON_BOUND * max(abs(bound), 1.0) < np.inf:
                    yield Doubt(f"{parameter.name} is on its bound, {bound:g}", "on its bound", parameter.name)
        yield from self.unidentified(parameters, result.theta, jacobian)

    def unidentified(self, parameters, theta, jacobian) -> Iterator[Doubt]:
        """Yield a Doubt for the parameters that can change together without changing any prediction, nor against the prior."""
        jacobian = self.root[:, None] * jacobian
        if self.prior:
            jacobian = np.vstack([jacobian, self.delta * self.prior.rows(theta[self.free], self.free_names)[1]])
        gram = jacobian.T @ jacobian
        size = np.sqrt(np.maximum(gram.diagonal(), TINY))
        gram /= size[:, None] * size
        strength, directions = np.linalg.eigh(gram)
        flat = np.abs(directions[:, strength < FLAT])
        for parameter, part in zip(parameters, flat.max(axis=1, initial=0.0), strict=True):
            if part > 0.1:
                text = f"{parameter.name} is not identified by these curves: it needs {parameter.needs}"
                yield Doubt(text, "not identified", parameter.name)


def between(axes: Sequence[Sequence[float]], cost: np.ndarray) -> np.ndarray:
    """Return where, along each of the `axes` of a grid, a parabola through the least `cost` [g] and its neighbours is least.

    That is the grid value itself where it has a neighbour on one side only.
    """
    cost = cost.reshape([len(axis) for axis in axes])
    least = np.unravel_index(cost.argmin(), cost.shape)
    return np.array(
        [vertex(axis, cost[*least[:k], :, *least[k + 1 :]], least[k]) for k, axis in enumerate(axes)], dtype=float
    )


def vertex(x: Sequence[float], y: np.ndarray, i: int) -> float:
    """Return where the parabola through the points i - 1, i and i + 1, of which i is the lowest, has its vertex."""
    if not 0 < i < len(x) - 1:
        return x[i]
    (left, right), (rise, fall) = (x[i] - x[i - 1], x[i + 1] - x[i]), (y[i - 1] - y[i], y[i + 1] - y[i])
    return x[i] + (rise * right**2 - fall * left**2) / (rise * right + fall * left) / 2
