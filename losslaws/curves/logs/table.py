"""Table: what a log holds, column by column, before anything is made of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError, printable
from losslaws.curves.logs.names import counts
from losslaws.curves.logs.source import COLUMNS, DEPTH, ROWS

LIST = 32  # entries of a list that become columns, as the rates of parameter groups; a longer one is left out
WORDS = 1_000  # different texts of a column that are kept
TOTAL = re.compile(r"\s*(\d+)\s*/\s*\d+\s*")  # "10/4000", as of "global_step/max_steps"
MISSING = frozenset(
    ["", "null", "none", "na", "n/a", "-", "--", "#n/a", "<na>", "no log"]
)  # of a text, in small letters


@dataclass(frozen=True, eq=False)
class Column:
    """The numbers of a column: rows in which there is one, int64 [n] rising, and what it is, float64 [n]; NaN: logged as NaN."""

    row: np.ndarray
    value: np.ndarray

    def dense(self, rows: int) -> np.ndarray:
        """Return a value for every row, NaN where there is none."""
        every = np.full(rows, np.nan)
        every[self.row] = self.value
        return every


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a log in their order.

    columns  numbers, by name
    rows     how many there are
    odd      by column, the first entry that is no number, with its row
    words    by column, the text that stands in a row; of columns with few different texts
    labels   by column of numbers that stand for texts, these texts
    about    what the file knows of the run: "warmup", "schedule" and fields of LossCurve
    chart    whether it is an exported chart of W&B, whose "Step" counts calls of log
    """

    columns: dict[str, Column]
    rows: int
    odd: dict[str, str] = field(default_factory=dict)
    words: dict[str, dict[int, str]] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)
    about: dict = field(default_factory=dict)
    chart: bool = False

    def numbers(self, name: str, path: Path) -> Column:
        """Return column `name`. Raises InputError where it holds something that is no number."""
        if name in self.odd:
            raise InputError(f"{path}: column '{name}' holds {self.odd[name]}, which is not a number; correct the row")
        return self.columns[name]


class Builder:
    """Makes a Table of pieces: `records`, or parts of columns."""

    def __init__(self, path: Path):
        self.path, self.rows = path, 0
        self.pieces: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        self.odd, self.words, self.labels = {}, {}, {}

    def records(self, records: Sequence[Mapping]) -> None:
        """Add one row for each record; objects within a record become columns "outer/inner", lists "name/0", "name/1"."""
        first, self.rows = self.rows, self.rows + len(records)
        if self.rows > ROWS:
            raise InputError(f"{self.path}: has more than {ROWS:,} rows; keep every tenth")
        self._gather("", range(first, self.rows), records, 0)

    def _gather(self, prefix: str, rows: Iterable[int], records: Iterable[Mapping], depth: int) -> None:
        alike = {}  # records with the same names, which are most, become columns at once
        for row, record in zip(rows, records, strict=True):
            found = alike.get(key := tuple(record))
            if found is None:
                found = alike[key] = ([], [])
            found[0].append(row)
            found[1].append(record.values())
        for names, (at, values) in alike.items():
            at = np.array(at)
            for name, column in zip(names, zip(*values, strict=True), strict=True):
                self.entries(f"{prefix}{name}", at, column, depth)

    def entries(self, name: str, rows: np.ndarray, values: Sequence, depth: int = 0) -> None:
        """Add the entries of a column, of any kind, in the given rows."""
        kinds = set(map(type, values))
        if kinds <= {int, float}:
            try:
                return self.numbers(name, rows, np.array(values, float))
            except OverflowError:
                pass
        if kinds == {dict}:
            return self._gather(f"{name}/", rows, values, depth + 1) if depth < DEPTH else None
        if kinds & {dict, list, tuple}:
            within = [(row, value) for row, value in zip(rows, values, strict=True) if isinstance(value, dict)]
            lists = [(row, value) for row, value in zip(rows, values, strict=True) if isinstance(value, list | tuple)]
            listed = [(row, dict(enumerate(value))) for row, value in lists if len(value) <= LIST]
            if depth < DEPTH and (within or listed):
                self._gather(f"{name}/", *zip(*within, *listed, strict=True), depth + 1)
            plain = [(r, v) for r, v in zip(rows, values, strict=True) if not isinstance(v, dict | list | tuple)]
            rows, values = zip(*plain, strict=True) if plain else ((), ())
        at, numbers = [], []
        for row, value in zip(rows, values, strict=True):
            if value is None:
                continue
            try:
                number = float(value)
            except (TypeError, ValueError, OverflowError):
                if counts(count := name.partition("/")[0]) and (of_total := TOTAL.fullmatch(str(value)[:40])):
                    self.numbers(count, np.array([row]), np.array([float(of_total[1])]))
                else:
                    self.text(name, int(row), str(value)[:200])
                continue
            at.append(row)
            numbers.append(number)
        if at:
            self.numbers(name, np.array(at), np.array(numbers))

    def text(self, name: str, row: int, text: str) -> None:
        """Add an entry that is no number."""
        if text.strip().lower() in MISSING:
            return
        self.odd.setdefault(name, f"{text[:30]!r} in row {row + 1}")
        kept = self.words.setdefault(name, {})
        if len(self.words) <= COLUMNS:
            known = self.words.setdefault(f"\0{name}", {})  # the different texts
            if text in known or len(known) < WORDS:
                kept[row] = known.setdefault(text, text)

    def numbers(self, name: str, rows: np.ndarray, values: np.ndarray) -> None:
        """Add numbers of a column."""
        self.pieces.setdefault(name, []).append((rows, values))
        if len(self.pieces) > COLUMNS:
            raise InputError(f"{self.path}: has more than {COLUMNS:,} columns; keep step, rate and losses")

    def table(self, about: Mapping = {}, chart: bool = False) -> Table:
        """Return what was added. Names hold no character that a terminal would obey."""
        columns = {}
        for name, pieces in self.pieces.items():
            row, value = (np.concatenate(part) for part in zip(*pieces, strict=True))
            if np.any(np.diff(row) < 0):
                order = np.argsort(row, kind="stable")
                row, value = row[order], value[order]
            columns[printable(name)] = Column(row, value)
        words = {printable(name): kept for name, kept in self.words.items() if not name.startswith("\0")}
        odd = {printable(name): entry for name, entry in self.odd.items()}
        return Table(columns, self.rows, odd, words, dict(self.labels), dict(about), chart)


def collect(path: Path, records: Iterable[Mapping]) -> Table:
    """Return the table of `records`, one row each."""
    builder, batch = Builder(path), []
    for record in records:
        batch.append(record)
        if len(batch) == 10_000:
            builder.records(batch)
            batch = []
    builder.records(batch)
    return builder.table()
