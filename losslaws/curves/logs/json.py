"""JSON: lines of one object each under any ending, an array of objects, also one without an end, `trainer_state.json`, columns as lists,
pairs or objects by step, also packed into an outer object; TensorBoard's exports."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.logs import names
from losslaws.curves.logs.source import ANSI, ROWS, Source
from losslaws.curves.logs.table import Builder, Table

WHOLE = 64 * 2**20  # bytes of a file that is one value; as objects it takes ten times as much memory
ENDINGS = (".json", ".jsonl", ".ndjson")
CUT_OFF = "the file ends within a line, which is left out; the run may still be writing"


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
    others, broken = [at for at in broken if at < 0], [at for at in broken if at > 0]
    if len(broken) > 1 or (broken and broken[0] < number):
        raise InputError(f"{source.path}: line {broken[0]} is not a JSON object; correct or remove it")
    if broken:
        source.notes.append(CUT_OFF)
    if others and not builder.pieces:
        raise InputError(f"{source.path}: line {-others[0]} is not a JSON object; correct or remove it")
    if others:
        source.notes.append(f"{len(others)} lines are no JSON objects and are left out")
    return builder.table()


def record(path: Path, number: int, line: str, broken: list[int], unended: bool) -> dict | None:
    """Return the object of a line, or None and its number in `broken`, negative for a line that does not even begin like an object.

    Raises InputError for the second damaged one.
    """
    text = ANSI.sub("", line).strip()
    found = parsed(text.rstrip(","))
    if isinstance(found, dict):
        return found
    damaged = text.startswith("{") or text.rstrip(",").endswith("}")
    broken.append(number if damaged or unended else -number)
    if sum(at > 0 for at in broken) > 1:
        raise InputError(
            f"{path}: line {next(at for at in broken if at > 0)} is not a JSON object; correct or remove it"
        )
    return None


def whole(source: Source) -> Table:
    """Return the table of a file that is one value."""
    content = source.utf8()
    if len(content) > WHOLE:
        raise InputError(f"{source.path}: has more than {WHOLE // 2**20} MiB in one value; write an object a line")
    text = content.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        if value := objects(text):
            builder = Builder(source.path)
            builder.records(value)
            if text.rstrip()[-1:] != "}" or text.lstrip().startswith("["):
                source.notes.append(CUT_OFF)
            return builder.table()
        said = str(error)[:120] if isinstance(error, ValueError) else "nested too deeply"
        raise InputError(f"{source.path}: is not valid JSON ({said}); copy the file anew") from None
    builder = Builder(source.path)
    rows = largest(value, list_of_objects) or exported(value, source.path) or by_step(value)
    if rows:
        # the summary at the end of a Trainer's history repeats a step
        builder.records([row for row in rows if "train_runtime" not in row])
        return builder.table()
    blocks = blocks_of(value, source)
    for block in blocks:
        first, keys = builder.rows, block.pop("", None)
        length = max(len(column) for column in block.values())
        builder.rows += length
        if builder.rows > ROWS:
            raise InputError(f"{source.path}: has more than {ROWS:,} rows; keep every tenth")
        rows = np.arange(first, first + length)
        for name, column in block.items():
            builder.entries(name, rows, column)
        if keys is not None and not any(map(names.counts, block)):
            builder.numbers("step", rows, keys)
    return builder.table()


def blocks_of(value, source: Source) -> list[dict]:
    """Return the columns of an object of lists, as of Keras, by name, those of one length in one object; under "" the steps of their rows, if known.

    Lists that hold no loss are left out where others do. Raises InputError where columns have several lengths and no steps.
    """
    blocks: dict[tuple, dict] = {}
    for name, keys, column in columns_in(value):
        known = keys is not None and not np.array_equal(keys, np.arange(len(keys)))
        block = blocks.setdefault(
            (len(column), keys.tobytes() if known else b""), {"": keys.astype(float)} if known else {}
        )
        block[name] = column
    kept = [block for block in blocks.values() if any(name in source.named or names.is_loss(name) for name in block)]
    kept = kept or sorted(blocks.values(), key=size)[-1:]
    if not kept or max(map(len, kept)) < 2:
        raise InputError(
            f"{source.path}: has no rows, as an array of objects, in 'log_history' of a trainer_state.json, or as lists by column"
        )
    lengths = sorted({size(block) for block in kept})
    if len(lengths) > 1 and not all("" in block or any(map(names.counts, block)) for block in kept):
        raise InputError(
            f"{source.path}: has columns of {lengths[0]} and of {lengths[-1]} entries; write null where there is none"
        )
    outer = {name.rpartition("/")[0] for block in kept for name in block if name}
    begin = len(outer.pop()) + 1 if len(outer) == 1 and outer != {""} else 0
    return [{name[begin:]: column for name, column in block.items()} for block in kept]


def size(block: dict) -> int:
    return len(next(column for name, column in block.items() if name))


def columns_in(value, name: str = "", depth: int = 0) -> Iterator[tuple[str, np.ndarray | None, list]]:
    """Yield name, steps (None: not known) and entries of lists, of [step, entry] pairs and of objects by step, at most four levels down."""
    if isinstance(value, list) and len(value) > 1 and not isinstance(value[0], dict | list):
        yield name, None, value
    elif isinstance(value, list) and len(value) > 1 and all(isinstance(one, list) and len(one) == 2 for one in value):
        steps = [step for step, _ in value]
        if set(map(type, steps)) <= {int, float}:
            yield name, np.array(steps, float), [entry for _, entry in value]
    elif isinstance(value, dict) and len(value) > 1 and all(map(is_step, value)):
        if not any(isinstance(entry, dict | list) for entry in value.values()):
            yield name, np.array(list(map(int, value))), list(value.values())
    elif isinstance(value, dict) and depth < 4:
        for key, within in value.items():
            yield from columns_in(within, f"{name}/{key}" if name else key, depth + 1)


def objects(text: str) -> list[dict]:
    """Return the whole objects of text that holds one after another, or an array that has no end."""
    decoder, found, at = json.JSONDecoder(), [], re.compile(r"[\s,]*")
    place = at.match(text, 1 if text.lstrip().startswith("[") and (text := text.lstrip()) else 0).end()
    while text.startswith("{", place):
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            break
        found.append(value)
        place = at.match(text, place).end()
    return found if len(found) > 1 else []


def exported(value, path: Path) -> list[dict] | None:
    """Return the rows of one tag of TensorBoard, [[wall time, step, value], ...], under the name of the tag, which is the file's."""
    if not isinstance(value, list) or not value or not all(isinstance(one, list) and len(one) == 3 for one in value):
        return None
    tag = path.stem.rpartition("tag-")[2]
    return [{"step": step, tag: number} for _, step, number in value]


def by_step(value) -> list[dict] | None:
    """Return the rows of {"10": {"loss": ...}, ...}, an object for each step."""
    if not isinstance(value, dict) or len(value) < 2 or not all(is_step(key) for key in value):
        return None
    return [{"step": key, **row} for key, row in value.items()] if set(map(type, value.values())) == {dict} else None


def is_step(key: str) -> bool:
    return key.isdecimal() and len(key) < 10


def list_of_objects(value) -> list[dict] | None:
    """Return the value if it is a list of objects."""
    return value if isinstance(value, list) and value and set(map(type, value)) == {dict} else None


def largest(value, form, depth: int = 0):
    """Return the longest part of `value` that `form` takes, at most four levels down."""
    found = form(value)
    if found or depth == 4 or not isinstance(value, Mapping):
        return found
    within = [part for one in value.values() if (part := largest(one, form, depth + 1))]
    return max(within, key=len, default=None)
