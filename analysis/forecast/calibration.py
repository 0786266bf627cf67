"""The two small files that `python -m analysis calibrate` writes and every forecast reads: no public curve is fitted on the way."""

import csv
from functools import cache
from pathlib import Path

import numpy as np

from curves import InputError
from curves.loss_curve import read_json

FOLDER = Path(__file__).parent
PRIOR, INTERVALS = FOLDER / "prior.json", FOLDER / "calibration.csv"
KINDS = {False: "constant", True: "decayed"}  # whether a decay was seen


@cache
def learned() -> dict:
    """Return what all public families say of a run's parameters, see `prior.learn`."""
    return read_json(PRIOR)


@cache
def intervals() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return by kind the upper ends of the bins of the horizon, rising, and how many spreads wide a 90 % interval is, to each side."""
    if not INTERVALS.is_file():
        raise InputError(f"{INTERVALS}: no such file; write it with `python -m analysis calibrate`")
    with open(INTERVALS, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        kind: tuple(
            np.array([float(row[column]) for row in rows if row["seen"] == kind]) for column in ("horizon", "spreads")
        )
        for kind in KINDS.values()
    }


def widening(decayed: bool, horizon: np.ndarray) -> np.ndarray:
    """Return how many spreads wide the interval is at each `horizon`, in units of the seen steps, [n]."""
    ends, spreads = intervals()[KINDS[decayed]]
    return spreads[np.minimum(np.searchsorted(ends, horizon), ends.size - 1)]
