"""Files or folders of a user's own: txt, md, jsonl, jsonl.zst, parquet."""

import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b, sha256
from pathlib import Path
from typing import NamedTuple

from losslaws.curves.errors import InputError, nearest

LONGEST = 8_192  # characters; a longer txt or md file is cut at line ends, else a book would be all training or all validation


def documents(*, paths: str | list[str] | None = None, text: str = "text") -> Iterator[str]:
    """Every document: one a txt or md file (several if it is long), one a line of jsonl, one a row of parquet.

    paths  a file, a folder that is searched for files of the known kinds, or a list of those
    text   the field or column that holds the text

    Files come in the order of a hash of their names, the documents of a file as they lie there. Raises InputError for
    a missing or undecodable file and for a line without the field.
    """
    for _, file in _files(paths):
        yield from _read(Stretch(file), text)


class Stretch(NamedTuple):
    """A file, or of a jsonl file the lines that begin at bytes start to stop - 1, of a parquet file these row groups."""

    file: Path
    start: int = 0
    stop: int | None = None
    bytes: int = 0


def pieces(*, paths: str | list[str] | None = None, text: str = "text", size: int) -> list[Callable[[], Iterator[str]]]:
    """`documents` in pieces of about `size` bytes, one after the other: small files together, large jsonl and parquet files divided."""
    found, group = [], []
    for _, file in _files(paths):
        for stretch in _stretches(file, size):
            group.append(stretch)
            if sum(one.bytes for one in group) >= size:
                found.append(group)
                group = []
    return [partial(_piece, group, text) for group in [*found, *([group] if group else [])]]


def _piece(group: list[Stretch], text: str) -> Iterator[str]:
    for stretch in group:
        yield from _read(stretch, text)


def _read(stretch: Stretch, text: str) -> Iterator[str]:
    try:
        yield from READERS[_kind(stretch.file)](stretch, text)
    except UnicodeDecodeError:
        raise InputError(f"{stretch.file}: is not UTF-8; convert it first, e.g. with iconv") from None
    except OSError as error:
        raise InputError(f"{stretch.file}: cannot be read ({str(error.strerror or error).strip()})") from None


