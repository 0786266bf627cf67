"""Loss prediction across widths: L = a x^b + c, x the number of parameters, fitted to small widths, read off at larger ones.

    fit_widths(x, loss) -> WidthLaw         least squares of the loss, from one start
    hold_out(x, loss, last) -> WidthLaw     the same without the `last` widths

Under muP the best learning rate does not move with the width, so that no search is needed at the larger ones. Source: Yao and
Wang 2023, arXiv 2304.06875.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import curve_fit

from losslaws.curves import InputError

START = (1.0, -1.0, 3.0)


@dataclass(frozen=True)
class WidthLaw:
    """L = a x^b + c, with standard errors of the three, and how many widths it was fitted to."""

    a: float
    b: float
    c: float
    errors: tuple[float, float, float]
    widths: int

    def predict(self, x) -> np.ndarray:
        """Return the losses at x."""
        return curve(np.asarray(x, dtype=float), self.a, self.b, self.c)


def curve(x, a, b, c):
    """Return a x^b + c."""
    return a * x**b + c


def fit_widths(x: np.ndarray, loss: np.ndarray) -> WidthLaw:
    """Fit the law to losses [n] at x [n]. Raises InputError for fewer than four widths, or where no fit is found."""
    x, loss = np.asarray(x, dtype=float), np.asarray(loss, dtype=float)
    if x.size < 4:
        raise InputError(f"widths: {x.size} widths for the 3 parameters of a x^b + c; give at least 4")
    try:
        theta, covariance = curve_fit(curve, x, loss, p0=START, maxfev=5000)
    except RuntimeError as error:
        raise InputError(f"widths: {' '.join(str(error).split())}") from None
    a, b, c = theta.tolist()
    return WidthLaw(a, b, c, tuple(np.sqrt(np.diag(covariance)).tolist()), x.size)


def hold_out(x: np.ndarray, loss: np.ndarray, last: int) -> WidthLaw:
    """Fit the law to all but the `last` widths."""
    return fit_widths(x[: len(x) - last], loss[: len(loss) - last])
