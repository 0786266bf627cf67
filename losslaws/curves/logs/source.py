"""Source: a file as every reader is given it, unpacked, decoded, and no larger than is stated here."""

import codecs
import io
import os
import re
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TextIO

from losslaws.curves.errors import InputError

LARGEST = 256 * 2**20  # bytes of a log, unpacked; 600,000 lines are about 60 MB
ROWS = 5_000_000  # of a log
COLUMNS = 5_000  # of a table
DEPTH = 8  # of objects within objects
LINES = 3_000_000  # of a text
LINE = 2**20  # characters of a line; a longer one is left out
HEAD = 2**16  # bytes by which a format is recognised
PIECE = 2**20  # characters that are read at once
PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\xfd7zXZ\x00": "lzma"}
MARKS = {  # of Unicode; the longer first, since one begins like another
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # tab, line ends, form feed and escape may stand in a log
# colours and other commands to a terminal
ANSI = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b\n]*+(?:\x07|\x1b\\)?|[@-Z\\^_])")
HOLES = re.compile(rb"\x00{64,}+")  # which a crash leaves in a file
BINARY = 0.05  # share of such bytes above which a file is no text; a crash leaves some in a log


class Source:
    """A log's file or folder.

    path     of the file or folder
    named    columns that the user names; a reader keeps them whatever they are
    notes    what the reader of a forecast should know of the file; readers add to it

    Raises InputError for what is missing, no regular file, not readable or too large.
    """

    def __init__(self, path: Path, named: frozenset[str] = frozenset()):
        self.path, self.named, self.notes = path, named, []
        try:
            kind = os.stat(path)
        except FileNotFoundError:
            raise InputError(f"{path}: no such file or folder") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
        self.is_dir = stat.S_ISDIR(kind.st_mode)
        if not self.is_dir and not stat.S_ISREG(kind.st_mode):
            raise InputError(f"{path}: is a pipe or a device; copy what it gives into a file")
        if not self.is_dir and kind.st_size > LARGEST:
            raise InputError(
                f"{path}: has {kind.st_size / 2**20:.0f} MiB, more than {LARGEST // 2**20}; keep every tenth row"
            )

    def inside(self, path: Path) -> "Source":
        """Return the source of a file within this folder, with the same notes."""
        one = Source(path, self.named)
        one.notes = self.notes
        return one

    @property
    def suffix(self) -> str:
        """The ending of the name in small letters, without that of the compression."""
        path = self.path if self.packing is None or len(self.path.suffixes) < 2 else self.path.with_suffix("")
        return path.suffix.lower()

    @cached_property
    def start(self) -> bytes:
        """The first bytes as they lie on disk."""
        if self.is_dir:
            return b""
        with open(self.path, "rb") as file:
            return file.read(8)

    @property
    def packing(self) -> str | None:
        """How the file is compressed, by its first bytes."""
        return next((name for mark, name in PACKED.items() if self.start.startswith(mark)), None)

    def open(self) -> BinaryIO:
        """Return the unpacked bytes as a stream that ends in InputError beyond LARGEST."""
        file = open(self.path, "rb")  # noqa: SIM115 - the stream is the caller's
        if self.packing == "zstd":
            import pyarrow

            file = pyarrow.CompressedInputStream(pyarrow.PythonFile(file), "zstd")
        elif self.packing:
            from importlib import import_module

            file = import_module(self.packing).open(file)
        return io.BufferedReader(Limited(file, self.path))

    @cached_property
    def head(self) -> bytes:
        """The first unpacked bytes."""
        if self.is_dir:
            return b""
        with self.open() as file:
            return file.read(HEAD)

    def bytes(self) -> bytes:
        """Return the whole content, unpacked."""
        with self.open() as file:
            return file.read()

    @cached_property
    def encoding(self) -> str | None:
        """How the text is written; None for what is no text."""
        head = HOLES.sub(b"", self.head)
        for mark, name in MARKS.items():
            if head.startswith(mark):
                return name
        pairs = len(head) // 2
        if pairs and head.count(0) > 0.6 * pairs:  # UTF-16 without a mark: every other byte of Latin text is 0
            low, high = head[: 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
            if max(low, high) > 0.8 * pairs and min(low, high) < 0.1 * pairs:
                return "utf-16-le" if high > low else "utf-16-be"
        return None if len(NOT_TEXT.findall(head)) > BINARY * len(head) else "utf-8"

    @cached_property
    def begins(self) -> str:
        """The first characters; empty for what is no text."""
        if not self.encoding:
            return ""
        return (
            codecs.getincrementaldecoder(self.encoding)("replace")
            .decode(self.head)
            .replace("\r\n", "\n")
            .replace("\r", "\n")
        )

    def text(self) -> TextIO:
        """Return the decoded text as a stream; every kind of line end is a newline, what is no text a mark."""
        return io.TextIOWrapper(self.open(), self.encoding or "utf-8", errors="replace", newline=None)

    def utf8(self) -> bytes:
        """Return the whole text as UTF-8 without a mark; what is no text becomes one."""
        if self.encoding in (None, "utf-8"):
            content = self.bytes()
            try:
                content.decode()
            except UnicodeDecodeError:
                content = content.decode("utf-8", "replace").encode()
            return content
        with self.text() as file:
            return file.read().encode("utf-8")

    def lines(self) -> Iterator[tuple[list[str], bool]]:
        """Yield whole lines, many at once, and whether the last one ends without a newline; too long ones are noted.

        Raises InputError for more than LINES.
        """
        rest, skipping, long, count = "", False, 0, 0
        with self.text() as file:
            while piece := file.read(PIECE):
                lines = (rest + piece).split("\n")
                rest = lines.pop()
                if lines and (skipping or len(lines[0]) > LINE):
                    long += not skipping
                    lines, skipping = lines[1:], False
                if len(rest) > LINE or skipping:
                    long += not skipping
                    rest, skipping = "", True
                count += len(lines)
                if count > LINES:
                    raise InputError(f"{self.path}: has more than {LINES:,} lines; keep those that hold losses")
                yield lines, False
        if rest:
            yield [rest], True
        if long:
            self.notes.append(f"{long} lines of more than {LINE:,} characters are left out")


class Limited(io.RawIOBase):
    """A stream that ends in InputError where it is damaged, or beyond LARGEST bytes."""

    def __init__(self, file: BinaryIO, path: Path):
        self.file, self.path, self.left = file, path, LARGEST

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        try:
            data = self.file.read(len(buffer))
        except EOFError:
            raise InputError(f"{self.path}: the compressed file ends too early; copy it anew") from None
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror or str(error)[:120]})") from None
        except Exception as error:  # each compression has errors of its own
            raise InputError(f"{self.path}: cannot be unpacked ({str(error)[:120]}); copy it anew") from None
        self.left -= len(data)
        if self.left < 0:
            raise InputError(
                f"{self.path}: unpacks to more than {LARGEST // 2**20} MiB; keep every tenth row, or unpack a part"
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.file.close()
        super().close()
