"""One fitter for every law: `fit(law, curves) -> Fit`, and intervals: `bootstrap(fit) -> Intervals`.

    fit(law, curves, *, weights=None, fixed=None, delta=1e-3) -> Fit
        fit(laws.build("annealing"), [cosine, constant], fixed={"lambda": 0.999})
    Fit.params, .free, .objective, .r2, .converged, .warnings, .points, .curves
    Fit.predict(run, step=None)         losses of a LossCurve, a laws.Plan or a Schedule
    bootstrap(fit, n=1000, seed=0) -> Intervals
    Intervals.draws [n, p], .lower_bound, .note, .interval(level=0.95) -> {"L0": (low, high), ...}
    select(curve, keep), final(curve)   the curve with only some of its points, with only its last one

The objective is the papers': the sum over points of Huber(log Lhat - log L; delta), each curve times its weight.
Variable projection gives the start: over a grid of the nonlinear parameters, the linear ones by bounded least squares.
`scipy.optimize.least_squares` with the law's exact derivatives then lowers the objective itself over all parameters.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product

import numpy as np
from scipy.optimize import OptimizeResult, least_squares, lsq_linear

from analysis.laws import Law, Run
from analysis.metrics import r_squared
from curves import InputError, LossCurve, Schedule

LOWEST = 1e-6  # a predicted loss below this counts as this, so that its logarithm exists on the way to the optimum
ON_BOUND = 1e-6  # distance from a bound, relative to it, at which a parameter is said to be on it
FLAT = 1e-6  # eigenvalue of J'J with columns of length 1 below which a direction is said to change no prediction
HOLD = 1e-9  # a pull, far below any rounding of the objective, that keeps parameters without influence where they start
FEW_RUNS = 5  # with fewer, resampling runs says little about how runs differ


@dataclass(frozen=True, eq=False)
class Fit:
    """A Law with numbers.

    params     value of every parameter of the law, fixed ones included
    free       names of the fitted ones
    objective  sum over points of weight x Huber(log Lhat - log L), what the fit minimised
    r2         share of the losses' variance explained, over all fitted points together
    converged  whether the optimiser met a tolerance rather than its iteration limit
    warnings   one line for everything that makes the numbers doubtful; empty: nothing found
    points     number of fitted points
    curves     names of the fitted curves
    """

    law: Law
    params: dict[str, float]
    free: tuple[str, ...]
    objective: float
    r2: float
    converged: bool
    warnings: tuple[str, ...]
    points: int
    curves: tuple[str, ...]
    problem: "Problem" = field(repr=False)

    def predict(self, run: Run | Schedule, step=None) -> np.ndarray:
        """Return the predicted losses of `run` at `step` (default: its evaluated steps; of a Schedule: every step), [n]."""
        return self.law.loss(self.params, run, step)


@dataclass(frozen=True, eq=False)
class Intervals:
    """What resampling says of the parameters of a Fit.

    names        parameters that were fitted, [p]
    draws        their values in every resample, [n, p]
    lower_bound  True where the spread between runs was hardly seen, so that true intervals are wider
    note         what was resampled, in a sentence for tables and captions
    """

    names: tuple[str, ...]
    draws: np.ndarray
    lower_bound: bool
    note: str

    def interval(self, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Return the central interval that holds `level` of the draws, for each parameter."""
        low, high = np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return {name: (float(a), float(b)) for name, a, b in zip(self.names, low, high, strict=True)}


def fit(
    law: Law,
    curves: Iterable[LossCurve],
    *,
    weights: Sequence[float] | None = None,
    fixed: Mapping[str, float] | None = None,
    delta: float = 1e-3,
) -> Fit:
    """Fit `law` to all points of `curves`.

    weights  one factor per curve on its part of the objective; default: 1 each
    fixed    parameters that are given rather than fitted, e.g. {"lambda": 0.999}
    delta    where the Huber loss turns from a square into a line, in log loss

    Raises InputError for no curves, for weights that do not match them, and for unknown or impossible fixed values.
    """
    problem = Problem(law, list(curves), weights, dict(fixed or {}), delta)
    results = [problem.refine(theta, problem.weight) for theta in problem.starts()]
    best = min(results, key=lambda result: result.cost)
    residual, _ = problem.residual(best.theta)
    loss = np.exp(problem.log_loss)
    return Fit(
        law=law,
        params=dict(zip(law.names, best.theta.tolist(), strict=True)),
        free=tuple(np.array(law.names)[problem.free].tolist()),
        objective=problem.objective(best.theta),
        r2=r_squared(loss * np.exp(residual), loss),
        converged=bool(best.status > 0),
        warnings=tuple(problem.doubts(best)),
        points=loss.size,
        curves=tuple(curve.name for curve in problem.curves),
        problem=problem,
    )


