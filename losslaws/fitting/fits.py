"""One fitter for every law: `fit(law, curves) -> Fit`, and intervals: `bootstrap(fit) -> Intervals`.

    fit(law, curves, *, weights=None, fixed=None, prior=None, delta=1e-3) -> Fit
        fit(laws.build("annealing"), [cosine, constant], fixed={"lambda": 0.999})
    Fit.params, .free, .objective, .r2, .converged, .warnings, .points, .curves
    Fit.predict(run, step=None)         losses of a LossCurve, a laws.Planned or a Schedule
    bootstrap(fit, n=1000, seed=0) -> Intervals
    Intervals.draws [n, p], .lower_bound, .note, .interval(level=0.95) -> {"L0": (low, high), ...}

The objective is the papers': the sum over points of Huber(log Lhat - log L; delta), each curve times its weight.
Variable projection gives the start: over a grid of the nonlinear parameters, the linear ones by bounded least squares.
`losslaws.fitting.huber.minimise` with the law's exact derivatives then lowers the objective itself over all parameters.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.fitting.metrics import r_squared
from losslaws.fitting.prior import LOWEST, Prior
from losslaws.fitting.problem import Doubt, Problem
from losslaws.laws import Law, Planned, Run

ROUGH = 1e-9  # share of the objective to which a draw is minimised: far below what the draws differ by
ALIKE = 0.02  # share to which a learned prior claims to know a parameter at best
FEW_RUNS = 5  # with fewer, resampling runs says little about how runs differ


@dataclass(frozen=True, eq=False)
class Fit:
    """A Law with numbers.

    params     value of every parameter of the law, fixed ones included
    free       names of the fitted ones
    objective  sum over points of weight x Huber(log Lhat - log L), what the fit minimised but for a prior
    r2         share of the losses' variance explained, over all fitted points together
    converged  whether the optimiser met a tolerance rather than its iteration limit
    warnings   a Doubt for everything that makes the numbers doubtful; empty: nothing found
    points     number of fitted points
    curves     names of the fitted curves

    Its points stay with it, for `covariance`, `measurements`, `runs` and `bootstrap`; `without_points` is small enough to be sent
    to other processes or kept in numbers, and says so where it is asked for what it no longer can tell.
    """

    law: Law
    params: dict[str, float]
    free: tuple[str, ...]
    objective: float
    r2: float
    converged: bool
    warnings: tuple[Doubt, ...]
    points: int
    curves: tuple[str, ...]
    problem: Problem | None = field(repr=False)

    def predict(self, run: Run | Schedule, step=None) -> np.ndarray:
        """Return the predicted losses of `run` at `step` (default: its evaluated steps; of a Schedule: every step), [n]."""
        return self.law.loss(self.params, run, step)

    def doubts(self, name: str) -> bool:
        """Whether a warning says of the parameter `name` that it is on a bound or not identified."""
        return any(warning.parameter == name for warning in self.warnings)

    @property
    def identified(self) -> bool:
        """Whether the fitted curves tell every parameter."""
        return not any(warning.kind == "not identified" for warning in self.warnings)

    @property
    def places(self) -> np.ndarray:
        """Positions of the free parameters in the law's theta, [free]."""
        return np.array([self.law.names.index(name) for name in self.free], dtype=int)

    @property
    def points_fitted(self) -> Problem:
        """The stacked points of the fit. Raises InputError for a fit that was stored without them."""
        if self.problem is None:
            raise InputError(f"fit of '{self.law.name}': was stored without its points; fit the curves again")
        return self.problem

    @property
    def runs(self) -> tuple[LossCurve, ...]:
        """The fitted curves. Raises InputError for a fit that was stored without its points."""
        return tuple(self.points_fitted.curves)

    def measurements(self, points: float) -> float:
        """Return how many independent measurements were fitted, if `points` points of a curve weigh about as much as one.

        Raises InputError for a fit that was stored without its points.
        """
        return float(self.points_fitted.weight.sum() / points)

    def covariance(self, points: float) -> np.ndarray:
        """Return the covariance of the free parameters [free, free], `points` points counting as one independent measurement.

        It is the inverse of the curvature of what was minimised, in units of the fit's delta, with the prior at its stated scale whatever
        its stiffness. Raises InputError for a fit that was stored without its points.
        """
        problem = self.points_fitted
        theta = self.law.theta(self.params)
        residual, jacobian = problem.residual(theta)
        # weighted squares with the Huber loss's gradient: w min(1, delta / |r|) / delta^2, here without the minimum
        weight = problem.weight / np.maximum(np.abs(residual), problem.delta) / problem.delta
        gram = (weight[:, None] * jacobian).T @ jacobian / points
        if problem.prior:
            rows = problem.prior.rows(theta[problem.free], problem.free_names)[1]
            gram = gram + rows.T @ rows / problem.prior.points
        return np.linalg.pinv(gram, hermitian=True)

    def without_points(self) -> "Fit":
        """Return the fit with its numbers only."""
        return replace(self, problem=None)


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
    prior: Prior | None = None,
    delta: float = 1e-3,
) -> Fit:
    """Fit `law` to all points of `curves`.

    weights  one factor per curve on its part of the objective; default: 1 each
    fixed    parameters that are given rather than fitted, e.g. {"lambda": 0.999}
    prior    what is known of parameters beforehand, see Prior; it says nothing of fixed ones
    delta    where the Huber loss turns from a square into a line, in log loss

    Raises InputError for no curves, for weights that do not match them, and for unknown or impossible fixed values and
    priors.
    """
    problem = Problem(law, list(curves), weights, dict(fixed or {}), prior, delta)
    results = [problem.refine(theta, problem.weight) for theta in problem.starts()]
    best = min(results, key=lambda result: result.cost)
    residual, jacobian = problem.residual(best.theta)
    return Fit(
        law=law,
        params=dict(zip(law.names, best.theta.tolist(), strict=True)),
        free=tuple(problem.free_names),
        objective=problem.objective(residual),
        r2=r_squared(problem.loss * np.exp(residual), problem.loss),
        converged=best.converged,
        warnings=tuple(problem.doubts(best, jacobian)),
        points=problem.loss.size,
        curves=tuple(curve.name for curve in problem.curves),
        problem=problem,
    )


