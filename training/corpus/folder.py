"""Folders that appear whole or not at all, made by one process while others wait."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from losslaws.curves.errors import InputError
from training import locks


def make_once(target: Path, make: Callable[[Path], dict]) -> None:
    """Make the folder `target` unless it is there.

    make  called with an empty folder to fill; what it returns becomes fingerprint.json there

    Raises InputError where `target` cannot be written, and on a file system without locks.
    """
    if target.exists():
        return
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locks.held(target.with_name(f".{target.name}.lock"), wait=True):
            if target.exists():
                return
            shutil.rmtree(temporary, ignore_errors=True)  # of a builder that was killed
            temporary.mkdir()
            try:
                fingerprint = make(temporary)
                (temporary / "fingerprint.json").write_text(json.dumps(fingerprint, indent=1) + "\n", encoding="utf-8")
                _sync(temporary)
                os.replace(temporary, target)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        raise InputError(
            f"{target}: cannot be written ({error.strerror}); make room or choose another folder"
        ) from None


def _sync(folder):
    for path in folder.iterdir():
        with open(path, "rb+") as file:
            os.fsync(file.fileno())
