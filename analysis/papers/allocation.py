"""How to spend a budget of compute: model size, tokens, batch and the loss to expect, by several laws.

    allocate(flops, own) -> DataFrame       one row for each law
    own_law(folder) -> {name: Fit}          Chinchilla's law on the runs of a results folder, where they allow one
    best(law, flops) -> (N, D, loss)        optimum of a Chinchilla law under 6 N D = flops

Kaplan's losses are of WebText2 under his vocabulary and Chinchilla's of MassiveText: rows compare in N and D, not in loss.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.experiment import Experiment
from analysis.fitting import Fit
from analysis.laws import counts, tokens
from analysis.papers import kaplan
from analysis.papers.own import Family
from analysis.papers.reconciliation import CHINCHILLA
from curves import InputError

COLUMNS = ("law", "N", "D", "tokens_per_N", "batch", "steps", "loss", "note")
WITHOUT, WITH = "N without embeddings", "N with embeddings"


def own_law(folder: Path | str) -> dict[str, Fit]:
    """Return Chinchilla's law on the final losses in `folder`/curves by the folder's name; empty: too few sizes or lengths."""
    name, family = Path(folder).resolve().name, Family.load(folder)
    if family and family.ends:
        return {name: family.chinchilla}
    fitted = Experiment.load(folder).fitted
    return {name: fitted["chinchilla"]} if "chinchilla" in fitted else {}


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
    runs = fit.problem.curves
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
