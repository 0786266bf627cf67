"""Token files of others, read where they lie: llm.c, modded-nanogpt, nanoGPT (.bin of uint16 or uint32) and .npy.

llm.c writes a header of 256 int32 before the tokens: a magic number that tells their type, a version, their number. Files of
nanoGPT have none. Nothing is copied: the corpus folder holds a fingerprint that names the files.
"""

import glob
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError
from training.corpus import stamp, tokenizer
from training.corpus.build import Request, id_type

HEADER = 256 * 4  # bytes of llm.c's
MAGIC = {20240520: "<u2", 20240801: "<u4"}  # its first number: tokens of GPT-2, of Llama 3
ENDINGS = (".bin", ".npy")
CHUNK = 2**24  # tokens read at a time
TYPES = {"uint16": "<u2", "uint32": "<u4"}


@dataclass(frozen=True)
class File:
    """Where in a file its tokens lie: from byte `offset` on, `tokens` of type `dtype`."""

    path: Path
    dtype: str
    offset: int
    tokens: int


def describe(
    *,
    paths: str | list[str] | None = None,
    val_paths: str | list[str] | None = None,
    dtype: str = "auto",
    header: int | None = None,
) -> dict:
    """The files by name, size and time of change, as one hash, and how they are read."""
    files = [*_found(paths, "paths"), *(_found(val_paths, "val_paths") if val_paths else [])]
    stamps = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    return {
        "name": f"pretokenized-{files[0].resolve().parent.name}",
        "files": len(files),
        "bytes": sum(size for _, size, _ in stamps),
        "stamp": sha256(json.dumps([*stamps, val_paths is None]).encode()).hexdigest(),
        "dtype": dtype,
        "header": header,
    }


def register(options: dict, request: Request, identity: dict, folder: Path) -> dict:
    """The fingerprint of a corpus of these files; the tokenizer, if one is named, is saved into `folder`.

    Training tokens are the first of `paths`, in the order of the names; validation tokens the first of `val_paths` or,
    without, the last of `paths`. Every file is read twice, for its tokens and for its SHA-256, and not again until it changes. Raises InputError for a file that is not what it should be, an id beyond the
    vocabulary and fewer tokens than the validation set asks for.
    """
    chosen = tokenizer.load(request.tokenizer) if request.tokenizer else None
    vocab_size = chosen.vocab_size if chosen else request.vocab_size
    if chosen:
        chosen.save(folder)
    how = options.get("dtype", "auto"), options.get("header")
    train = [opened(path, *how) for path in _found(options.get("paths"), "paths")]
    total = sum(file.tokens for file in train)
    if options.get("val_paths"):
        held = [opened(path, *how) for path in _found(options["val_paths"], "val_paths")]
        first, there = 0, sum(file.tokens for file in held)
    else:
        held, first, there = train, total - request.val_tokens, total - 1
    if there < request.val_tokens:
        raise InputError(
            f"{held[0].path}: {there:,} tokens are there for the {request.val_tokens:,} of the validation set; lower data.val_tokens"
        )
    last = total if held is not train else first
    parts = {
        "train": [*_spans(train, 0, min(last, request.train_tokens))],
        "val": [*_spans(held, first, first + request.val_tokens)],
    }
    types = {file.dtype for files in parts.values() for file in files}
    if len(types) > 1:
        raise InputError(
            f"{train[0].path}: its tokens are of another type than others of these files; convert one kind"
        )
    digests: dict[Path, str] = {}
    hashes = {side: _read(files, vocab_size) for side, files in parts.items()}
    counts = {f"{side}_tokens": sum(file.tokens for file in files) for side, files in parts.items()}
    return identity | {
        "tokenizer": identity["tokenizer"] | {"vocab_size": vocab_size, "end": chosen.end if chosen else None},
        "counts": counts,
        "text_ran_out": counts["train_tokens"] < request.train_tokens,
        "dtype": types.pop(),
        "sha256": hashes,
        "shards": {side: [_entry(file, digests, folder) for file in files] for side, files in parts.items()},
    }


