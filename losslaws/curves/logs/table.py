"""Table: what a log holds, column by column, before anything is made of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a log in their order.

    columns  float64 [rows] by name; NaN: not logged in that row
    odd      by column, the first entry that is no number, with its row
    notes    what the reader of a forecast should know of the file
    about    what the file knows of the run: "warmup", "schedule" and fields of LossCurve
    """

    columns: dict[str, np.ndarray]
    odd: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    about: dict = field(default_factory=dict)

    def numbers(self, name: str, path: Path) -> np.ndarray:
        """Return column `name`. Raises InputError where it holds something that is no number."""
        if name in self.odd:
            raise InputError(f"{path}: column '{name}' holds {self.odd[name]}, which is not a number; correct the row")
        return self.columns[name]


def collect(records: Iterable[Mapping]) -> Table:
    """Return the table of `records`, one row each; objects within a record become columns "outer/inner"."""
    rows, values, odd, count = {}, {}, {}, 0
    for count, record in enumerate(records, 1):
        for name, value in flat(record):
            if value is None:
                continue
            try:
                number = float(value)
            except (TypeError, ValueError, OverflowError):
                odd.setdefault(name, f"{str(value)[:30]!r} in row {count}")
                continue
            rows.setdefault(name, []).append(count - 1)
            values.setdefault(name, []).append(number)
    columns = {}
    for name in rows:
        columns[name] = np.full(count, np.nan)
        columns[name][rows[name]] = values[name]
    return Table(columns, odd)


def flat(record: Mapping) -> Iterable[tuple[str, object]]:
    """Yield the entries of `record`, those of objects within it as "outer/inner"."""
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}/{inner}", deeper) for inner, deeper in value.items())
        else:
            yield name, value


def series(step: np.ndarray, value: np.ndarray, notes: list[str], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the logged values of one column and their steps, int64 rising; of equal steps the last value counts.

    A log that goes back without repeating a step may be a resume, or a damaged row: that is noted.
    """
    known = ~np.isnan(step) & ~np.isnan(value)
    step, value = step[known].astype(np.int64), value[known]
    if not step.size:
        return step, value
    back = np.flatnonzero(np.diff(step) < 0)
    order = np.argsort(step, kind="stable")
    step, value = step[order], value[order]
    keep = np.append(np.diff(step) > 0, True)
    if back.size:
        notes.append(
            f"column '{name}' goes back {back.size} times, read as resumed runs; {int((~keep).sum())} repeated steps keep the last value"
        )
    return step[keep], value[keep]
