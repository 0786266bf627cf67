"""A token file is read through once: a stamp says which size, time and inode had which SHA-256."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import file_digest
from pathlib import Path

from filelock import FileLock

from losslaws.curves.files import write_text


def place(folder: Path, path: Path, sha256: str) -> Path:
    """Where the stamp of a token file of the corpus `folder` lies: in that folder, wherever the file does."""
    beside = path.name if path.parent == folder else f"{path.name}.{sha256[:16]}"
    return folder / f".{beside}.verified"


def is_known(path: Path, sha256: str, folder: Path) -> bool:
    """Whether the stamp in the corpus `folder` is of this very file and this SHA-256."""
    with suppress(OSError, ValueError):
        found = json.loads(place(folder, path, sha256).read_text(encoding="ascii"))
        return found == {"file": state(path), "sha256": sha256}
    return False


def note(path: Path, sha256: str, folder: Path) -> None:
    """Stamp a file, as it is now, in the corpus `folder`. Where that cannot be written, the next process reads the file."""
    with suppress(OSError):
        write_text(place(folder, path, sha256), json.dumps({"file": state(path), "sha256": sha256}) + "\n")


def digest(path: Path, folder: Path) -> str:
    """The SHA-256 of a file, computed; the file is stamped where it stayed as it was in the meantime."""
    before = state(path)
    with open(path, "rb") as file:
        found = file_digest(file, "sha256").hexdigest()
    if state(path) == before:
        note(path, found, folder)
    return found


def state(path: Path) -> list[int]:
    """Size in bytes, time of the last change in nanoseconds, and inode of a file."""
    about = path.stat()
    return [about.st_size, about.st_mtime_ns, about.st_ino]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """A block in which one process at a time reads the files of a corpus through; the others wait, and find its stamps.

    Where no lock can be had, as in a folder that cannot be written, neither can stamps: every process reads by itself.
    """
    lock = FileLock(folder / ".verified.lock", fallback_to_soft=False)
    with suppress(OSError, NotImplementedError):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
