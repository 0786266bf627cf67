"""Files that are either whole or absent, and outputs that a person named.

    atomic(path)                        a temporary file that becomes `path` when it is whole
    write_bytes, write_text             the same for content that is there already
    write_table(frame, path, digits)    the one way to write a CSV table
    named(path)                         refuse an output that cannot be written, before anything is computed for it
    named_folder(path)                  the same of a folder for outputs

What is no regular file, as a device, a FIFO or the place where standard output goes, is written into, never replaced. A
link is followed and stays.
"""

import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

from losslaws.curves.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

# A cell of text that a spreadsheet would compute; a number with a sign, or a sign alone, is none.
FORMULA = re.compile(r"[=@\t\r\n]|[+-](?![\d\s.,()%eE+-]*\Z)")


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` when the block ends well, remove it when not.

    The data is synced to disk before the rename, so a reader sees the old file or the new one, even after a crash. The
    temporary file is new and its name cannot be guessed, so that nobody can plant another there. Missing folders are made. Raises OSError
    that names `path`, and InputError for a folder or a disk in its place.
    """
    path = Path(path)
    temporary = None
    try:
        if out := stream(path):
            with out, TemporaryDirectory() as folder:
                temporary = Path(folder) / path.name
                yield temporary
                with open(temporary, "rb") as whole:
                    shutil.copyfileobj(whole, out)
            return
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if target.exists():
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary)):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from None
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def stream(path: Path) -> BinaryIO | None:
    """Return what to write into where `path` is no regular file, or the file that standard output or error goes to, else None.

    Raises InputError for a folder or a disk, PermissionError for a file that may not be written.
    """
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(there.st_mode):
        raise InputError(f"{path}: is a folder; give the name of a file")
    if stat.S_ISBLK(there.st_mode):
        raise InputError(f"{path}: is a disk; give the name of a file")
    for own in (sys.stdout, sys.stderr):
        try:
            if os.path.samestat(there, os.fstat(own.fileno())):
                own.flush()
                return os.fdopen(os.dup(own.fileno()), "wb")
        except (OSError, ValueError, AttributeError):
            continue  # closed, or no file of the system
    if not stat.S_ISREG(there.st_mode):
        return open(path, "wb")
    # the system decides: a file without permission, another's link in a shared folder
    os.close(os.open(path, os.O_WRONLY))
    return None


def named(path: Path | str) -> Path:
    """Return `path`, an output that a person named. Raises InputError where its folder is missing or cannot be written to.

    Folders that a person named are not made: a mistyped name would leave them behind.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file")
    if path.exists() and not path.is_file():
        return path
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise InputError(f"{path}: there is no folder {folder}; make it, or correct the name")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{path}: the folder {folder} cannot be written to; choose another")
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"{path}: may not be written; choose another name, or change its permissions")
    return path


def named_folder(path: Path | str) -> Path:
    """Return `path`, a folder for outputs that a person named. Raises InputError where it cannot be one or be written to.

    What is missing of it is made later, below the working directory; elsewhere only its last part may be missing.
    """
    path = Path(path)
    try:
        place = Path(os.path.realpath(path))
    except ValueError as error:  # a byte 0
        raise InputError(f"{path}: is no name of a folder ({error})") from None
    there = next(folder for folder in (place, *place.parents) if folder.exists() or folder.is_symlink())
    if not there.is_dir():
        raise InputError(f"{path}: {there} is no folder; give the name of a folder")
    if there not in (place, place.parent) and not place.is_relative_to(Path.cwd()):
        raise InputError(f"{path}: there is no folder {place.parent}; make it, or correct the name")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{path}: the folder {there} cannot be written to; choose another")
    return path


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8; what UTF-8 cannot hold, as of an odd file name, is written as \\udce9."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_table(frame: "pd.DataFrame", path: Path | str, digits: int | None = None) -> None:
    """Write `frame` as CSV without its index, atomically; a text that a spreadsheet would compute gets a leading apostrophe.

    digits  significant digits of its numbers; None: all that tell them apart
    """
    safe = frame.rename(columns=text_only)
    for name in safe.select_dtypes(exclude="number"):
        cells = [text_only(cell) for cell in safe[name]]
        if any(cell is not old for cell, old in zip(cells, safe[name], strict=True)):
            safe[name] = cells
    write_text(path, safe.to_csv(index=False, float_format=digits and f"%.{digits}g", lineterminator="\n"))


def text_only(cell):
    """Return a cell of a table that no spreadsheet computes."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell
