"""Token files: one array over the files of a corpus, and such files in the making."""

import mmap
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from types import TracebackType

import numpy as np

from training.corpus import stamp

SHARD = 100_000_000  # tokens of one file; a corpus that is asked for more is built in pieces (training.corpus.pieces)
LOADED = 2**28  # bytes that are read ahead as a whole; of more, only what is used


class Tokens:
    """Several arrays of one type, end to end, read by slices; nothing is copied but what lies across a border."""

    def __init__(self, parts: Sequence[np.ndarray]):
        self.parts = [np.asarray(part) for part in parts]  # a plain array is sliced faster than a memory map
        self.ends = [*accumulate(part.size for part in parts)]
        self.dtype = self.parts[0].dtype

    def __len__(self) -> int:
        return self.ends[-1]

    @property
    def size(self) -> int:
        """Number of tokens."""
        return self.ends[-1]

    def __getitem__(self, window: slice) -> np.ndarray:
        start, stop, _ = window.indices(self.size)
        found = []
        if stop <= start:
            return self.parts[0][:0]
        for number in range(bisect_right(self.ends, start), len(self.parts)):
            begin = self.ends[number] - self.parts[number].size
            found.append(self.parts[number][max(start - begin, 0) : stop - begin])
            if stop <= self.ends[number]:
                break
        return found[0] if len(found) == 1 else np.concatenate(found or [self.parts[0][:0]])


def plain(tokens: "np.ndarray | Tokens") -> "np.ndarray | Tokens":
    """What is sliced fastest: of a memory map, the array without the class."""
    return tokens if isinstance(tokens, Tokens) else np.asarray(tokens)


def open_files(files: Sequence[dict], dtype: str) -> "np.memmap | Tokens":
    """One array over token files, memory-mapped.

    files  of each its `path` and, unless it is used as a whole, the byte `offset` at which it begins and the number of `tokens`

    Windows are read in random order: of large files the system is told not to read ahead (2 kB asked for would be 128
    read), of small ones to read them as a whole.
    """
    parts = [np.memmap(file["path"], dtype, "r", file.get("offset", 0), file.get("tokens")) for file in files]
    small = sum(part.nbytes for part in parts) <= LOADED
    with suppress(OSError, AttributeError):  # it is advice, and not every system takes any
        for part in parts:
            part.base.madvise(mmap.MADV_WILLNEED if small else mmap.MADV_RANDOM)
    return parts[0] if len(parts) == 1 else Tokens(parts)


class TokenFile:
    """Token files in the making: at most `limit` tokens, at most `share` of them from one document; a context manager.

    NAME.bin in `folder` or, of more than `shard` tokens, NAME-00000.bin, NAME-00001.bin, ... of `shard` tokens each.
    `hash` is over all tokens, however they are divided.
    """

    def __init__(self, folder: Path, name: str, dtype: str, limit: int, share: int, shard: int | None = None):
        self.folder, self.name, self.dtype = folder, name, dtype
        self.limit, self.share, self.shard = limit, share, shard or limit
        self.tokens = self.documents = 0
        self.hash, self.shards, self.file = sha256(), [], None

    @property
    def full(self) -> bool:
        return self.tokens >= self.limit

    def add(self, ids: list[int], end: int) -> None:
        """Append a document, closed by the token `end`."""
        if self.full:
            return
        self.append(np.array([*ids[: self.share - 1], end][: self.limit - self.tokens], self.dtype))
        self.documents += 1

    def append(self, tokens: np.ndarray) -> None:
        """Append tokens of this type, as many as there is room for."""
        tokens = tokens[: self.limit - self.tokens]
        while tokens.size:
            room = self.shard - self.tokens % self.shard
            if room == self.shard:
                self._next()
            content = tokens[:room].tobytes()
            self.file.write(content)
            for one in (self.hash, self.shards[-1]["sha256"]):
                one.update(content)
            self.shards[-1]["tokens"] += min(room, tokens.size)
            self.tokens += min(room, tokens.size)
            tokens = tokens[room:]

    def _next(self):
        if self.file:
            self.file.close()
        several = f"-{len(self.shards):05d}" if self.shard < self.limit else ""
        path = self.folder / f"{self.name}{several}.bin"
        self.file = open(path, "wb")  # noqa: SIM115 (closed by the next, or at the end)
        self.shards.append({"file": path.name, "tokens": 0, "sha256": sha256()})

    def __enter__(self) -> "TokenFile":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.file:
            self.file.close()
        if len(self.shards) == 1:  # a text that has ended before the second
            only = self.shards[0]
            (self.folder / only["file"]).rename(self.folder / f"{self.name}.bin")
            only["file"] = f"{self.name}.bin"
        if kind is None:  # what was hashed as it was written need not be read for that
            for one in self.manifest():
                stamp.note(self.folder / one["file"], one["sha256"], self.folder)

    def manifest(self) -> list[dict]:
        """File, number of tokens and SHA-256 of every file."""
        return [shard | {"sha256": shard["sha256"].hexdigest()} for shard in self.shards]
