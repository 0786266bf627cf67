"""The two small files that `python -m analysis calibrate` writes and every forecast reads: no public curve is fitted on the way."""

import csv
from functools import cache
from pathlib import Path

from losslaws.curves import InputError
from losslaws.curves.about import read_json

FOLDER = Path(__file__).parent
PRIOR, INTERVALS = FOLDER / "prior.json", FOLDER / "calibration.csv"
UNRELATED = 2.0  # times as wide where no public run with the same optimiser taught the priors
# and where none was of a model of about that size: the least multiple of a half with which nine tenths of the registered forecasts of
# our own small models, asked again once their outcomes were known, lie within (`python -m analysis ledger`)
STRANGE = 3.5


@cache
def learned() -> dict:
    """Return what all public models say of a run's parameters, see `prior.learn`."""
    return read_json(PRIOR)


@cache
def spreads() -> dict[str, float]:
    """Return how many spreads wide a 90 % interval is, to each side, by the stage of what was seen."""
    if not INTERVALS.is_file():
        raise InputError(f"{INTERVALS}: no such file; write it with `python -m analysis calibrate`")
    with open(INTERVALS, encoding="utf-8") as file:
        return {row["stage"]: float(row["spreads"]) for row in csv.DictReader(file)}


def widening(stage: str, apart: float = 1.0) -> float:
    """Return how many spreads wide a 90 % interval is, to each side.

    stage  of Fitted, for a loss: "early", "decayed" or "ladder"; "difference": between two schedules
    apart  times as wide as where public runs with the same optimiser, of models of about that size, taught the priors
    """
    return spreads()[stage] * apart
