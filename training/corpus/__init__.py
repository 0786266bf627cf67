"""Corpora: the documents of a source become one memory-mapped token file with a fingerprint.

A source is one file here that has two functions with the same keyword options::

    def documents(*, ...) -> Iterator[str]: ...   the texts, in an order that is the same every time
    def describe(*, ...) -> dict: ...             where they come from, for the fingerprint; "name" names the folder

and may have a third, for what is known only when the text is at hand and does not tell one corpus from another::

    def record(*, ...) -> dict: ...               added to the fingerprint

The options are also its config: a file here, its keys as a class of ``training/settings.py`` (beside those of the others in
``Settings.data``) and a yaml in ``conf/data/`` are ``data=PRESET`` on the command line. Both functions raise InputError for what the user can put right.

A corpus is a folder that appears whole or not at all:

    train.bin, val.bin   token ids, little-endian uint16 (up to 65,536 ids) or uint32, documents end with <|endoftext|>
    tokenizer.json, ...  loads with transformers' AutoTokenizer
    fingerprint.json     source, versions, request, tokenizer, split, counts, SHA-256 of the token files
"""

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from losslaws.curves import plugins
from losslaws.curves.about import read_json
from losslaws.curves.errors import InputError, nearest
from training.corpus import build, tokenizer
from training.corpus.build import FORMAT, SAMPLE, Request
from training.corpus.folder import make_once
from training.corpus.stamp import has_sha256


@dataclass(frozen=True, eq=False)
class Corpus:
    """A tokenized text.

    folder       where it lies
    train, val   token ids, memory-mapped, uint16 or uint32, [train tokens] and [validation tokens]
    fingerprint  the content of fingerprint.json
    """

    folder: Path
    train: np.ndarray
    val: np.ndarray
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
    return [name for name in plugins.names(__name__) if hasattr(import_module(f"{__name__}.{name}"), "documents")]


def prepare(data: Mapping, folder: Path | str = "corpora") -> Corpus:
    """Open the corpus that `data` asks for; build it first where `folder` does not hold it yet.

    data    the config of group `data`: `source`, the fields of `Request`, and the source's own options; its `tokenizer`
            may also be a list of such configs: one byte-level BPE for all of them
    folder  where corpora lie, each in NAME-HASH/ with HASH over `data` and the provenance of the text

    Raises InputError for an unknown key, a value out of range, a text that is missing, empty or too short for the
    validation set, a vocabulary that no id type holds, and a full disk.
    """
    if isinstance(data.get("tokenizer"), list):
        data = {**data, "tokenizer": str(shared_tokenizer(data["tokenizer"], data["vocab_size"], folder))}
    source, options, request = _parse(data)
    about = source.describe(**options)
    identity = {
        "format": FORMAT,
        "source": about,
        "request": asdict(request),
        "tokenizer": tokenizer.describe(request.tokenizer),
    }
    name = re.sub(r"[^\w.-]+", "-", about["name"])
    target = Path(folder) / f"{name}-{_digest(identity, 10)}"

    def make(new):
        made = build.build(source.documents(**options), request, identity, new)
        return made | (source.record(**options) if hasattr(source, "record") else {})

    make_once(target, make)
    return open_corpus(target)


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
    fingerprint = read_json(folder / "fingerprint.json")
    missing = {"dtype", "sha256", "tokenizer", "counts"} - fingerprint.keys()
    if missing:
        raise InputError(
            f"{folder / 'fingerprint.json'}: lacks the field '{min(missing)}'; delete {folder} to build it again"
        )
    tokens = {}
    for part in ("train", "val"):
        path = folder / f"{part}.bin"
        if not path.is_file() or not has_sha256(path, fingerprint["sha256"][part]):
            raise InputError(f"{path}: is missing or damaged; delete {folder} to build it again")
        tokens[part] = np.memmap(path, dtype=fingerprint["dtype"], mode="r")
    return Corpus(folder, tokens["train"], tokens["val"], fingerprint)


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
    known = {*inspect.signature(source.documents).parameters, *Request.names()}
    for key in options:
        if key not in known:
            raise InputError(f"data.{key} is unknown{nearest(key, known)} (known: {', '.join(sorted(known))})")


def _digest(content, length):
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:length]
