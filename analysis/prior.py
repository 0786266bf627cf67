"""What is known of a law's parameters before a fit.

Prior(mean, scale)                        for `fit(law, curves, prior=...)`
Prior.learn(fits, names) -> Prior         what fits of other models say of parameters
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curves import InputError

if TYPE_CHECKING:
    from analysis.fitting import Fit

LOWEST = 1e-6  # what is below this counts as this before its logarithm is taken, so that there is one
ALIKE = 0.02  # share to which a learned prior claims to know a parameter at best


@dataclass(frozen=True)
class Prior:
    """What is known of parameters before a fit.

    mean, scale  by parameter: its expected value, and how far from there it may well be
    log          the parameters for which these are of the natural logarithm
    points       what one `scale` of distance costs, in points of a curve whose log loss is off by the fit's delta; the many points
                 of a curve err together, so that a hundred of them weigh about as much as one piece of knowledge

    Enters what is minimised as points x delta^2 / 2 x ((value - mean) / scale)^2 for each parameter. Raises InputError for
    scales that are not positive or do not match the means.
    """

    mean: dict[str, float]
    scale: dict[str, float]
    log: tuple[str, ...] = ()
    points: float = 100.0

    def __post_init__(self):
        if self.mean.keys() != self.scale.keys() or not set(self.log) <= self.mean.keys():
            raise InputError("prior: mean and scale must name the same parameters, and log some of them")
        for name, scale in self.scale.items():
            if not (np.isfinite(scale) and scale > 0 and np.isfinite(self.mean[name])):
                raise InputError(f"prior: {name} must have a finite mean and a positive scale")

    @classmethod
    def learn(cls, fits: Sequence[Fit], names: Sequence[str] | None = None, points: float = 100.0) -> Prior:
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
        return cls(mean, scale, tuple(log), points)

    def rows(self, theta: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the distances in scales, times sqrt(points), of the parameters that are among `names`, and their derivatives.

        theta [p] are the values of `names`; the rows are [m] and [m, p].
        """
        known = [i for i, name in enumerate(names) if name in self.mean]
        mean, scale = (np.array([table[names[i]] for i in known]) for table in (self.mean, self.scale))
        logs = np.array([names[i] in self.log for i in known], dtype=bool)
        value = np.where(logs, np.maximum(theta[known], LOWEST), theta[known])
        distance = np.where(logs, np.log(np.where(logs, value, 1.0)), value) - mean
        stiffness = np.sqrt(self.points) / scale
        slopes = np.zeros((len(known), theta.size))
        slopes[np.arange(len(known)), known] = stiffness / np.where(logs, value, 1.0)
        return stiffness * distance, slopes
