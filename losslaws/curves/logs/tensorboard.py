"""TensorBoard event files, also a folder of them: the scalars that a SummaryWriter wrote.

An event file is a sequence of records, each: length (8 bytes), its checksum (4), an Event as a protocol buffer, its checksum (4).
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.logs import names
from losslaws.curves.logs.folders import several
from losslaws.curves.logs.source import LARGEST, Source
from losslaws.curves.logs.table import Table, collect

MARK = "tfevents"
DEEP = ("", "*/", "*/*/", "*/*/*/")


def matches(source: Source) -> bool:
    return bool(event_files(source.path))


def event_files(path: Path) -> list[Path]:
    """Return the event files that `path` is or holds, those of one folder in the order in which they were begun."""
    if path.is_file():
        return [path] if MARK in path.name else []
    found = [file for depth in DEEP for file in path.glob(f"{depth}*{MARK}*") if file.is_file()]
    return sorted(found, key=lambda file: (str(file.parent), file.name))


def read(source: Source) -> Table:
    """Return the scalars, a row for each step of each burst of events. Raises InputError for a damaged record, and for several runs."""
    files = event_files(source.path)
    folders = list(dict.fromkeys(file.parent for file in files))
    sides = {folder: side_of(folder, source.path) for folder in folders}
    if len(runs := [folder for folder, side in sides.items() if not side]) > 1:
        raise InputError(several(source.path, runs))
    if sum(file.stat().st_size for file in files) > LARGEST:
        raise InputError(f"{source.path}: has more than {LARGEST // 2**20} MiB of events; give a part of them")
    return collect(
        source.path,
        (
            {name if name == "step" else sides[file.parent] + name: value for name, value in row.items()}
            for file in files
            for row in rows(file, source.notes)
        ),
    )


def side_of(folder: Path, top: Path) -> str:
    """Return "val/" for a folder within a run that holds validation's scalars, as of Keras, or of one tag, as add_scalars makes it."""
    name = folder.name if folder != top else ""
    words = set(names.split(name))
    return f"{name}/" if words & names.SIDES and (words <= names.SIDES or names.is_loss(name)) else ""


def rows(path: Path, notes: list[str]) -> Iterator[dict[str, float]]:
    """Yield {"step": ..., tag: value, ...} for consecutive scalars of one step."""
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    row = {}
    for data in records(path, notes):
        try:
            event = Event.FromString(data)
        except DecodeError:
            raise InputError(f"{path}: a record is not a TensorBoard event; copy the file anew") from None
        for value in event.summary.value:
            number = scalar(value)
            if number is None:
                continue
            if row and (row["step"] != event.step or value.tag in row):
                yield row
                row = {}
            row["step"] = event.step
            row[value.tag] = number
    if row:
        yield row


def scalar(value) -> float | None:
    """Return the number of a Summary.Value, in either of the two ways of writing one; None for images, text, ..."""
    if value.WhichOneof("value") == "simple_value":
        return value.simple_value
    tensor = value.tensor
    if value.WhichOneof("value") != "tensor" or len(tensor.tensor_shape.dim):
        return None
    form = {1: "<f", 2: "<d"}.get(tensor.dtype)  # DT_FLOAT, DT_DOUBLE
    if form and len(tensor.tensor_content) == struct.calcsize(form):
        return struct.unpack(form, tensor.tensor_content)[0]
    return next(iter([*tensor.float_val, *tensor.double_val]), None)


def records(path: Path, notes: list[str]) -> Iterator[bytes]:
    """Yield the content of every record. Raises InputError for a wrong checksum; a half-written end is noted."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    content, at = path.read_bytes(), 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 8], "little")
        end = at + 16 + length
        sums = content[at + 8 : at + 12], content[end - 4 : end]
        whole = len(content) >= at + 12
        if whole and masked_crc32c(content[at : at + 8]) != int.from_bytes(sums[0], "little"):
            raise InputError(f"{path}: the record at byte {at} is damaged; copy the file anew")
        if not whole or end > len(content):
            notes.append(f"{path.name}: ends within a record, which is left out; the run may still be writing")
            return
        data = content[at + 12 : end - 4]
        if masked_crc32c(data) != int.from_bytes(sums[1], "little"):
            raise InputError(f"{path}: the record at byte {at} is damaged; copy the file anew")
        yield data
        at = end
