"""What is known of a law's parameters before a fit.

Prior(mean, scale)                        for `fit(law, curves, prior=...)`
learn_prior(fits, names) -> Prior         what fits of other models say of parameters
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.curves import InputError

LOWEST = 1e-6  # what is below this counts as this before its logarithm is taken, so that there is one


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
