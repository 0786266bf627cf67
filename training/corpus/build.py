"""From documents to a corpus folder: duplicates out, training and validation apart, text to tokens.

The text is read once, only as far as it is needed, and documents keep the order in which the source gives them; what
depends on the seed is the order of the windows (`training.corpus.batches`).
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from losslaws.curves.errors import InputError
from training.corpus import tokenizer
from training.corpus.tokens import TokenFile

FORMAT = 1  # part of every corpus's identity; raise it when the same text would give other tokens
SAMPLE = 5_000  # characters of training text per id of a BPE; twice as many save 0.5 % of the tokens at 2,048 ids
BATCH = 2_000_000  # characters tokenized at a time, in parallel
VAL_DOCUMENTS = 64  # a large validation set holds at least so many documents: none gives more than its share
VAL_SHARE = 1024  # tokens that a document may always give, so that a few documents fill a small validation set


@dataclass(frozen=True)
class Request:
    """What is wanted of a text, whatever its source.

    train_tokens  tokens to train on; a shorter text is kept whole, and training goes through it more than once
    val_tokens    tokens of the validation set, exactly
    tokenizer     None: train a byte-level BPE; else the name or folder of an AutoTokenizer
    vocab_size    ids of the BPE that is trained, <|endoftext|> among them
    val_fraction  share of the documents that is kept from training; what of it exceeds val_tokens is left out

    Raises InputError for values out of range.
    """

    train_tokens: int = 12_000_000
    val_tokens: int = 131_072
    tokenizer: str | None = None
    vocab_size: int = 2048
    val_fraction: float = 0.02

    def __post_init__(self):
        for key, low in (("train_tokens", 1), ("val_tokens", 1), ("vocab_size", tokenizer.SMALLEST)):
            value = getattr(self, key)
            if not isinstance(value, int | float) or not low <= value < 2**63 or value != int(value):
                raise InputError(f"data.{key} is {value}; it must be a whole number, at least {low}")
            object.__setattr__(self, key, int(value))
        id_type(self.vocab_size)
        if not isinstance(self.tokenizer, str | None):
            raise InputError(f"data.tokenizer is {ascii(self.tokenizer)[:60]}; it must be a name or a folder")
        if not isinstance(self.val_fraction, int | float) or not 0 < self.val_fraction < 1:
            raise InputError(f"data.val_fraction is {self.val_fraction}; it must lie between 0 and 1")

    @classmethod
    def names(cls) -> list[str]:
        """Names of the fields."""
        return [field.name for field in fields(cls)]


class Document(NamedTuple):
    text: str
    bytes: int
    digest: bytes
    val: bool


def threshold(val_fraction: float) -> float:
    """Below which the first 64 bits of a digest assign its document to validation."""
    return val_fraction * 2**64


def every(texts: Iterable[str], threshold: float) -> Iterator[Document]:
    """The documents of a source, empty ones left out; for validation where the digest begins with 64 bits below `threshold`."""
    for text in texts:
        if not text or text.isspace():
            continue
        try:
            content = text.encode()
        except UnicodeEncodeError:  # JSON can spell lone surrogates, which no tokenizer takes
            content = text.encode(errors="replace")
            text = content.decode()
        digest = blake2b(content, digest_size=16).digest()
        yield Document(text, len(content), digest, int.from_bytes(digest[:8], "big") < threshold)


class Documents:
    """The documents of a source, empty ones and exact duplicates left out, each assigned to training or validation.

    The side is a hash of the content: it is the same whatever the order, the seed, the tokenizer or the amount of
    text that is asked for.
    """

    def __init__(self, texts: Iterable[str], val_fraction: float):
        self.texts, self.threshold = texts, threshold(val_fraction)
        self.read = self.duplicates = 0

    def __iter__(self) -> Iterator[Document]:
        seen = set()
        for document in every(self.texts, self.threshold):
            self.read += 1
            if document.digest in seen:
                self.duplicates += 1
                continue
            seen.add(document.digest)
            yield document


def id_type(vocab_size: int) -> str:
    """The smallest little-endian integer type that holds the ids. Raises InputError beyond uint32."""
    if vocab_size > 2**32:
        raise InputError(
            f"data.vocab_size is {vocab_size:,}; token ids are stored in 32 bits, which hold at most {2**32:,}"
        )
    return "<u2" if vocab_size <= 2**16 else "<u4"


def build(texts: Iterable[str], request: Request, identity: dict, folder: Path) -> dict:
    """Write train.bin, val.bin and the tokenizer into `folder`; return the fingerprint.

    Raises InputError for a text that is empty or gives fewer validation tokens than requested.
    """
    name = identity["source"]["name"]
    documents = Documents(texts, request.val_fraction)
    with tqdm(total=request.train_tokens, unit=" tokens", unit_scale=True, desc=f"corpus {name}", disable=None) as bar:
        chosen, stream = choose_tokenizer(request, iter(documents), name)
        chosen.save(folder)
        dtype = id_type(chosen.vocab_size)
        with token_files(folder, dtype, request) as (train, val):
            bytes_per_token = _write(stream, chosen, train, val, bar)
    return fingerprint(identity, chosen, train, val, documents.read, documents.duplicates, bytes_per_token)


@contextmanager
def token_files(
    folder: Path, dtype: str, request: Request, shard: int | None = None
) -> Iterator[tuple[TokenFile, TokenFile]]:
    """The files of training and validation tokens in the making, the first in pieces of `shard` tokens."""
    with (
        TokenFile(folder, "train", dtype, request.train_tokens, request.train_tokens, shard) as train,
        TokenFile(folder, "val", dtype, request.val_tokens, share(request)) as val,
    ):
        yield train, val


def share(request: Request) -> int:
    """The most tokens that one document gives to the validation set."""
    return max(VAL_SHARE, request.val_tokens // VAL_DOCUMENTS)


def fingerprint(
    identity: dict,
    chosen: tokenizer.Tokenizer,
    train: TokenFile,
    val: TokenFile,
    read: int,
    duplicates: int,
    bytes_per_token: float,
) -> dict:
    """What a corpus says of itself. Raises InputError for a text that is empty or gives fewer validation tokens than requested.

    read, duplicates  documents that were read, and those among them that were there before
    """
    _check(train, val, read, identity["source"]["name"])
    return identity | {
        "tokenizer": identity["tokenizer"] | {"vocab_size": chosen.vocab_size, "end": chosen.end},
        "split": {
            "rule": "a document whose BLAKE2b-128 begins with 64 bits below val_fraction x 2^64 is for validation",
            "val_tokens_per_document": val.share,
        },
        "counts": {
            "documents": read,
            "duplicates": duplicates,
            "train_documents": train.documents,
            "val_documents": val.documents,
            "train_tokens": train.tokens,
            "val_tokens": val.tokens,
            "bytes_per_token": bytes_per_token,
        },
        "text_ran_out": not train.full,
        "dtype": train.dtype,
        "sha256": {"train": train.hash.hexdigest(), "val": val.hash.hexdigest()},
        **({"shards": {"train": train.manifest()}} if len(train.shards) > 1 else {}),
    }


def sample(stream: Iterator[Document], characters: int, name: str) -> list[Document]:
    """The first documents of a stream, until those for training hold so many characters. Raises InputError for no text."""
    head, size = [], 0
    for document in stream:
        head.append(document)
        size += 0 if document.val else len(document.text)
        if size >= characters:
            break
    if not size:
        raise InputError(f"corpus '{name}': the text is empty; no document is left to train on")
    return head


def choose_tokenizer(
    request: Request, stream: Iterator[Document], name: str
) -> tuple[tokenizer.Tokenizer, Iterator[Document]]:
    """The tokenizer, and the stream with what training it has read put back."""
    if request.tokenizer is not None:
        return tokenizer.load(request.tokenizer), stream
    head = sample(stream, SAMPLE * request.vocab_size, name)
    return tokenizer.train((d.text for d in head if not d.val), request.vocab_size), chain(head, stream)


def _write(stream, chosen, train, val, bar):
    """Tokenize until both files are full or the text runs out; return the mean bytes per token."""
    size = tokens = 0
    for batch in batches(stream):
        batch = [document for document in batch if not (val if document.val else train).full]
        for document, ids in zip(batch, chosen.encode([d.text for d in batch]), strict=True):
            (val if document.val else train).add(ids, chosen.end)
            size, tokens = size + document.bytes, tokens + len(ids)
        bar.update(train.tokens - bar.n)
        if train.full and val.full:
            break
    return round(size / max(tokens, 1), 4)


def batches(stream: Iterator[Document]) -> Iterator[list[Document]]:
    """Documents in groups of about BATCH characters."""
    batch, size = [], 0
    for document in stream:
        batch.append(document)
        size += len(document.text)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _check(train, val, read, name):
    if not train.tokens:
        raise InputError(f"corpus '{name}': the text is empty; no document is left to train on")
    if not val.full:
        raise InputError(
            f"corpus '{name}': its {read:,} documents give {val.tokens:,} of the {val.limit:,} validation tokens; "
            "lower data.val_tokens, raise data.val_fraction or add text"
        )
    if not train.full:
        print(
            f"corpus '{name}': the text ends after {train.tokens:,} of {train.limit:,} training tokens; "
            "longer runs go through it more than once",
            file=sys.stderr,
        )
