"""One process at a time: filelock's locks, with a clear line where a file system has none."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from losslaws.curves import InputError

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
MOMENT = 0.5  # seconds: somebody who only looks whether a lock is free holds it for less


class Held(Exception):
    """Another process holds the lock."""


@contextmanager
def held(path: Path, wait: bool = False, moment: float = MOMENT) -> Iterator[None]:
    """Hold the lock `path` for the length of the block; where another process holds it, wait for that or raise Held.

    moment  seconds after which Held is raised

    Raises InputError on a file system without locks: there, two processes could train the same run.
    """
    lock = FileLock(path, timeout=-1 if wait else moment, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise Held(path) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        raise InputError(
            f"{path.parent}: its file system ({file_system(path)}) gives no locks ({error.strerror}); mount it with locks "
            "(Lustre: -o flock), or choose a folder elsewhere"
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Whether some process holds the lock `path`."""
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0, fallback_to_soft=False):
            return False
    except Timeout:
        return True
    except OSError:  # read-only, say: whoever may not take the lock cannot tell
        return False


def file_system(path: Path) -> str:
    """The kind of file system that `path` lies on, as the system lists it: nfs4, lustre, ..."""
    place = os.path.realpath(path)
    mounted = [part for part in psutil.disk_partitions(all=True) if Path(place).is_relative_to(part.mountpoint)]
    return max(mounted, key=lambda part: len(part.mountpoint)).fstype if mounted else "of an unknown kind"
