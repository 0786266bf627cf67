"""A run fitted so that it can be forecast: the forms of the law, the priors, and how far the forecast may be off."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.fitting import Fit, fit
from losslaws.fitting.metrics import r_squared
from losslaws.forecast.prior import (
    FORMS,
    LAW,
    POINTS,
    falls,
    fitted_points,
    known_of,
    likelihood,
    prior_for,
    rescaled,
    unit,
    weighted,
    weights,
)
from losslaws.laws import Planned

FEWEST = 8  # points after the warm-up; with fewer a curve cannot be told from its noise
FLOOR = 1e-3  # relative: two runs that differ in nothing but the noise of the machine differ by about this
# relative, what the law's form errs by, see analysis/calibration/selection.py: for every e-fold by which a run is longer or shorter than what was
# seen, and for every e-fold by which its mean rate, as a share of the peak, is another, so that a cosine tells a WSD less well than another cosine
FORM, UNLIKE = 0.005, 0.012


@dataclass(frozen=True, eq=False)
class Fitted:
    """The seen part of one or several runs of a model, fitted with every form of the law.

    curves       what was seen
    fits         each form with numbers
    weights      of the forms in every average, [forms], of sum 1
    covariances  of the free parameters of each form, [p, p], before they were calibrated on other runs
    factor       on the rates, which brings them to the unit that was fitted
    stage        by which intervals are calibrated: "early" where no run was seen last at prior.FALLEN of its peak rate or below, and
                 other models say most of what is known, then "decayed"
    """

    curves: tuple[LossCurve, ...]
    fits: tuple[Fit, ...]
    weights: np.ndarray
    covariances: tuple[np.ndarray, ...]
    factor: float = 1.0
    stage: str = "decayed"

    @property
    def r2(self) -> float:
        """Share of the fitted losses' variance that the law explains."""
        seen = [fitted_points(in_unit(curve, self.factor)) for curve in self.curves]
        predicted = self.average([np.concatenate([fit.predict(curve) for curve in seen]) for fit in self.fits])
        return r_squared(predicted, np.concatenate([curve.loss for curve in seen]))

    @property
    def removed(self) -> float:
        """Loss that a whole decay from the peak rate of the first run removes, nats per token."""
        peak = self.curves[0].schedule.peak * self.factor
        return float(self.average([fit.params["K"] * self.noise(peak) for fit in self.fits]))

    def noise(self, peak: float) -> float:
        """Return the noise at the constant rate `peak`, in units of K."""
        return LAW.level(peak)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful about the form that weighs most."""
        return self.fits[int(np.argmax(self.weights))].warnings

    @property
    def steps(self) -> int:
        """The last step at which a loss was seen."""
        return int(max(curve.step[-1] for curve in self.curves))

    @property
    def decayed(self) -> bool:
        """Whether a fall of the learning rate was seen."""
        return any(falls(curve.schedule, int(curve.step[-1])) for curve in self.curves)

    def average(self, values: Sequence) -> np.ndarray:
        """Return the average of a value of each form."""
        return np.tensordot(self.weights, np.asarray(values), 1)

    def losses(self, schedule: Schedule, step=None) -> tuple[np.ndarray, np.ndarray]:
        """Return the forecast losses at `step` (default: every step) and their relative spread, [n] each.

        The spread is that of each form, that between the forms, FLOOR, and what the form errs by for runs of another length, FORM, and of
        other rates, UNLIKE.
        """
        each, slopes = self.by_form(schedule, step)
        loss = self.average(each)
        form = np.hypot(FORM * self.reach(schedule, step), UNLIKE * self.unlike(schedule, step))
        return loss, np.sqrt(self.variance(each, slopes) / loss**2 + FLOOR**2 + form**2)

    def reach(self, schedule: Schedule, step=None) -> np.ndarray:
        """Return by how many e-folds the run is longer at `step` than what was seen, [n]; a shorter run is so everywhere, below 0."""
        return np.log(self.beyond(schedule, step) / self.steps)

    def unlike(self, schedule: Schedule, step=None) -> np.ndarray:
        """Return by how many e-folds the mean rate up to `step`, as a share of the peak, differs from that of the nearest run seen, [n]."""
        mean = np.log(mean_share(schedule, self.beyond(schedule, step)))
        return np.abs(np.subtract.outer(mean, self.mean_seen)).min(axis=1)

    @cached_property
    def mean_seen(self) -> np.ndarray:
        """The logarithm of the mean rate of what was seen of every run, as a share of its peak, [curves]."""
        return np.log([mean_share(curve.schedule, int(curve.step[-1])) for curve in self.curves])

    def beyond(self, schedule: Schedule, step=None) -> np.ndarray:
        """Return `step` (default: every step) where it lies beyond what was seen, else the end of what was seen, or of a shorter run, [n]."""
        step = np.arange(1, schedule.steps + 1) if step is None else np.asarray(step)
        return np.maximum(step, min(schedule.steps, self.steps))

    def difference(self, a: Schedule, b: Schedule) -> tuple[float, float]:
        """Return by how much the last loss of `a` lies above that of `b`, and the spread of that, as shares of the latter.

        What errs alike for both, the level of the loss above all, does not count; that their mean rates differ does, as for losses.
        """
        (first, to_first), (last, to_last) = (self.by_form(schedule, [schedule.steps]) for schedule in (a, b))
        level = float(self.average(last)[0])
        apart = [x - y for x, y in zip(first, last, strict=True)]
        slopes = [x - y for x, y in zip(to_first, to_last, strict=True)]
        variance = float(self.variance(apart, slopes)[0]) / level**2
        form = UNLIKE * np.log(mean_share(a, a.steps) / mean_share(b, b.steps))
        return float(self.average(apart)[0]) / level, float(np.sqrt(variance + FLOOR**2 + form**2))

    def variance(self, each: Sequence[np.ndarray], slopes: Sequence[np.ndarray]) -> np.ndarray:
        """Return the variance of an average over the forms, [n]: of each [n] by its slopes [n, p], and between them."""
        within = [np.einsum("ni,ij,nj->n", s, c, s) for s, c in zip(slopes, self.covariances, strict=True)]
        return self.average(within) + self.average(np.square(each - self.average(each)))

    def planned(self, schedule: Schedule, step=None) -> Planned:
        """Return what the law reads of a schedule."""
        return Planned(rescaled(schedule, self.factor), step)

    def by_form(self, schedule: Schedule, step=None) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return of each form the losses [n] at `step` and their derivatives by its free parameters, [n, p]."""
        # the forms read the same of a schedule
        read = self.fits[0].law.features([self.planned(schedule, step)])
        found = [fit.law.evaluate(fit.law.theta(fit.params), read) for fit in self.fits]
        return [loss for loss, _ in found], [
            slope[:, fit.places] for (_, slope), fit in zip(found, self.fits, strict=True)
        ]


