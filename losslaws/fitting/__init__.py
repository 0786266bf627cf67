"""Fits of laws to curves.

fits      fit(law, curves) -> Fit, bootstrap(fit) -> Intervals
problem   the points of one fit, and the search for their minimum
huber     the minimiser
prior     what is known of parameters beforehand
metrics   how far predicted losses are from measured ones
"""

from losslaws.fitting.fits import Fit, Intervals, bootstrap, final_of, fit, learn_prior, mean_error
from losslaws.fitting.metrics import Score, average, r_squared, score
from losslaws.fitting.prior import Prior
from losslaws.fitting.problem import Doubt

__all__ = [
    "Doubt",
    "Fit",
    "Intervals",
    "Prior",
    "Score",
    "average",
    "bootstrap",
    "final_of",
    "fit",
    "learn_prior",
    "mean_error",
    "r_squared",
    "score",
]
