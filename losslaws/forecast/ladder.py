"""Runs of several sizes fitted together, so that a model of another size can be forecast: `fit_ladder(curves, model, learned)`.

The law is `relaxation_size`, in the forms of `prior` (their memory is that of a model of laws.relaxation_size.SIZE), averaged by how well each describes
the runs. alpha and K have the priors of a single run, that of the largest model; gamma a mean and a scale of what public ladders say. What the sizes
have in common, beta and gamma above all, two of them tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from losslaws import laws
from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.fitting import fit
from losslaws.fitting.prior import Prior
from losslaws.forecast.fitted import FEWEST, Fitted, in_unit
from losslaws.forecast.prior import (
    ADAM,
    FORMS,
    POINTS,
    Known,
    fitted_points,
    known_of,
    likelihood,
    prior_for,
    rescaled,
    size_of,
    unit,
    weighted,
    weights,
)
from losslaws.laws import Planned
from losslaws.laws.relaxation_size import SIZE, TOKENS

LAW = laws.build("relaxation_size")
GAMMA = (
    0.15,
    0.15,
)  # mean and scale of the exponent that says how much more larger models have left to learn, from public ladders
SHAPE = 0.003  # relative, what the shape of a model and the choice of its rates change at least
FAR = 10.0  # times the largest size seen, beyond which nothing is forecast


@dataclass(frozen=True)
class Model:
    """The model that is forecast: parameters without embeddings, tokens of a step."""

    size: int
    batch: int


@dataclass(frozen=True, eq=False)
class FittedLadder(Fitted):
    """Runs of several sizes, fitted with every form of the law, and the model that is asked about.

    scatter  by how much one model lies off what the others say of its size, relative: what its shape and its rates change
    """

    stage: str = "ladder"
    model: Model | None = None
    scatter: float = 0.0

    def losses(self, schedule: Schedule, step=None) -> tuple[np.ndarray, np.ndarray]:
        loss, spread = super().losses(schedule, step)
        return loss, np.hypot(spread, self.scatter)

    def planned(self, schedule: Schedule, step=None) -> Planned:
        size = {"non_embedding": self.model.size}
        return Planned(rescaled(schedule, self.factor), step, size, self.model.batch)

    def noise(self, peak: float) -> float:
        return LAW.level(peak) * LAW.share(self.model.size / SIZE, self.model.batch / TOKENS)

    @property
    def largest(self) -> float:
        """The largest size seen."""
        return float(max(size_of(curve) for curve in self.curves))

    def reach(self, schedule: Schedule, step=None) -> np.ndarray:
        """Return the distance from what was seen in e-folds, [n]: of tokens a parameter beyond the longest seen, or of size, whichever is more."""
        step = np.arange(1, schedule.steps + 1) if step is None else np.asarray(step)
        seen = max(curve.step[-1] * curve.tokens_per_step / size_of(curve) for curve in self.curves)
        longer = np.log(np.maximum(step * self.model.batch / self.model.size / seen, 1.0))
        return np.maximum(longer, abs(np.log(self.model.size / self.largest)))


def fit_ladder(curves: Sequence[LossCurve], model: Model, learned: dict, optimiser: str = "adamw") -> FittedLadder:
    """Fit each form to `curves`, runs of two sizes or more, for a forecast of `model`; `learned` and `optimiser` as of `fit_runs`.

    Raises InputError for runs of one size, of unknown size or batch, for a model far larger than any of them, and for too few points.
    """
    for curve in curves:
        if not size_of(curve) or not curve.tokens_per_step:
            raise InputError(
                f"{curve.origin}: a ladder needs the size and the batch of every log; give --parameters N,N,... and --batch TOKENS,TOKENS,..., one each"
            )
    curves = [replace(curve, parameters={"non_embedding": size_of(curve)}) for curve in curves]
    sizes = sorted({size_of(curve) for curve in curves})
    if len(sizes) < 2:
        raise InputError(
            f"{curves[0].origin}: all logs are of {sizes[0]:,} parameters; a ladder needs two sizes or more"
        )
    if not sizes[0] / FAR <= model.size <= sizes[-1] * FAR:
        raise InputError(
            f"--next {model.size}: the logs are of {sizes[0]:,} to {sizes[-1]:,} parameters; nothing is forecast beyond {FAR:g} times that"
        )
    largest = max(curves, key=lambda curve: (size_of(curve), curve.step[-1]))
    # one unit for all: ratios of the peak rates between sizes are known even where their unit is not
    factor = 1.0 if optimiser in ADAM else unit(largest, optimiser)
    seen = [fitted_points(in_unit(curve, factor)) for curve in curves]
    if min(sum(c.step.size for c in seen if size_of(c) == size) for size in sizes) < FEWEST:
        raise InputError(f"{curves[0].origin}: a ladder needs {FEWEST} losses of every size after the warm-up")
    points, weight = weighted(seen)
    known = known_of(largest, optimiser)
    law = LAW.of_model(None, optimiser in ADAM)
    # EARLY was chosen on forecasts from runs of one size; a ladder's priors have STIFFNESS whatever was seen
    fits = tuple(
        fit(
            law,
            points,
            weights=weight,
            fixed=held,
            prior=stated(prior_for(in_unit(largest, factor), learned, name, known, early=False), largest),
        )
        for name, held in FORMS.items()
    )
    share = likelihood(fits) * weights(learned, Known(size=SIZE))
    covariances = tuple(found.covariance(POINTS) for found in fits)
    found = FittedLadder(tuple(curves), fits, share / share.sum(), covariances, factor, model=model)
    return replace(found, scatter=scattered(found, seen))


def scattered(found: FittedLadder, seen: Sequence[LossCurve]) -> float:
    """Return the standard deviation of models around the law, relative, from the mean residual of the later half of the runs of each size; at least SHAPE.

    Two sizes tell none: B and beta go through both.
    """
    residual = [found.average([fit.predict(curve) for fit in found.fits]) / curve.loss - 1 for curve in seen]
    by_size: dict[int, list[float]] = {}
    for curve, error in zip(seen, residual, strict=True):
        by_size.setdefault(size_of(curve), []).append(float(error[error.size // 2 :].mean()))
    off = np.array([np.mean(errors) for errors in by_size.values()])
    free = len(off) - 2
    return max(SHAPE, float(np.sqrt(np.sum(off**2) / free)) if free > 0 else 0.0)


def stated(prior: Prior, curve: LossCurve) -> Prior:
    """Return the prior of a run of one size as one of a ladder, whose K is that of a model of SIZE and TOKENS."""
    share = LAW.share(size_of(curve) / SIZE, curve.tokens_per_step / TOKENS)
    return replace(
        prior,
        mean=prior.mean | {"K": prior.mean["K"] - float(np.log(share)), "gamma": GAMMA[0]},
        scale=prior.scale | {"gamma": GAMMA[1]},
    )