def bootstrap(fit: Fit, n: int = 1000, seed: int = 0) -> Intervals:
    """Refit under `n` random weightings of the runs (Bayesian bootstrap, Rubin 1981): weights from Dirichlet(1, ..., 1).

    Weights are never zero, so no draw loses the only run that decays. For one run, blocks of its points are
    weighted instead; that cannot see how runs differ, so the result is marked as a lower bound.
    """
    problem, rng = fit.problem, np.random.default_rng(seed)
    if len(problem.curves) > 1:
        group, unit = problem.run, "runs"
    else:
        group, unit = np.arange(fit.points) // max(round(np.sqrt(fit.points)), 1), "blocks of points of one run"
    groups = int(group[-1]) + 1
    few = unit != "runs" or groups < FEW_RUNS
    start = problem.law.theta(fit.params)
    draws = np.empty((n, problem.free.size))
    for draw in draws:
        weight = problem.weight * rng.dirichlet(np.ones(groups))[group] * groups
        draw[:] = problem.refine(start, weight).theta[problem.free]
    note = f"{n} weightings of {groups} {unit}" + (
        "; a lower bound: too few runs to see how runs differ" if few else ""
    )
    return Intervals(fit.free, draws, few, note)


def select(curve: LossCurve, keep: np.ndarray) -> LossCurve:
    """Return `curve` with only the evaluated points that the mask or indices `keep` name."""
    return replace(curve, step=curve.step[keep], loss=curve.loss[keep])


def final(curve: LossCurve) -> LossCurve:
    """Return `curve` with only its last evaluated point: what laws of the final loss are fitted on."""
    return select(curve, [-1])


