"""How to spend a budget of compute: model size, tokens, batch and the loss to expect, by several laws.

    allocate(flops, own) -> DataFrame       one row for each law
    best(law, flops) -> (N, D, loss)        optimum of a Chinchilla law under 6 N D = flops

Kaplan's losses are of WebText2 under his vocabulary and Chinchilla's of MassiveText: rows compare in N and D, not in loss.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from losslaws.curves import InputError
from losslaws.fitting import Fit
from losslaws.laws import counts, tokens
from losslaws.search import kaplan

# loss = A / N^alpha + B / D^beta + E, N all parameters
CHINCHILLA = {
    "Besiroglu et al. 2024": {"A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658, "E": 1.8172},
    "Hoffmann et al. 2022": {"A": 406.4, "B": 410.7, "alpha": 0.3392, "beta": 0.2849, "E": 1.6934},
}
COLUMNS = ("law", "N", "D", "tokens_per_N", "batch", "steps", "loss", "note")
WITHOUT, WITH = "N without embeddings", "N with embeddings"


def allocate(flops: float, own: Mapping[str, Fit] | None = None) -> pd.DataFrame:
    """Return how each law would spend `flops`, columns COLUMNS; batch in tokens, loss in nats per token of its own text.

    own  adds what these fits of Chinchilla's law say, by the name of their runs. Raises InputError for a budget that is
         not positive.
    """
    if not (np.isfinite(flops) and flops > 0):
        raise InputError(f"allocate: flops={flops} must be a positive number")
    rows = list(kaplan_rows(flops / kaplan.PF_DAY))
    for name, law in CHINCHILLA.items():
        size, data, loss = best(law, flops)
        rows.append(row(f"Chinchilla, {name}", size, data, np.nan, loss, WITH))
    rows += [own_row(name, fit, flops) for name, fit in (own or {}).items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def kaplan_rows(C: float):
    """Yield Kaplan's published allocation of `C` PF-days, and the optimum of his law of size and steps.

    Both train at the critical batch, where C = 2 C_min; D is what the budget then buys, C / 6N.
    """
    said, loss = kaplan.published_allocation(C / 2), float(kaplan.loss_of_minimal_compute(C / 2))
    yield row("Kaplan, Table 6", said["N"], C * kaplan.PF_DAY / (6 * said["N"]), said["batch"], loss, WITHOUT)
    size = kaplan.best_size(C / 2)
    loss = kaplan.loss_at_compute(size, C / 2)
    batch = kaplan.critical_batch(loss)
    yield row("Kaplan, optimum of L(N, S_min)", size, C * kaplan.PF_DAY / (6 * size), batch, loss, WITHOUT)


def own_row(name: str, fit: Fit, flops: float) -> tuple:
    """Return what a fit of our own says, and how far beyond its runs that is."""
    size, data, loss = best(fit.params, flops)
    runs = fit.runs
    most = float((6 * counts(runs, "non_embedding") * tokens(runs)).max())
    beyond = f"; {flops / most:.3g} times the compute of its largest run" if flops > most else ""
    doubts = "".join(f"; {doubt}" for doubt in fit.warnings)
    return row(f"own fit, runs of {name}", size, data, runs[0].tokens_per_step, loss, WITHOUT + beyond + doubts)


def row(law: str, size: float, data: float, batch: float, loss: float, note: str) -> tuple:
    """Return one row of the table."""
    return law, size, data, data / size, batch, data / batch, loss, note


def best(law: Mapping[str, float], flops: float) -> tuple[float, float, float]:
    """Return N, D and loss where A N^-alpha + B D^-beta + E is lowest under 6 N D = flops (Hoffmann et al., Eq. 4)."""
    a, b = law["alpha"], law["beta"]
    size = (a * law["A"] / (b * law["B"])) ** (1 / (a + b)) * (flops / 6) ** (b / (a + b))
    data = flops / (6 * size)
    return size, data, law["E"] + law["A"] * size**-a + law["B"] * data**-b
