"""Headline numbers against the expected ones: what `make reproduce` checks at its end.

    headline_numbers(paper) -> {name: Number}
    compare(paper) -> DataFrame             beside results/PROFILE/expected.json, a row for every number
    refuse_drift(paper, table)              raises InputError where a number is off by more than its tolerance
    update(paper) -> Path                   writes the values anew, keeping the tolerances that the file has

expected.json holds {"name": {"value": ..., "tolerance": ..., "why": ...}}. Numbers recomputed from points that are stored
have a tight tolerance. Numbers of runs that are trained anew may differ by what another seed changes, since other processors
round otherwise: their tolerance is a multiple of the seed noise. The ratio of compute at equal error is not among them: it
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
SEEDS = 3  # how many times the seed noise a number of new runs may be off
STORED = "recomputed from stored points: nothing but rounding may change it"
UNKNOWN_NOISE = 0.005  # relative; where no cell was run twice


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
    """The profile's fit, its errors on unseen curves, and the measured final losses of the fitted and unseen runs."""
    experiment = paper.evidence.own
    noise = experiment.noise.relative if experiment.noise else UNKNOWN_NOISE
    of = f"{SEEDS} times the seed noise of {100 * noise:.3f} %"
    seen = [settled(curve) for curve in experiment.role("fit").values()]
    losses = np.concatenate([curve.loss for curve in seen])
    shift = float((SEEDS * noise * losses.mean()) ** 2 / losses.var())
    numbers = {"fit R2": Number(experiment.fit.r2, shift, f"{of}, as a share of the variance")}
    numbers["fit error"] = Number(mean_error(experiment.fit, seen), 100 * SEEDS * noise, of)
    for name, curve in experiment.role("unseen").items():
        numbers[f"error {name}"] = Number(mean_error(experiment.fit, [settled(curve)]), 100 * SEEDS * noise, of)
    for curve in (*seen, *experiment.role("unseen").values()):
        numbers[f"final loss {curve.name}"] = Number(curve.final_loss, SEEDS * noise * curve.final_loss, of)
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
    """Write the values found to expected.json, with the tolerances that it has or, for new numbers, the usual ones."""
    path = paper.folder / EXPECTED
    kept = read_expected(paper) if expected_file(paper).exists() else {}
    content = {}
    for name, number in headline_numbers(paper).items():
        limit = kept.get(name, number)
        content[name] = {
            "value": float(f"{number.value:.6g}"),
            "tolerance": float(f"{limit.tolerance:.2g}"),
            "why": limit.why,
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
