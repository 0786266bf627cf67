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
LEAST, MOST = 1e6, 1e29  # FLOPs that the published laws are asked about
LEAST_R2 = 0.9  # below, a law does not describe the runs it was fitted to
FURTHER = 30.0  # times the compute or size of the largest run; beyond, nothing here was ever tested
REMEDY = "add larger or more runs, or leave RUNS out for the published laws alone"
COLUMNS = ("law", "N", "D", "tokens_per_N", "batch", "steps", "loss", "note")
WITHOUT, WITH = "N without embeddings", "N with embeddings"


def allocate(flops: float, own: Mapping[str, Fit] | None = None) -> pd.DataFrame:
    """Return how each law would spend `flops`, columns COLUMNS; batch in tokens, loss in nats per token of its own text.

    own  adds what these fits of Chinchilla's law say, by the name of their runs; `check_plan` tells whether that is knowledge. Raises InputError for a budget beyond LEAST and MOST.
    """
    if not LEAST <= flops <= MOST:
        raise InputError(f"budget: {flops:g} FLOPs; give a number from {LEAST:g} to {MOST:g}")
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


def check_fit(fit: Fit) -> None:
    """Raise InputError for a law that does not describe the runs it was fitted to."""
    if not fit.r2 >= LEAST_R2:
        raise InputError(
            f"budget: {fit.law.name} explains only {max(fit.r2, 0):.0%} of the variance of these runs' losses, less than {LEAST_R2:.0%}, so it "
            f"tells nothing of other runs; {REMEDY}"
        )


def check_plan(fit: Fit, flops: float) -> None:
    """Raise InputError where what a fit of Chinchilla's law says of `flops` is no knowledge."""
    check_fit(fit)
    sizes = counts(fit.runs, "non_embedding")
    check_reach("FLOPs", flops, float((6 * sizes * tokens(fit.runs)).max()))
    check_reach("parameters", best(fit.params, flops)[0], float(sizes.max()))


def check_reach(what: str, asked: float, largest: float) -> None:
    """Raise InputError for a plan that lies more than FURTHER times beyond the largest run."""
    if asked > FURTHER * largest:
        raise InputError(
            f"budget: {asked:.2g} {what} are {asked / largest:.2g} times those of the largest run, more than {FURTHER:g} times; {REMEDY}"
        )


def row(law: str, size: float, data: float, batch: float, loss: float, note: str) -> tuple:
    """Return one row of the table."""
    return law, size, data, data / size, batch, data / batch, loss, note


def best(law: Mapping[str, float], flops: float) -> tuple[float, float, float]:
    """Return N, D and loss where A N^-alpha + B D^-beta + E is lowest under 6 N D = flops (Hoffmann et al., Eq. 4)."""
    a, b = law["alpha"], law["beta"]
    size = (a * law["A"] / (b * law["B"])) ** (1 / (a + b)) * (flops / 6) ** (b / (a + b))
    data = flops / (6 * size)
    return size, data, law["E"] + law["A"] * size**-a + law["B"] * data**-b
