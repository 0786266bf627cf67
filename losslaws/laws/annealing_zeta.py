"""The annealing law with an exponent on S2."""

from dataclasses import dataclass

import numpy as np

from losslaws.curves import InputError
from losslaws.laws import Parameter
from losslaws.laws.annealing import Annealing


@dataclass(frozen=True)
class AnnealingZeta(Annealing):
    """L(s) = L0 + A S1^-alpha - C S2^zeta. Not defined after a re-warm-up, where S2 < 0: raises InputError."""

    equation = "L0 + A S1^-alpha - C S2(lambda)^zeta"
    source = "Tissue, Wang, Wang 2024, arXiv 2408.11029, Fig. 19"
    parameters = (
        *Annealing.parameters,
        Parameter("zeta", "exponent of S2", bounds=(0.1, 3.0), starts=(0.8, 1.1), needs="a decay of the learning rate"),
    )

    def basis(self, nonlinear, x):
        *rest, zeta = nonlinear
        phi, slopes = super().basis(rest, x)
        S2 = -phi[:, 2]
        if S2.min() < -1e-9 * S2.max():
            raise InputError(
                "law 'annealing_zeta': is not defined where S2 < 0, after a rise of the rate; use law 'annealing'"
            )
        some = S2 > 0  # S2^zeta and its derivatives vanish with S2
        base = np.where(some, S2, 1.0)
        value = np.where(some, base**zeta, 0.0)
        phi[:, 2] = -value
        slopes[1, :, 2] *= zeta * value / base
        by_zeta = np.zeros_like(phi)
        by_zeta[:, 2] = -np.log(base) * value
        return phi, np.concatenate([slopes, by_zeta[None]])
