"""Corpora: the documents of a source become one memory-mapped token file with a fingerprint.

A source is one file here that has two functions with the same keyword options::

    def documents(*, ...) -> Iterator[str]: ...   the texts, in an order that is the same every time
    def describe(*, ...) -> dict: ...             where they come from, for the fingerprint; "name" names the folder

and may have others: for what is known only when the text is at hand and does not tell one corpus from another, and for a text so
large that several processes should read it::

    def record(*, ...) -> dict: ...               added to the fingerprint
    def pieces(*, size, ...) -> list: ...         functions that give the documents of pieces of about `size` bytes, one after the other

Where the text is tokens already, `register` stands in the place of `documents` (`training.corpus.pretokenized`).

The options are also its config: a file here, its keys as a class of ``training/settings.py`` (beside those of the others in
``Settings.data``) and a yaml in ``conf/data/`` are ``data=PRESET`` on the command line. Both functions raise InputError for what the user can put right.

A corpus is a folder that appears whole or not at all:

    train.bin, val.bin   token ids, little-endian uint16 (up to 65,536 ids) or uint32, documents end with <|endoftext|>; of more than
                         100M training tokens train-00000.bin, train-00001.bin, ... (`training.corpus.pieces`)
    tokenizer.json, ...  loads with transformers' AutoTokenizer
    fingerprint.json     source, versions, request, tokenizer, split, counts, SHA-256 of the tokens and, of several files, of each
"""

import inspect
import json
import re
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from losslaws.curves import plugins
from losslaws.curves.errors import InputError, nearest
from training import records
from training.corpus import build, pieces, stamp, tokenizer, tokens
from training.corpus.build import FORMAT, SAMPLE, Request
from training.corpus.folder import make_once
from training.corpus.tokens import Tokens, open_files

READERS = 8  # threads that read files for their hashes


@dataclass(frozen=True, eq=False)
class Corpus:
    """A tokenized text.

    folder       where it lies
    train, val   token ids, memory-mapped, uint16 or uint32, [train tokens] and [validation tokens]
    fingerprint  the content of fingerprint.json
    """

    folder: Path
    train: np.ndarray | Tokens
    val: np.ndarray | Tokens
    fingerprint: dict

    @property
    def vocab_size(self) -> int:
        """Number of token ids; every id is below it."""
        return self.fingerprint["tokenizer"]["vocab_size"]

    @property
    def id(self) -> str:
        """Short hash of the tokens: equal ids, equal training and validation tokens, wherever they were made."""
        return _digest(self.fingerprint["sha256"], 12)


def sources() -> list[str]:
    """Every source there is."""
    modules = {name: import_module(f"{__name__}.{name}") for name in plugins.names(__name__)}
    return [name for name, module in modules.items() if hasattr(module, "documents") or hasattr(module, "register")]


def prepare(data: Mapping, folder: Path | str = "corpora", workers: int | None = None) -> Corpus:
    """Open the corpus that `data` asks for; build it first where `folder` does not hold it yet.

    data     the config of group `data`: `source`, the fields of `Request`, and the source's own options; its `tokenizer`
             may also be a list of such configs: one byte-level BPE for all of them
    folder   where corpora lie, each in NAME-HASH/ with HASH over `data` and the provenance of the text
    workers  processes that tokenize a text of more than a shard; None: one for each core

    Raises InputError for an unknown key, a value out of range, a text that is missing, empty or too short for the
    validation set, a vocabulary that no id type holds, and a full disk.
    """
    if isinstance(data.get("tokenizer"), list):
        data = {**data, "tokenizer": str(shared_tokenizer(data["tokenizer"], data["vocab_size"], folder))}
    here = work(data, folder)

    def make(new):
        source, options = here.source, here.options
        if hasattr(source, "register"):
            return source.register(options, here.request, here.identity, new)
        made = build.build(source.documents(**options), here.request, here.identity, new)
        return made | (source.record(**options) if hasattr(source, "record") else {})

    if here.request.train_tokens > tokens.SHARD and hasattr(here.source, "pieces") and not here.target.exists():
        pieces.build_corpus(here, data, workers)
    else:
        make_once(here.target, make)
    if here.folder.exists():  # of a process that was killed when all was done
        shutil.rmtree(here.folder, ignore_errors=True)
    return open_corpus(here.target)


