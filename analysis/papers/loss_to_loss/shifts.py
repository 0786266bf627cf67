"""Shifted power laws from one loss to another, and the translation of a scaling law by one.

    fit_shift(x, y, E_x, E_y) -> Shift      y = K (x - E_x)^kappa + E_y
    Shift.predict(x), .K, .kappa, .warnings
    translate(law, shift) -> dict           the law `kaplan_entropy` of x, made one of y

x and y are losses, nats per token, of two models of equal size and tokens on two data sets (train to train), of one model on
its own data and on a test (train to test), or of two models on one test (test to test). The E are the losses that nothing
removes, from the laws of x and of y. Source: Brandfonbrener et al. 2024, arXiv 2411.12925.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from losslaws.curves import InputError, LossCurve
from losslaws.fitting import Fit
from losslaws.fitting.metrics import r_squared

LAWS = ("chinchilla", "kaplan_entropy")  # the two forms in which the paper fits size and tokens
MARGIN = 3  # points that a fit should have beyond its parameters, as for `fitting.fit`
USUAL = (0.5, 2.0)  # kappa of losses that follow each other; the 30 pairs of the paper lie within .88 to 1.13
NEAR = 1e-3  # distance from a bound, relative, at which a value is said to be on it


@dataclass(frozen=True)
class Shift:
    """A fitted shifted power law.

    K, kappa   scale and exponent
    E_x, E_y   the losses that are subtracted from either side
    points     how many pairs it was fitted on
    r2         share of the variance of y explained
    warnings   one line for everything that makes the numbers doubtful
    """

    K: float
    kappa: float
    E_x: float
    E_y: float
    points: int
    r2: float
    warnings: tuple[str, ...]

    def predict(self, x) -> np.ndarray:
        """Return y for losses x; a loss below E_x counts as E_x."""
        return shifted(np.asarray(x, dtype=float), self.K, self.kappa, self.E_x, self.E_y)


def shifted(x, K, kappa, E_x, E_y):
    """Return K (x - E_x)^kappa + E_y."""
    return K * np.maximum(x - E_x, 0.0) ** kappa + E_y


def fit_shift(x: np.ndarray, y: np.ndarray, E_x: float, E_y: float | None = None) -> Shift:
    """Fit K and kappa, and E_y where it is not given, to pairs of losses [n].

    With E_y, a straight line through the logarithms of x - E_x and y - E_y, by least squares; pairs with a loss below its E
    are left out, with a warning. Without, least squares in y itself, 0 <= E_y <= the least y. Raises InputError for
    fewer than two usable pairs.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    usable = (x > E_x) & (y > E_y) if E_y is not None else np.full(x.size, True)
    if usable.sum() < 2:
        raise InputError(f"shift: {int(usable.sum())} of {x.size} pairs lie above their E; two are needed at least")
    if E_y is not None:
        kappa, log_K = np.polyfit(np.log(x[usable] - E_x), np.log(y[usable] - E_y), 1)
        theta = (float(np.exp(log_K)), float(kappa), float(E_y))
    else:
        theta = free(x, y, E_x)
    warnings = tuple(doubts(theta, x, y, int((~usable).sum()), E_y is None))
    K, kappa, E = theta
    return Shift(K, kappa, E_x, E, int(usable.sum()), r_squared(shifted(x, K, kappa, E_x, E), y), warnings)


def free(x: np.ndarray, y: np.ndarray, E_x: float) -> tuple[float, float, float]:
    """Return K, kappa and E_y by least squares in y, as the paper fits them to a new data set."""

    def model(x, K, kappa, E_y):
        return shifted(x, K, kappa, E_x, E_y)

    try:
        found, _ = curve_fit(model, x, y, p0=(1, 1, 0), bounds=((0, 0, 0), (np.inf, np.inf, y.min())), maxfev=20_000)
    except (RuntimeError, OptimizeWarning) as error:
        raise InputError(f"shift: {' '.join(str(error).split())}") from None
    return tuple(found.tolist())


def doubts(theta: tuple[float, float, float], x, y, dropped: int, fitted_E: bool) -> Iterator[str]:
    """Yield a line for everything that makes a shift doubtful."""
    _, kappa, E_y = theta
    least = (3 if fitted_E else 2) + MARGIN
    if x.size - dropped < least:
        yield f"too few points: {x.size - dropped}; at least {least} are needed"
    if dropped:
        yield f"{dropped} pairs left out: a loss lies below its E"
    if not USUAL[0] <= kappa <= USUAL[1]:
        yield f"kappa {kappa:.3g} lies outside {USUAL[0]:g} to {USUAL[1]:g}"
    if fitted_E and E_y < NEAR * y.min():
        yield "E_y is on its bound, 0"
    if fitted_E and E_y > (1 - NEAR) * y.min():
        yield "E_y is on its bound, the least loss"


def translate(law: Mapping[str, float], shift: Shift) -> dict[str, float]:
    """Return the parameters of `kaplan_entropy` for y, from those for x: again such a law, with the same best sizes.

    alpha and beta grow by kappa; A and B by K^(1 / (kappa alpha)) and K^(1 / (kappa beta)).
    """
    return {
        "E": shift.E_y,
        "log_A": law["log_A"] + np.log10(shift.K) / (shift.kappa * law["alpha"]),
        "alpha": shift.kappa * law["alpha"],
        "log_B": law["log_B"] + np.log10(shift.K) / (shift.kappa * law["beta"]),
        "beta": shift.kappa * law["beta"],
    }


def natural(found: Fit) -> dict[str, float]:
    """Return the parameters of either law under the paper's names: A, B, E, alpha, beta."""
    p = found.params
    return {key: 10 ** p[f"log_{key}"] if f"log_{key}" in p else p[key] for key in ("A", "B", "E", "alpha", "beta")}


def losses(found: Fit, params: dict[str, float], runs: list[LossCurve]) -> np.ndarray:
    """Return the losses of `runs` by the law of `found` with other parameters."""
    return found.law.predict(found.law.theta(params), found.law.features(runs))


def share(found: Fit, params: dict[str, float], runs: list[LossCurve], measured: np.ndarray) -> float:
    """Return the share of the variance of `measured` that the law of `found` explains with other parameters."""
    return r_squared(losses(found, params, runs), measured)


def flags(found: Fit | Shift) -> str:
    """Write what makes a fit doubtful."""
    return "; ".join(found.warnings)
