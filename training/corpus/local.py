"""Files or folders of a user's own: txt, md, jsonl, jsonl.zst, parquet."""

import io
import json
from collections.abc import Iterator
from hashlib import blake2b, sha256
from pathlib import Path

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
        try:
            yield from READERS[_kind(file)](file, text)
        except UnicodeDecodeError:
            raise InputError(f"{file}: is not UTF-8; convert it first, e.g. with iconv") from None
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error.strerror or error})") from None


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
    return [paths] if isinstance(paths, str | Path) else list(paths)


def _files(paths) -> list[tuple[str, Path]]:
    """Name below its root and path of every file, in the order in which they are read."""
    found = {}
    for root in map(Path, _list(paths)):
        if not root.exists():
            raise InputError(f"data.paths: {root} does not exist")
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


def _plain(file, _field):
    lines, size = [], 0
    with open(file, encoding="utf-8") as opened:
        for line in opened:
            if size and size + len(line) > LONGEST:
                yield "".join(lines)
                lines, size = [], 0
            lines.append(line)
            size += len(line)
    yield "".join(lines)


def _jsonl(file, field):
    with open(file, encoding="utf-8") as lines:
        yield from _rows(file, field, lines)


def _jsonl_zst(file, field):
    import pyarrow as pa

    with pa.input_stream(
        str(file), compression="zstd"
    ) as packed:  # unlike zstandard's reader it notices a file cut short
        yield from _rows(file, field, io.TextIOWrapper(packed, encoding="utf-8"))


def _rows(file, field, lines):
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{file}: line {number} is not valid JSON ({error})") from None
        if not isinstance(row, dict) or not isinstance(row.get(field), str | None):
            raise InputError(
                f"{file}: line {number} holds no text in the field '{field}'; name the field with data.text"
            )
        if field not in row:
            raise InputError(
                f"{file}: line {number} has no field '{field}'{nearest(field, row)}; name the field with data.text"
            )
        yield row[field] or ""


def _parquet(file, field):
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
        for batch in table.iter_batches(batch_size=1024, columns=[field]):
            yield from (value or "" for value in batch.column(0).to_pylist())
    except pa.ArrowInvalid as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{file}: is not a parquet file ({reason})") from None


READERS = {".txt": _plain, ".md": _plain, ".jsonl": _jsonl, ".jsonl.zst": _jsonl_zst, ".parquet": _parquet}
