"""Headline numbers against the expected ones: what `make reproduce` checks at its end.

    headline_numbers(paper) -> {name: Number}
    compare(paper) -> DataFrame             beside results/PROFILE/expected.json, a row for every number
    refuse_drift(paper, table)              raises InputError where a number is off by more than its tolerance
    update(paper) -> Path                   writes the values anew

expected.json holds {"name": {"value": ..., "tolerance": ..., "why": ...}}. Numbers recomputed from points that are stored
have a tight tolerance. Runs that are trained anew are the same runs, seed and all: another processor or a compiler rounds otherwise,
which moves a loss by a few thousandths at most, far less than another seed does. So a law without S2, predictions that are
2 % off, and a run of another seed each break the check. The ratio of compute at equal error is not among the numbers: it
jumps from method to method, so no tolerance says anything about it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import RESULTS
from analysis.papers.paper import Paper
from losslaws.curves import InputError
from losslaws.curves.about import read_json
from losslaws.curves.files import write_text
from losslaws.curves.runs import settled
from losslaws.fitting import mean_error

EXPECTED = "expected.json"
STORED = "recomputed from stored points: nothing but rounding may change it"
SAME = 0.01  # nats by which the final loss of the same run may be off where a processor or a compiler rounds otherwise
POINTS = 0.3  # per cent by which an error of a law may be off for the same reason: SAME over a loss of about 3
ROUNDED = "the same run, rounded otherwise"


@dataclass(frozen=True)
class Number:
    """One headline number, how far it may drift, and why so far."""

    value: float
    tolerance: float
    why: str


def headline_numbers(paper: Paper) -> dict[str, Number]:
    """Return the numbers that sum up a profile, by name; errors are in per cent, losses in nats per token."""
    return {**paper_numbers(paper), **own_numbers(paper)}


def paper_numbers(paper: Paper) -> dict[str, Number]:
    """The fit to the annealing paper's own points, and its errors on the five curves that the paper predicts."""
    fit, unseen = paper.evidence.paper_fit, paper.evidence.unseen
    numbers = {f"paper {name}": Number(fit.params[name], 1e-4, STORED) for name in ("L0", "A", "alpha", "C")}
    numbers["paper R2"] = Number(fit.r2, 1e-5, STORED)
    for name, curve in unseen.items():
        numbers[f"paper error {name}"] = Number(mean_error(fit, [curve]), 1e-3, STORED)
    return numbers


def own_numbers(paper: Paper) -> dict[str, Number]:
    """The profile's fit, its errors on unseen curves, and the measured final losses of every seed of the fitted and unseen runs."""
    experiment = paper.evidence.own
    seen = [settled(experiment.seen(name)) for name in experiment.role("fit")]
    losses = np.concatenate([curve.loss for curve in seen])
    shift = float(SAME**2 / losses.var())
    numbers = {"fit R2": Number(experiment.fit.r2, shift, f"{ROUNDED}, as a share of the variance")}
    numbers["fit error"] = Number(mean_error(experiment.fit, seen), POINTS, ROUNDED)
    kinds = [*experiment.role("fit"), *experiment.role("unseen")]
    for name in experiment.role("unseen"):
        numbers[f"error {name}"] = Number(
            mean_error(experiment.fit, [settled(experiment.asked(name))]), POINTS, ROUNDED
        )
    for name in kinds:
        for run in experiment.runs[name].values():
            numbers[f"final loss {run.name}"] = Number(run.final_loss, SAME, ROUNDED)
    return numbers


def compare(paper: Paper) -> pd.DataFrame:
    """Return expected and found value, tolerance and verdict of every number. Raises InputError for a bad expected.json."""
    found, rows = headline_numbers(paper), []
    for name, expected in read_expected(paper).items():
        value = found[name].value if name in found else np.nan
        held = abs(value - expected.value) <= expected.tolerance
        rows.append((name, expected.value, value, expected.tolerance, "ok" if held else "drifted", expected.why))
    return pd.DataFrame(rows, columns=["number", "expected", "found", "tolerance", "verdict", "why"])


def refuse_drift(paper: Paper, table: pd.DataFrame) -> None:
    """Raise InputError that names the numbers of `table` that drifted."""
    drifted = table[table["verdict"] == "drifted"]
    if len(drifted):
        each = ", ".join(
            f"{r.number} {r.found:.6g} (expected {r.expected:.6g} ± {r.tolerance:.2g})" for r in drifted.itertuples()
        )
        raise InputError(
            f"{expected_file(paper)}: {len(drifted)} of {len(table)} numbers drifted: {each}; "
            f"if that is meant, write them anew with `python -m analysis verify {paper.evidence.own.name} --update`"
        )


def update(paper: Paper) -> Path:
    """Write the values found to expected.json; a tolerance is never one that the file had, which may be wider than today's rule."""
    path = paper.folder / EXPECTED
    content = {
        name: {"value": float(f"{number.value:.6g}"), "tolerance": float(f"{number.tolerance:.2g}"), "why": number.why}
        for name, number in headline_numbers(paper).items()
    }
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path


def expected_file(paper: Paper) -> Path:
    """The expected.json beside the page, or, for runs that were reproduced elsewhere, the committed one of their profile."""
    committed = RESULTS / paper.name / paper.folder.name / EXPECTED
    return path if (path := paper.folder / EXPECTED).exists() or not committed.exists() else committed


def read_expected(paper: Paper) -> dict[str, Number]:
    """Read expected.json. Raises InputError that names the file and the entry."""
    path, numbers = expected_file(paper), {}
    for name, entry in read_json(path).items():
        try:
            numbers[name] = Number(float(entry["value"]), float(entry["tolerance"]), str(entry.get("why", "")))
        except (TypeError, KeyError, ValueError, AttributeError):
            raise InputError(f"{path}: '{name}' must hold the numbers 'value' and 'tolerance'") from None
    return numbers
