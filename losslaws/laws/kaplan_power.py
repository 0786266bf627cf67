"""Kaplan's laws of one resource: size, data or compute."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from losslaws.curves import InputError
from losslaws.curves.errors import nearest
from losslaws.laws import Law, Parameter, Run, counts, power, tokens

RESOURCES = {
    "size": lambda runs: counts(runs, "non_embedding"),
    "tokens": tokens,
    "compute": lambda runs: 6 * counts(runs, "non_embedding") * tokens(runs),
}


@dataclass(frozen=True)
class KaplanPower(Law):
    """L(X) = A X^-alpha, which the paper writes (Xc / X)^alpha: Xc = A^(1 / alpha).

    A law of the final loss where nothing else is in short supply; fit it on `fitting.final(curve)`.

    of  what X is: "size", non-embedding parameters N; "tokens", D; "compute", 6 N D in FLOPs
    """

    equation = "A X^-alpha"
    source = "Kaplan et al. 2020, arXiv 2001.08361, Eqs. 1.1 to 1.3"
    parameters = (
        Parameter("A", "scale, nats per token", linear=True),
        Parameter("alpha", "exponent of X", bounds=(0.001, 2.0), starts=(0.05, 0.1, 0.3), needs="several values of X"),
    )
    of: str = "size"

    def __post_init__(self):
        if self.of not in RESOURCES:
            raise InputError(
                f"law option of='{self.of}' is unknown{nearest(self.of, RESOURCES)} (known: {', '.join(RESOURCES)})"
            )

    def features(self, runs: Sequence[Run]) -> np.ndarray:
        """Return X [n]."""
        return RESOURCES[self.of](runs)

    def basis(self, nonlinear, x):
        value, slope = power(x, nonlinear[0])
        return value[:, None], slope[None, :, None]
