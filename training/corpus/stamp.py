"""A token file is read through once: a stamp beside it says which size, time and inode had which SHA-256."""

import json
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path

from losslaws.curves.files import write_text


def has_sha256(path: Path, sha256: str, stamp: Path | None = None) -> bool:
    """Whether the SHA-256 of a file is `sha256`. It is computed where the stamp is not of this very file.

    stamp  where it lies; None: beside the file

    Where the stamp cannot be written, the next process computes it again.
    """
    stamp, found = stamp or path.with_name(f".{path.name}.verified"), {"file": state(path), "sha256": sha256}
    with suppress(OSError, ValueError):
        if json.loads(stamp.read_text(encoding="ascii")) == found:
            return True
    with open(path, "rb") as file:
        same = file_digest(file, "sha256").hexdigest() == sha256
    if same and state(path) == found["file"]:  # nobody wrote to it in the meantime
        with suppress(OSError):
            write_text(stamp, json.dumps(found) + "\n")
    return same


def state(path: Path) -> list[int]:
    """Size in bytes, time of the last change in nanoseconds, and inode of a file."""
    about = path.stat()
    return [about.st_size, about.st_mtime_ns, about.st_ino]
