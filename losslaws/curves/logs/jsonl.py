"""JSON lines: one object for every logged step."""

import json
from collections.abc import Iterator
from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.logs.table import Table, collect


def matches(path: Path) -> bool:
    return path.suffix.lower() in (".jsonl", ".ndjson")


def read(path: Path) -> Table:
    """Return the table. Raises InputError for a line that is no object."""
    return collect(records(path))


def records(path: Path) -> Iterator[dict]:
    """Yield the object of every line that is not empty."""
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                record = None
            if not isinstance(record, dict):
                raise InputError(f"{path}: line {number} is not a JSON object; correct or remove it")
            yield record