class Problem:
    """The stacked points of one fit: n points, residuals in log loss, and the ways to lower their objective."""

    def __init__(self, law: Law, curves: list[LossCurve], weights, fixed: dict[str, float], delta: float):
        if not curves:
            raise InputError(f"fit of '{law.name}': there are no curves to fit; give at least one")
        weights = [1.0] * len(curves) if weights is None else list(weights)
        if len(weights) != len(curves) or not all(np.isfinite(w) and w > 0 for w in weights):
            raise InputError(f"fit of '{law.name}': weights must be {len(curves)} positive numbers, one per curve")
        law.refuse_unknown(fixed)
        self.law, self.curves, self.delta = law, curves, delta
        self.lower, self.upper = np.array([p.bounds for p in law.parameters]).T
        for p in law.parameters:
            if not p.bounds[0] <= fixed.get(p.name, p.bounds[0]) <= p.bounds[1]:
                raise InputError(
                    f"fit of '{law.name}': {p.name} is fixed at {fixed[p.name]}; it must lie within {p.bounds}"
                )
        self.fixed = fixed
        self.free = np.flatnonzero([name not in fixed for name in law.names])
        self.x = law.features(curves)
        self.log_loss = np.log(np.concatenate([curve.loss for curve in curves]))
        self.run = np.repeat(np.arange(len(curves)), [curve.step.size for curve in curves])
        self.weight = np.array(weights, dtype=float)[self.run]

    def residual(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log Lhat - log L [n] and its derivatives by the free parameters [n, free]."""
        loss, jacobian = self.law.evaluate(theta, self.x)
        loss = np.maximum(loss, LOWEST)
        return np.log(loss) - self.log_loss, jacobian[:, self.free] / loss[:, None]

    def objective(self, theta: np.ndarray) -> float:
        """Return the sum over points of weight x Huber."""
        size = np.abs(self.residual(theta)[0])
        huber = np.where(size <= self.delta, size**2 / 2, self.delta * (size - self.delta / 2))
        return float(self.weight @ huber)

    def starts(self) -> list[np.ndarray]:
        """Return the best grid points, linear parameters solved for: as many as the law wants refined."""
        grid = [[self.fixed[p.name]] if p.name in self.fixed else p.starts for p in self.law.parameters if not p.linear]
        # the last parameter varies slowest: laws keep what they computed for it (S2 for lambda)
        thetas = [self.project(np.array(point[::-1], dtype=float)) for point in product(*reversed(grid))]
        return sorted(thetas, key=self.objective)[: self.law.refine]

    def project(self, nonlinear: np.ndarray) -> np.ndarray:
        """Return theta with the linear parameters that fit best, in weighted least squares of the relative error."""
        law = self.law
        theta = np.array([self.fixed.get(name, 0.0) for name in law.names])
        theta[law.nonlinear] = nonlinear
        free = np.isin(law.linear, self.free)
        if not free.any():
            return theta
        phi, _ = law.basis(nonlinear, self.x)
        scale = np.sqrt(self.weight) / np.exp(self.log_loss)
        target = np.sqrt(self.weight) - scale * (phi @ theta[law.linear])
        columns, place = scale[:, None] * phi[:, free], law.linear[free]
        best = np.linalg.lstsq(columns, target)[0]
        if np.any((best < self.lower[place]) | (best > self.upper[place])):
            best = lsq_linear(columns, target, (self.lower[place], self.upper[place])).x
        theta[place] = best
        return theta

    def refine(self, theta: np.ndarray, weight: np.ndarray) -> OptimizeResult:
        """Lower the objective from `theta` over the free parameters; the result's `theta` holds all of them."""
        free = self.free
        if not free.size:
            return OptimizeResult(theta=theta, cost=self.objective(theta), status=1)
        start = np.clip(theta[free], self.lower[free], self.upper[free])
        hold = HOLD / (1 + np.abs(start))
        weight = np.append(weight, np.ones(free.size))

        def whole(values):
            out = theta.copy()
            out[free] = values
            return out

        def huber(z):
            root = np.sqrt(np.maximum(z, 1.0))
            return weight * np.stack([np.where(z > 1, 2 * root - 1, z), 1 / root, np.where(z > 1, -0.5 / root**3, 0.0)])

        @lru_cache(maxsize=1)  # values and derivatives come together but are asked for one after the other
        def residual(values: bytes):
            return self.residual(whole(np.frombuffer(values)))

        result = least_squares(
            lambda values: np.append(residual(values.tobytes())[0], hold * (values - start)),
            start,
            lambda values: np.vstack([residual(values.tobytes())[1], np.diag(hold)]),
            bounds=(self.lower[free], self.upper[free]),
            loss=huber,
            f_scale=self.delta,
            x_scale="jac",
            ftol=1e-12,
            xtol=1e-10,
            gtol=1e-12,
        )
        result.theta = whole(result.x)
        return result

    def doubts(self, result: OptimizeResult) -> Iterator[str]:
        """Yield a line for everything that makes the fitted numbers doubtful."""
        parameters = [self.law.parameters[i] for i in self.free]
        if result.status <= 0:
            yield "not converged: the optimiser reached its iteration limit"
        n, p = self.log_loss.size, len(parameters)
        if n < p + 3:
            yield f"too few points: {n} for {p} free parameters; at least {p + 3} are needed"
        for parameter, value in zip(parameters, result.theta[self.free], strict=True):
            for bound in parameter.bounds:
                if np.isfinite(bound) and abs(value - bound) <= ON_BOUND * max(abs(bound), 1.0):
                    yield f"{parameter.name} is on its bound, {bound:g}"
        yield from self.unidentified(parameters, result.theta)

    def unidentified(self, parameters, theta) -> Iterator[str]:
        """Yield a line for the parameters that can change together without changing any prediction."""
        jacobian = np.sqrt(self.weight)[:, None] * self.residual(theta)[1]
        size = np.linalg.norm(jacobian, axis=0)
        gram = (jacobian.T @ jacobian) / np.outer(size, size).clip(np.finfo(float).tiny)
        strength, directions = np.linalg.eigh(gram)
        flat = np.abs(directions[:, strength < FLAT])
        for parameter, part in zip(parameters, flat.max(axis=1, initial=0.0), strict=True):
            if part > 0.1:
                yield f"{parameter.name} is not identified by these curves: it needs {parameter.needs}"
