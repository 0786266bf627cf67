"""JSON: lines of one object each under any ending, an array of objects, `trainer_state.json`, columns as lists, also packed into
an outer object."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.logs.source import ROWS, Source
from losslaws.curves.logs.table import Builder, Table

WHOLE = 64 * 2**20  # bytes of a file that is one value; as objects it takes ten times as much memory
ENDINGS = (".json", ".jsonl", ".ndjson")


def matches(source: Source) -> bool:
    if source.is_dir:
        return False
    start = source.begins.lstrip()
    return source.suffix in ENDINGS or start.startswith(('{"', "[{", "{\n", "[\n", "{}")) or lines_of_objects(source)


def lines_of_objects(source: Source) -> bool:
    """Whether the first line that is not empty is an object."""
    return isinstance(parsed(source.begins.lstrip().partition("\n")[0]), dict)


def read(source: Source) -> Table:
    """Return the table. Raises InputError for what is no JSON, and for a line within that is no object."""
    if lines_of_objects(source) and "\n" in source.begins.strip():
        return lines(source)
    if source.suffix in (".jsonl", ".ndjson"):
        return lines(source)
    return whole(source)


def parsed(text: str):
    """Return the value of `text`; None for what is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def lines(source: Source) -> Table:
    """Return the table of a file with an object on every line."""
    builder, number, broken = Builder(source.path), 0, []
    for some, unended in source.lines():
        numbered = [(at, line) for at, line in enumerate(some, number + 1) if line and not line.isspace()]
        number += len(some)
        if not numbered:
            continue
        records = parsed(f"[{','.join(line for _, line in numbered)}]")
        if not isinstance(records, list) or len(records) != len(numbered) or set(map(type, records)) != {dict}:
            records = [record(source.path, *one, broken, unended) for one in numbered]
            records = [one for one in records if one is not None]
        builder.records(records)
    if len(broken) > 1 or (broken and broken[0] < number):
        raise InputError(f"{source.path}: line {broken[0]} is not a JSON object; correct or remove it")
    if broken:
        source.notes.append("the file ends within a line, which is left out; the run may still be writing")
    return builder.table()


def record(path: Path, number: int, line: str, broken: list[int], unended: bool) -> dict | None:
    """Return the object of a line, or None and its number in `broken`. Raises InputError for the second such line."""
    found = parsed(line)
    if isinstance(found, dict):
        return found
    broken.append(number)
    if len(broken) > 1:
        raise InputError(f"{path}: line {broken[0]} is not a JSON object; correct or remove it")
    return None


def whole(source: Source) -> Table:
    """Return the table of a file that is one value."""
    content = source.utf8()
    if len(content) > WHOLE:
        raise InputError(f"{source.path}: has more than {WHOLE // 2**20} MiB in one value; write an object a line")
    try:
        value = json.loads(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        said = str(error)[:120] if isinstance(error, ValueError) else "nested too deeply"
        raise InputError(f"{source.path}: is not valid JSON ({said}); copy the file anew") from None
    builder = Builder(source.path)
    rows = largest(value, list_of_objects)
    if rows:
        # the summary at the end of a Trainer's history repeats a step
        builder.records([row for row in rows if "train_runtime" not in row])
        return builder.table()
    columns = largest(value, as_columns)
    if not columns:
        raise InputError(
            f"{source.path}: has no rows, as an array of objects, in 'log_history' of a trainer_state.json, or as lists by column"
        )
    last = [int(rows[-1]) for rows, _ in columns.values()]
    if min(last) < max(last):
        raise InputError(
            f"{source.path}: has columns of {min(last) + 1} and of {max(last) + 1} entries; write null where there is none"
        )
    builder.rows = last[0] + 1
    if builder.rows > ROWS:
        raise InputError(f"{source.path}: has more than {ROWS:,} rows; keep every tenth")
    for name, (rows, column) in columns.items():
        builder.entries(name, rows, column)
    return builder.table()


def list_of_objects(value) -> list[dict] | None:
    """Return the value if it is a list of objects."""
    return value if isinstance(value, list) and value and set(map(type, value)) == {dict} else None


def as_columns(value) -> dict[str, tuple[np.ndarray, list]] | None:
    """Return rows and entries of each list of an object, as of Keras; in an object that pandas wrote, names are the rows."""
    if not isinstance(value, dict):
        return None
    found = {}
    for name, column in value.items():
        rows = range(len(column)) if isinstance(column, list) else ()
        if isinstance(column, dict) and all(key.isdecimal() and len(key) < 10 for key in column):
            rows, column = map(int, column), list(column.values())
        rows = np.array(list(rows))
        if rows.size > 1 and np.all(np.diff(rows) > 0) and not isinstance(column[0], dict | list):
            found[name] = rows, column
    return found if len(found) > 1 else None


def largest(value, form, depth: int = 0):
    """Return the part of `value` with the most entries that `form` takes, at most four levels down."""
    found = form(value)
    if found or depth == 4 or not isinstance(value, Mapping):
        return found
    within = [part for one in value.values() if (part := largest(one, form, depth + 1))]
    return max(within, key=size, default=None)


def size(part) -> int:
    """Return the rows of what `list_of_objects` or `as_columns` found."""
    return len(part) if isinstance(part, list) else max(rows.size for rows, _ in part.values())
