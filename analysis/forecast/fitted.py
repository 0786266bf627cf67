"""A run fitted so that it can be forecast: the law, the priors, and how far the forecast may be off."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.fitting import Fit, fit, select
from analysis.forecast.prior import LAW, POINTS, TAU, prior_for, settled
from analysis.laws import Plan
from analysis.metrics import r_squared
from curves import InputError, LossCurve, Schedule

FEWEST = 8  # points after the warm-up; with fewer a curve cannot be told from its noise
ENDS, WEIGHT = (
    5,
    10.0,
)  # the last so many points of a decayed run are fitted so many times more: ends are what is forecast
FLOOR = 1e-3  # relative: two runs that differ in nothing but the noise of the machine differ by about this


@dataclass(frozen=True, eq=False)
class Fitted:
    """The seen part of one or several runs of a model, fitted.

    curves      what was seen
    fit         the law with numbers
    covariance  of the free parameters, [p, p], before it was calibrated on other runs
    """

    curves: tuple[LossCurve, ...]
    fit: Fit
    covariance: np.ndarray

    @property
    def r2(self) -> float:
        """Share of the fitted losses' variance that the law explains."""
        predicted = np.concatenate([self.fit.predict(settled(curve)) for curve in self.curves])
        return r_squared(predicted, np.concatenate([settled(curve).loss for curve in self.curves]))

    @property
    def steps(self) -> int:
        """The last step at which a loss was seen."""
        return int(max(curve.step[-1] for curve in self.curves))

    @property
    def decayed(self) -> bool:
        """Whether a fall of the learning rate was seen."""
        return any(falls(curve.schedule, int(curve.step[-1])) for curve in self.curves)

    def losses(self, schedule: Schedule, step=None) -> tuple[np.ndarray, np.ndarray]:
        """Return the forecast losses at `step` (default: every step) and their relative spread, [n] each."""
        law, free = self.fit.law, self.fit.problem.free
        theta = law.theta(self.fit.params)
        loss, jacobian = law.evaluate(theta, law.features([Plan(schedule, step)]))
        slope = jacobian[:, free] / loss[:, None]
        spread = np.sqrt(np.einsum("ni,ij,nj->n", slope, self.covariance, slope) + FLOOR**2)
        return loss, spread


def falls(schedule: Schedule, steps: int) -> bool:
    """Whether the rate falls by more than a twentieth of the peak after the warm-up, within the first `steps`."""
    seen = schedule.lr[schedule.warmup : steps]
    return bool(seen.size and np.any(seen < 0.95 * schedule.peak))


def fit_runs(curves: Sequence[LossCurve], learned: dict) -> Fitted:
    """Fit the law to `curves`, runs of one model, with the priors that `learned` holds. Raises InputError for too few points."""
    seen = [settled(curve) for curve in curves]
    if sum(curve.step.size for curve in seen) < FEWEST:
        raise InputError(
            f"{curves[0].name}: has only {sum(c.step.size for c in seen)} losses after the warm-up; a forecast needs {FEWEST}"
        )
    ends = [select(curve, slice(-ENDS, None)) for curve in seen if falls(curve.schedule, int(curve.step[-1]))]
    weights = [1.0] * len(seen) + [WEIGHT] * len(ends)
    prior = prior_for(max(seen, key=lambda curve: curve.step[-1]), learned)
    found = fit(LAW, seen + ends, weights=weights, fixed={"tau": TAU}, prior=prior)
    return Fitted(tuple(curves), found, covariance_of(found))


def covariance_of(found: Fit) -> np.ndarray:
    """Return the inverse of the curvature of what was minimised, POINTS points counting as one independent measurement."""
    problem = found.problem
    theta = found.law.theta(found.params)
    residual, jacobian = problem.residual(theta)
    weight = (
        problem.weight / np.maximum(np.abs(residual), problem.delta) / problem.delta
    )  # and Huber's, in units of delta squared
    rows = problem.prior.rows(theta[problem.free], problem.free_names)[1]
    return np.linalg.pinv(((weight[:, None] * jacobian).T @ jacobian + rows.T @ rows) / POINTS, hermitian=True)
