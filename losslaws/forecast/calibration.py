"""The two small files that `python -m analysis calibrate` writes and every forecast reads: no public curve is fitted on the way."""

import csv
from functools import cache
from pathlib import Path

from losslaws.curves import InputError
from losslaws.curves.loss_curve import read_json

FOLDER = Path(__file__).parent
PRIOR, INTERVALS = FOLDER / "prior.json", FOLDER / "calibration.csv"
KINDS = {False: "constant", True: "decayed"}  # whether a decay was seen


@cache
def learned() -> dict:
    """Return what all public families say of a run's parameters, see `prior.learn`."""
    return read_json(PRIOR)


@cache
def widening(decayed: bool) -> float:
    """Return the half-width of a 90 % interval in standard deviations of the forecast, if a decay was seen or not."""
    if not INTERVALS.is_file():
        raise InputError(f"{INTERVALS}: no such file; write it with `python -m analysis calibrate`")
    with open(INTERVALS, encoding="utf-8") as file:
        return next(float(row["spreads"]) for row in csv.DictReader(file) if row["seen"] == KINDS[decayed])