def bootstrap(fit: Fit, n: int = 1000, seed: int = 0) -> Intervals:
    """Refit under `n` random weightings of the runs (Bayesian bootstrap, Rubin 1981): weights from Dirichlet(1, ..., 1).

    Weights are never zero, so no draw loses the only run that decays. For one run, blocks of its points are
    weighted instead; that cannot see how runs differ, so the result is marked as a lower bound. Each draw starts where the
    draw with the nearest weights ended.
    """
    problem, rng = fit.points_fitted, np.random.default_rng(seed)
    if len(problem.curves) > 1:
        group, unit = problem.run, "runs"
    else:
        group, unit = np.arange(fit.points) // max(round(np.sqrt(fit.points)), 1), "blocks of points of one run"
    groups = int(group[-1]) + 1
    few = unit != "runs" or groups < FEW_RUNS
    weights = np.vstack([np.ones(groups), groups * rng.dirichlet(np.ones(groups), n)])
    ends = np.empty((n + 1, len(problem.law.names)))
    ends[0] = problem.law.theta(fit.params)
    for i in range(1, n + 1):
        nearest = np.argmin((np.log(weights[:i] / weights[i]) ** 2).sum(axis=1))
        ends[i] = problem.refine(ends[nearest], problem.weight * weights[i, group], ROUGH).theta
    draws = ends[1:, problem.free]
    note = f"{n} weightings of {groups} {unit}" + (
        "; a lower bound: too few runs to see how runs differ" if few else ""
    )
    return Intervals(fit.free, draws, few, note)


def mean_error(fit: Fit, curves, after: int = 0) -> float:
    """Return the mean relative error, per cent, over all points of `curves` beyond step `after`."""
    errors = [np.abs(fit.predict(c) / c.loss - 1)[c.step > after] for c in curves]
    return 100 * float(np.concatenate(errors).mean())


def final_of(fit: Fit, schedule: Schedule) -> float:
    """Return the loss that `fit` predicts at the end of `schedule`."""
    return float(fit.predict(Planned(schedule, [schedule.steps]))[0])


def learn_prior(fits: Sequence[Fit], names: Sequence[str] | None = None, points: float = 100.0) -> Prior:
    """Return what `fits` of one law to other models or data sets say of its parameters `names` (default: all).

    The scale is the standard deviation of one more value like theirs, but at least ALIKE times the distance of their
    mean from the nearer end. Of parameters without an upper bound, or that range over decades, the logarithm is learned. Fits
    that do not identify a parameter say nothing of it; one that fewer than two identify stays unknown.
    Raises InputError for fewer than two fits, for fits of several laws, and for unknown names.
    """
    law = fits[0].law if fits else None
    if len(fits) < 2 or any(fit.law != law for fit in fits):
        raise InputError("prior: needs at least two fits, all of one law with the same options")
    law.refuse_unknown(dict.fromkeys(names or ()))
    mean, scale, log = {}, {}, []
    for p in law.parameters:
        values = np.array([fit.params[p.name] for fit in fits if not fit.doubts(p.name)])
        if values.size < 2 or (names is not None and p.name not in names):
            continue
        if p.decades or np.isinf(p.bounds[1]):
            log.append(p.name)
            values = np.log(np.maximum(values, LOWEST))
        far = [abs(values.mean()), 1.0 if p.name in log else abs(p.bounds[1] - values.mean())]
        least = ALIKE * min(distance for distance in far if distance > 0)
        mean[p.name] = float(values.mean())
        scale[p.name] = float(max(values.std(ddof=1) * np.sqrt(1 + 1 / values.size), least))
    return Prior(mean, scale, tuple(log), points)