def _found(paths: str | list[str] | None, key: str) -> list[Path]:
    """The files, in the order of their names: files, all of a folder, or those that fit a pattern."""
    if not paths:
        raise InputError(f"data.{key} is not set; name token files, e.g. 'data.{key}=fineweb10B/fineweb_train_*.bin'")
    paths = [paths] if isinstance(paths, str | Path) else paths
    if not isinstance(paths, list | tuple) or not all(isinstance(path, str | Path) for path in paths):
        raise InputError(f"data.{key} is {ascii(paths)[:60]}; it must be a name or a list of names")
    found = []
    for one in map(str, paths):
        inside = sorted(Path(one).iterdir()) if Path(one).is_dir() else [Path(path) for path in sorted(glob.glob(one))]
        known = [path for path in inside if path.suffix in ENDINGS and path.is_file()]
        if not known:
            raise InputError(f"data.{key}: {one} is no token file and holds none ({', '.join(ENDINGS)})")
        found += known
    if len(set(found)) < len(found):
        raise InputError(f"data.{key}: names a file twice")
    return found


def opened(path: Path, dtype: str = "auto", header: int | None = None) -> File:
    """How the tokens of a file are read.

    dtype   uint16 | uint32 | auto: as the file says, else uint16
    header  bytes before the tokens; None: as the file's first bytes say

    Raises InputError where the file's length does not fit, or it is a .npy of something else.
    """
    if path.suffix == ".npy":
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise InputError(f"{path}: is no .npy file of numbers ({str(error).splitlines()[0]})") from None
        if array.ndim != 1 or array.dtype.str not in TYPES.values():
            raise InputError(
                f"{path}: holds {array.dtype} of shape {array.shape}; tokens are uint16 or uint32 in one row"
            )
        return File(path, array.dtype.str, array.offset, array.size)
    size = path.stat().st_size
    head = np.fromfile(path, "<i4", 3) if size >= HEADER else np.zeros(3, "<i4")
    said = MAGIC.get(int(head[0])) if header is None else None
    kind = TYPES.get(dtype) or said or "<u2"
    offset = HEADER if said else header or 0
    tokens, rest = divmod(size - offset, np.dtype(kind).itemsize)
    if said and (kind != said or tokens != int(head[2])):
        raise InputError(
            f"{path}: its header speaks of {int(head[2]):,} tokens of {np.dtype(said)}, the file holds {tokens:,} of {np.dtype(kind)}"
        )
    if rest or tokens < 1:
        raise InputError(
            f"{path}: its {size:,} bytes are no header of {offset} and tokens of {np.dtype(kind)}; see data.header and data.dtype"
        )
    return File(path, kind, offset, tokens)


def _spans(files: list[File], start: int, stop: int) -> Iterator[File]:
    """What of the files, end to end, are the tokens `start` to `stop` - 1."""
    begin = 0
    for file in files:
        first, last = max(start - begin, 0), min(stop - begin, file.tokens)
        if first < last:
            yield File(file.path, file.dtype, file.offset + first * np.dtype(file.dtype).itemsize, last - first)
        begin += file.tokens


def _read(files: list[File], vocab_size: int) -> str:
    """SHA-256 of all tokens as a corpus of our own would store them. Raises InputError for an id beyond the vocabulary."""
    found = sha256()
    for file in files:
        tokens = np.memmap(file.path, file.dtype, "r", file.offset, (file.tokens,))
        for start in range(0, file.tokens, CHUNK):
            part = tokens[start : start + CHUNK]
            if (highest := int(part.max())) >= vocab_size:
                raise InputError(
                    f"{file.path}: holds the id {highest:,}, beyond the {vocab_size:,} of the vocabulary; see data.vocab_size, data.dtype and data.header"
                )
            found.update(part.astype(id_type(vocab_size), copy=False))
    return found.hexdigest()


def _entry(file: File, digests: dict[Path, str], folder: Path) -> dict:
    """What the fingerprint of the corpus `folder` says of a file."""
    path = file.path.resolve()
    if path not in digests:
        digests[path] = stamp.digest(path, folder)
    about = {"file": str(path), "offset": file.offset, "tokens": file.tokens}
    return about | {"sha256": digests[path]}
