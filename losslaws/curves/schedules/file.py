import csv
from itertools import islice
from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError


def file(t, steps, warmup, *, path=""):
    """The column `lr` of a CSV file, one row per optimiser step, which a column `step` must say too; extra rows are not used.

    The rates are multiplied by the schedule's peak: with peak=1 and warmup=0 (the defaults of this schedule) they are
    applied as they stand.

    path  the CSV file
    """
    rows = read(path, steps)
    if len(rows) < steps:
        raise InputError(
            f"{path}: has {len(rows)} rows but the run has {steps} steps; add rows or set steps={len(rows)}"
        )
    return numbers(rows, "lr", path)


def length(path: str) -> int:
    """Return the number of rates in the file. Raises InputError where it holds none."""
    return len(read(path))


def read(path: str, most: int | None = None) -> list[dict]:
    """Return the first `most` rows of the file, or all. Raises InputError for what is no table with a column lr."""
    if not Path(path).is_file():
        raise InputError(
            f"schedule 'file': there is no file '{path}'; set schedule.path to a CSV file with a column lr"
        )
    with open(path, newline="", encoding="utf-8", errors="replace") as handle:
        try:
            rows = list(islice(csv.DictReader(handle), most))
        except csv.Error as error:
            raise InputError(f"{path}: is not a CSV table ({error})") from None
    if not rows or "lr" not in rows[0]:
        raise InputError(f"{path}: has no column 'lr'; write one row per step under the header lr")
    if "step" in rows[0]:
        counted = numbers(rows, "step", path)
        if counted[0] not in (0, 1):
            raise InputError(
                f"{path}: column step begins at {counted[0]:g}; write the rates of all steps from 1 on, those before too"
            )
        apart = np.flatnonzero(np.diff(counted) != 1)
        if apart.size:
            a, b = counted[apart[0] : apart[0] + 2]
            raise InputError(
                f"{path}: column step goes from {a:g} to {b:g}, but every row is one optimiser step; write a row for each"
            )
    return rows


def numbers(rows: list[dict], column: str, path: str) -> np.ndarray:
    """Return a column, float64 [n]. Raises InputError for what is no number."""
    try:
        return np.array([float(row[column]) for row in rows])
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: column {column} holds something that is not a number ({error})") from None
