"""Text logs in the way of nanoGPT, one measurement a line:

    step 2000: train loss 3.1234, val loss 3.2345
    iter 2010: loss 3.2011, time 123.45ms, mfu 37.10%

also with `lr 6.0e-4`, with `=` or `:` before the number, and with other words around. The rate is mostly not there: give the schedule.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.logs.table import Table, collect

NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf)"
COUNT = re.compile(rf"\b(?:global[_ ]step|step|iter(?:ation)?)\b[\s:=#]*{NUMBER}(?![\w.])", re.IGNORECASE)
FIELDS = {
    "lr": re.compile(rf"\b(?:lr|learning[_ ]rate)\b[\s:=]*{NUMBER}(?![\w.])", re.IGNORECASE),
    "val_loss": re.compile(rf"\b(?:val(?:id|idation)?|eval)[_ /]loss\b[\s:=]*{NUMBER}(?![\w.])", re.IGNORECASE),
    "loss": re.compile(
        rf"(?<!val )(?<!val_)(?<!valid )(?<!eval )(?<!eval_)(?<!valid_)(?<!train )\bloss\b[\s:=]*{NUMBER}(?![\w.])",
        re.IGNORECASE,
    ),
}


def matches(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in (".log", ".txt", ".out", "")


def read(path: Path) -> Table:
    """Return what the lines say. Raises InputError for a file in which no line has a step and a loss."""
    table = collect(rows(path))
    if not table.columns:
        raise InputError(f"{path}: no line names a step and a loss, like 'step 200: train loss 3.1, val loss 3.2'")
    return table


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield {"step": ..., "val_loss": ...} for every line that has a step and something of FIELDS."""
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            count = COUNT.search(line)
            found = {name: field.search(line) for name, field in FIELDS.items()} if count else {}
            row = {name: match[1] for name, match in found.items() if match}
            if row:
                yield {"step": count[1], **row}
