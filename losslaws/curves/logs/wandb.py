"""W&B's offline files, `run-ID.wandb`, also the folder of a run: the whole history, never a sample.

The file is a log in LevelDB's format behind 7 bytes of its own: blocks of 32 KiB, in them pieces of records, each with a
checksum (4 bytes), a length (2) and a kind (1). A record is a protocol buffer of the package wandb, which is optional here.
"""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.logs.folders import several
from losslaws.curves.logs.source import Source
from losslaws.curves.logs.table import Table, collect

HEAD, BLOCK, PIECE = 7, 32768, 7
MARK = b":W&B"
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def matches(source: Source) -> bool:
    return source.start.startswith(MARK) or bool(run_files(source.path))


def run_files(path: Path) -> list[Path]:
    """Return the .wandb files that `path` is or holds, in folders of runs too."""
    if path.is_file():
        return [path] if path.suffix == ".wandb" else []
    folders = [path, path / "wandb"]
    return sorted(file for folder in folders for depth in ("", "*run-*/") for file in folder.glob(f"{depth}*.wandb"))


def read(source: Source) -> Table:
    """Return the history. Raises InputError for a damaged file, for several runs, and where wandb is not installed."""
    files = [source.path] if not source.is_dir else run_files(source.path)
    if len(files) > 1:
        raise InputError(several(source.path, files))
    try:
        from wandb.proto.wandb_internal_pb2 import Record
    except ImportError:
        raise InputError(
            f"{source.path}: reading .wandb files needs the package wandb; install it or export the run as CSV"
        ) from None
    inside = source.inside(files[0]) if source.is_dir else source
    return collect(source.path, rows(inside, Record))


def rows(source: Source, record_type) -> Iterator[dict]:
    """Yield the logged values of every history record."""
    from google.protobuf.message import DecodeError

    for data in records(source):
        try:
            record = record_type.FromString(data)
            if record.WhichOneof("record_type") == "history":
                yield {
                    "/".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item
                }
        except (DecodeError, ValueError, RecursionError):
            raise InputError(f"{source.path}: holds a record that is no W&B record; copy the file anew") from None


def records(source: Source) -> Iterator[bytes]:
    """Yield every record, put together from its pieces. Raises InputError for damage; a half-written end is noted."""
    path, content = source.path, source.bytes()
    if not content.startswith(MARK):
        raise InputError(f"{path}: does not begin like a .wandb file; copy the file anew")
    at, parts = HEAD, []
    while at < len(content):
        room = BLOCK - at % BLOCK
        if room < PIECE:  # too small for a piece: padding
            at += room
            continue
        checksum = int.from_bytes(content[at : at + 4], "little")
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6 : at + 7]
        data = content[at + PIECE : at + PIECE + length]
        if len(content) < at + PIECE + length:
            parts = [data]
            break
        if zlib.crc32(kind + data) != checksum or not FULL <= kind[0] <= LAST:
            raise InputError(f"{path}: the record at byte {at} is damaged; copy the file anew")
        parts = parts + [data] if kind[0] in (MIDDLE, LAST) else [data]
        if kind[0] in (FULL, LAST):
            yield b"".join(parts)
            parts = []
        at += PIECE + length
    if parts:
        source.notes.append(f"{path.name}: ends within a record, which is left out; the run may still be writing")