def work(data: Mapping, folder: Path | str, size: int | None = None, parent: int | None = None) -> pieces.Work:
    """Source, options, request and identity of a data config whose corpus lies in `folder`."""
    source, options, request = _parse(data)
    identity = {
        "format": FORMAT,
        "source": source.describe(**options),
        "request": asdict(request),
        "tokenizer": tokenizer.describe(request.tokenizer),
    }
    name = re.sub(r"[^\w.-]+", "-", identity["source"]["name"])
    target = Path(folder) / f"{name}-{_digest(identity, 10)}"
    return pieces.Work(target, source, options, request, identity, size or pieces.PIECE, parent)


def shared_tokenizer(texts: list[Mapping], vocab_size: int, folder: Path | str) -> Path:
    """The folder of a byte-level BPE trained on as many characters of each of `texts`, data configs; trained first if need be.

    Validation documents are left out, as each config splits its text. Raises InputError as `prepare` does.
    """
    parts = [_parse({**text, "vocab_size": vocab_size}) for text in texts]
    identity = {
        "format": FORMAT,
        "sources": [source.describe(**options) for source, options, _ in parts],
        "requests": [asdict(request) for *_, request in parts],
        "tokenizer": tokenizer.describe(None),
    }
    target = Path(folder) / f"tokenizer-{_digest(identity, 10)}"

    def make(new):
        chosen = []
        for (source, options, request), about in zip(parts, identity["sources"], strict=True):
            documents = iter(build.Documents(source.documents(**options), request.val_fraction))
            chosen += build.sample(documents, SAMPLE * vocab_size // len(parts), about["name"])
        tokenizer.train((d.text for d in chosen if not d.val), vocab_size).save(new)
        return identity

    make_once(target, make)
    return target


def open_corpus(folder: Path | str) -> Corpus:
    """Open a corpus. Raises InputError where a file is missing or its SHA-256 is not that of the fingerprint."""
    folder = Path(folder)
    try:
        fingerprint = records.read(folder / "fingerprint.json", records.Fingerprint)
    except InputError as error:
        raise InputError(f"{error}; delete {folder} to build it again") from None
    found = {}
    for part in ("train", "val"):
        whole = [{"file": f"{part}.bin", "sha256": fingerprint["sha256"][part]}]
        files = fingerprint.get("shards", {}).get(part, whole)
        verify(folder, files)
        try:
            found[part] = open_files([file | {"path": folder / file["file"]} for file in files], fingerprint["dtype"])
        except (ValueError, OverflowError) as error:  # fewer tokens than it speaks of
            raise InputError(
                f"{folder}: its {part} tokens are not there ({error}); delete it to build it again"
            ) from None
    return Corpus(folder, found["train"], found["val"], fingerprint)


def verify(folder: Path, files: list[dict]) -> None:
    """Raise InputError unless each of the token files is there with its SHA-256.

    Files that no stamp knows are read through, several side by side, by one process; others that ask wait for it.
    """

    def known(file):
        return stamp.is_known(folder / file["file"], file["sha256"], folder)

    def damaged(file):
        path = folder / file["file"]
        return None if path.is_file() and stamp.digest(path, folder) == file["sha256"] else path

    if all(map(known, files)):
        return
    with stamp.alone(folder), ThreadPoolExecutor(min(len(files), READERS)) as pool:
        unread = [file for file in files if not known(file)]
        for path in filter(None, pool.map(damaged, unread)):
            raise InputError(f"{path}: is missing or damaged; delete {folder} to build it again")


def _parse(data: Mapping) -> tuple[ModuleType, dict, Request]:
    """The source, its own options and the request of a data config."""
    source = _source(data.get("source"))
    wanted = {key: data[key] for key in Request.names() & data.keys()}
    options = {key: value for key, value in data.items() if key not in ("source", "repeat", *wanted)}
    _check(options, source)
    return source, options, Request(**wanted)


def _source(name) -> ModuleType:
    if name not in sources():
        raise InputError(f"data.source '{name}' is unknown{nearest(name, sources())} (known: {', '.join(sources())})")
    return import_module(f"{__name__}.{name}")


def _check(options, source):
    options_of = getattr(source, "documents", source.describe)
    known = {*inspect.signature(options_of).parameters, *Request.names()}
    for key in options:
        if key not in known:
            raise InputError(f"data.{key} is unknown{nearest(key, known)} (known: {', '.join(sorted(known))})")


def _digest(content, length):
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:length]