def mean_share(schedule: Schedule, steps: np.ndarray | int) -> np.ndarray:
    """Return the mean rate of the first `steps`, [n] or one number of 1 to T, of a schedule as a share of its peak, like `steps`."""
    return np.cumsum(schedule.lr)[np.asarray(steps) - 1] / (steps * schedule.peak)


def fallen(curve: LossCurve, share: float) -> bool:
    """Whether the rate had come down to `share` of its peak at the last loss."""
    return bool(curve.schedule.lr[int(curve.step[-1]) - 1] <= share * curve.schedule.peak)


def in_unit(curve: LossCurve, factor: float) -> LossCurve:
    """Return `curve` with its rates in another unit."""
    return replace(curve, schedule=rescaled(curve.schedule, factor))


def fit_runs(curves: Sequence[LossCurve], learned: dict, optimiser: str = "adamw") -> Fitted:
    """Fit each form to `curves`, runs of one model, with the priors that `learned` holds.

    optimiser  as in prior.ADAM, or another (RELATIVE too): then the unit of the rates counts for nothing. Raises InputError for too few points.
    """
    longest = max(curves, key=lambda curve: curve.step[-1])
    factor, known = unit(longest, optimiser), known_of(longest, optimiser)
    seen = [fitted_points(in_unit(curve, factor)) for curve in curves]
    if sum(curve.step.size for curve in seen) < FEWEST:
        raise InputError(
            f"{curves[0].origin}: has only {sum(c.step.size for c in seen)} losses after the warm-up; a forecast needs {FEWEST}"
        )
    points, weight = weighted(seen)
    last = max(seen, key=lambda curve: curve.step[-1])
    law = LAW.of_model(known.size, bool(known.rate))
    early = not any(fallen(curve, learned["fallen"]) for curve in seen)
    fits = tuple(
        fit(law, points, weights=weight, fixed=held, prior=prior_for(last, learned, name, known, early))
        for name, held in FORMS.items()
    )
    share = likelihood(fits) * weights(learned, known)
    covariances = tuple(found.covariance(POINTS) for found in fits)
    return Fitted(tuple(curves), fits, share / share.sum(), covariances, factor, "early" if early else "decayed")