def _stretches(file: Path, size: int) -> list[Stretch]:
    """A file in stretches of about `size` bytes, where its kind can be divided."""
    length = file.stat().st_size
    if length <= size or _kind(file) not in (".jsonl", ".parquet"):
        return [Stretch(file, bytes=length)]
    if _kind(file) == ".jsonl":
        return [Stretch(file, start, start + size, min(size, length - start)) for start in range(0, length, size)]
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        groups = pq.ParquetFile(file).metadata.num_row_groups
    except (pa.ArrowInvalid, OSError):  # whoever reads it says so
        return [Stretch(file, bytes=length)]
    step = max(groups * size // length, 1)
    return [
        Stretch(file, start, min(start + step, groups), length * step // groups) for start in range(0, groups, step)
    ]


def describe(*, paths: str | list[str] | None = None, text: str = "text") -> dict:
    """The files by name, size and time of change, as one hash, and the field."""
    files = _files(paths)
    stamps = [[name, file.stat().st_size, file.stat().st_mtime_ns] for name, file in files]
    return {
        "name": f"local-{Path(_list(paths)[0]).resolve().name}",
        "files": len(files),
        "bytes": sum(size for _, size, _ in stamps),
        "stamp": sha256(json.dumps(stamps).encode()).hexdigest(),
        "text": text,
    }


def _list(paths) -> list[str]:
    if not paths:
        raise InputError("data.paths is not set; name a file, a folder or a list of them, e.g. data.paths=texts")
    paths = [paths] if isinstance(paths, str | Path) else paths
    if not isinstance(paths, list | tuple) or not all(isinstance(path, str | Path) for path in paths):
        raise InputError(f"data.paths is {ascii(paths)[:60]}; it must be a name or a list of names")
    return list(paths)


def _files(paths) -> list[tuple[str, Path]]:
    """Name below its root and path of every file, in the order in which they are read."""
    found = {}
    for root in map(Path, _list(paths)):
        if not root.is_file() and not root.is_dir():  # a pipe would be waited for
            raise InputError(f"data.paths: {root} {'is no file' if root.exists() else 'does not exist'}")
        inside = sorted(file for file in root.rglob("*") if file.is_file()) if root.is_dir() else [root]
        known = [file for file in inside if _kind(file)]
        if not known:
            raise InputError(f"data.paths: {root} holds no text of a known kind ({', '.join(READERS)})")
        found |= {file: file.relative_to(root).as_posix() if root.is_dir() else file.name for file in known}
    return sorted(
        ((name, file) for file, name in found.items()), key=lambda item: (blake2b(item[0].encode()).digest(), item[1])
    )


def _kind(file: Path) -> str | None:
    return next((kind for kind in READERS if file.name.lower().endswith(kind)), None)


def _plain(stretch, _field):
    lines, size = [], 0
    with open(stretch.file, encoding="utf-8") as opened:
        for line in opened:
            if size and size + len(line) > LONGEST:
                yield "".join(lines)
                lines, size = [], 0
            lines.append(line)
            size += len(line)
    yield "".join(lines)


def _jsonl(stretch, field):
    with open(stretch.file, "rb") as file:
        lines = io.TextIOWrapper(file, encoding="utf-8") if stretch.stop is None else _between(file, stretch)
        yield from _rows(stretch, field, lines)


def _between(file, stretch):
    """The lines that begin within a stretch."""
    if stretch.start:  # of a line that begins before it, the rest is not its
        file.seek(stretch.start - 1)
        file.readline()
    while file.tell() < stretch.stop and (line := file.readline()):
        yield line.decode()


def _jsonl_zst(stretch, field):
    import pyarrow as pa

    with pa.input_stream(
        str(stretch.file), compression="zstd"
    ) as packed:  # unlike zstandard's reader it notices a file cut short
        yield from _rows(stretch, field, io.TextIOWrapper(packed, encoding="utf-8"))


def _line(stretch, number):
    """The number in its file of a line of a stretch."""
    with open(stretch.file, "rb") as file:
        file.seek(max(stretch.start - 1, 0))
        begin = file.tell() + (len(file.readline()) if stretch.start else 0)
        file.seek(0)
        before = sum(file.read(min(2**20, begin - at)).count(b"\n") for at in range(0, begin, 2**20))
    return before + number


def _rows(stretch, field, lines):
    file = stretch.file
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of thousands of digits
            raise InputError(f"{file}: line {_line(stretch, number)} is not valid JSON ({error})") from None
        if not isinstance(row, dict) or not isinstance(row.get(field), str | None):
            raise InputError(
                f"{file}: line {_line(stretch, number)} holds no text in the field '{field}'; name the field with data.text"
            )
        if field not in row:
            raise InputError(
                f"{file}: line {_line(stretch, number)} has no field '{field}'{nearest(field, row)}; name the field with data.text"
            )
        yield row[field] or ""


def _parquet(stretch, field):
    file = stretch.file
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        if field not in table.schema_arrow.names:
            known = table.schema_arrow.names
            raise InputError(f"{file}: has no column '{field}'{nearest(field, known)}; name the column with data.text")
        kind = table.schema_arrow.field(field).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
            raise InputError(f"{file}: column '{field}' holds {kind}, not text; name the column with data.text")
        groups = None if stretch.stop is None else [*range(stretch.start, stretch.stop)]
        for batch in table.iter_batches(batch_size=1024, columns=[field], row_groups=groups):
            yield from (value or "" for value in batch.column(0).to_pylist())
    except pa.ArrowInvalid as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{file}: is not a parquet file ({reason})") from None


READERS = {".txt": _plain, ".md": _plain, ".jsonl": _jsonl, ".jsonl.zst": _jsonl_zst, ".parquet": _parquet}
