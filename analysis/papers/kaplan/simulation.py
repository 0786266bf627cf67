"""Why Kaplan et al. found other exponents than Chinchilla: Pearce and Song's simulation.

    reconcile(law, exact=False) -> Reconciliation     the exponents that Kaplan et al. would have found, had Chinchilla's law been true

Twenty models of Kaplan's sizes are given Chinchilla's loss of their total parameters; then, as Kaplan et al. did, only
non-embedding parameters and their compute are looked at. Source: Pearce and Song 2024, arXiv 2406.12907.
"""

from dataclasses import dataclass

import numpy as np

EMBEDDING = 47_491  # total = N + EMBEDDING N^(1/3): a vocabulary of 32k at the aspect ratio 39.2
SIZES = np.geomspace(10**2.9, 10**9.2, 20)  # non-embedding parameters
TOKENS = np.geomspace(1e6, 1e25, 1000)
COMPUTE = np.geomspace(10**12.95, 10**20.7, 100)  # FLOPs, 6 N D without embeddings
TOTAL_COMPUTE = np.geomspace(1e14, 10**20.7, 100)  # the same with them


@dataclass(frozen=True)
class Reconciliation:
    """Exponents of straight lines in log-log, and the points they go through.

    size, loss, reducible    of the best N, its loss, and its loss less E, in the compute, all without embeddings
    total_size, total_loss   of the best size and its loss in the compute, with embeddings
    flops, best              the budgets of the first three [k], and the best N there [k]
    """

    size: float
    loss: float
    reducible: float
    total_size: float
    total_loss: float
    flops: np.ndarray
    best: np.ndarray


def reconcile(law: dict[str, float], exact: bool = False) -> Reconciliation:
    """Return what Kaplan et al. would have found if `law` (keys A, B, alpha, beta, E) were true of total parameters.

    exact  take every model at exactly the budget; the published numbers take it at the nearest of TOKENS, which moves the
           exponents of the best size by up to .006
    """
    total = SIZES + EMBEDDING * np.cbrt(SIZES)

    def lowest(sizes, budgets):
        """The best of `sizes` at each budget, and its loss."""
        tokens = budgets / (6 * sizes[:, None])
        if not exact:
            spent = 6 * sizes[:, None] * TOKENS
            tokens = TOKENS[np.abs(spent[:, :, None] - budgets).argmin(axis=1)]
        loss = law["A"] * total[:, None] ** -law["alpha"] + law["B"] * tokens ** -law["beta"] + law["E"]
        return sizes[loss.argmin(axis=0)], loss.min(axis=0)

    (best, loss), (best_total, loss_total) = lowest(SIZES, COMPUTE), lowest(total, TOTAL_COMPUTE)
    return Reconciliation(
        size=slope(COMPUTE, best),
        loss=slope(COMPUTE, loss),
        reducible=slope(COMPUTE, loss - law["E"]),
        total_size=slope(TOTAL_COMPUTE, best_total),
        total_loss=slope(TOTAL_COMPUTE, loss_total),
        flops=COMPUTE,
        best=best,
    )


def slope(x: np.ndarray, y: np.ndarray) -> float:
    """Return the exponent of y in x: ordinary least squares in logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
