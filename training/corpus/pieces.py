"""Large corpora: a text is tokenized in pieces by processes side by side, then put together in the order of the text.

A piece is tokenized by one process, which holds its lock, and is there whole or not at all. So any process may be killed,
and any number may help: those of one machine or, the same command given on each, of several that see the same folder. Nobody
assigns anything: a process takes the first piece that nobody has, until the pieces from the first on hold enough. Then one
process leaves duplicates out, tells training from validation, and writes the corpus. Its tokens are those that
`build.build` writes, whoever tokenized what; until it is whole the disk holds both it and the pieces::

    .NAME-HASH.pieces/tokenizer/   the BPE that was trained, if one was
                      00012.bin    tokens of the documents of piece 12, each with the token that ends it
                      00012.npy    of every document the digest and the numbers of tokens and bytes; written last
"""

import json
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from types import ModuleType

import numpy as np
from tqdm import tqdm

from losslaws.curves.errors import InputError, exit_on_input_error
from losslaws.curves.files import atomic
from training import locks
from training.corpus import build, tokenizer, tokens
from training.corpus.build import Request
from training.corpus.folder import make_once
from training.corpus.tokens import TokenFile

PIECE = 2**26  # bytes of text: half a minute of a core
LOOK = 0.5  # seconds between looks at the processes
ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from training.corpus.pieces import help_with; help_with()"]
# of a document: the first 64 bits of its digest, which say its side, the other 64, its tokens with the last one, its bytes
ROW = np.dtype([("side", "<u8"), ("rest", "<u8"), ("tokens", "<u4"), ("bytes", "<u4")])


class Orphaned(SystemExit):
    """The process that this one works for has ended."""


class Work:
    """The pieces of one corpus, which is to become the folder `target`.

    identity  what its fingerprint begins with
    size      bytes of a piece
    parent    the process to work for; None: nobody
    """

    def __init__(
        self,
        target: Path,
        source: ModuleType,
        options: dict,
        request: Request,
        identity: dict,
        size: int = PIECE,
        parent: int | None = None,
    ):
        self.target, self.source, self.options, self.request, self.identity = target, source, options, request, identity
        self.size, self.parent = size, parent
        self.folder = target.with_name(f".{target.name}.pieces")
        self.asked = self.wanted = {"train": request.train_tokens, "val": request.val_tokens}
        self.known: dict[int, dict[str, int]] = {}
        self.limit = np.uint64(math.ceil(build.threshold(request.val_fraction)))

    @cached_property
    def texts(self) -> list[Callable[[], Iterator[str]]]:
        """What gives the documents of each piece."""
        return self.source.pieces(**self.options, size=self.size)

    @cached_property
    def tokenizer(self) -> tokenizer.Tokenizer:
        """That of the request; a BPE is trained by the first process that asks for it."""
        if self.request.tokenizer is not None:
            return tokenizer.load(self.request.tokenizer)
        make_once(self.folder / "tokenizer", self._train)
        return tokenizer.trained(self.folder / "tokenizer")

    def _train(self, new):
        documents = build.Documents(self.source.documents(**self.options), self.request.val_fraction)
        build.choose_tokenizer(self.request, iter(documents), self.identity["source"]["name"])[0].save(new)
        return self.identity

    def path(self, number: int, ending: str) -> Path:
        """A file of a piece."""
        return self.folder / f"{number:05d}{ending}"

    def rows(self, number: int) -> np.ndarray:
        """Of every document of a piece what ROW says."""
        return np.load(self.path(number, ".npy"), allow_pickle=False)

    def missing(self) -> list[int]:
        """The pieces that are not there, up to the first piece before which, from the first on, enough is."""
        there = set(os.listdir(self.folder)) if self.folder.is_dir() else set()
        found, have = [], dict.fromkeys(self.wanted, 0)
        for number in range(len(self.texts)):
            if all(have[side] >= wanted for side, wanted in self.wanted.items()):
                break
            if number not in self.known and f"{number:05d}.npy" in there:
                self.known[number] = self._count(self.rows(number))
            if number in self.known:
                have = {side: have[side] + tokens for side, tokens in self.known[number].items()}
            else:
                found.append(number)
        return found

    def _count(self, rows):
        """Tokens for training and for validation."""
        val, lengths = rows["side"] < self.limit, rows["tokens"].astype(np.int64)
        cut = np.minimum(lengths[val], build.share(self.request))
        return {"train": int(lengths[~val].sum()), "val": int(cut.sum())}

    def tokenize(self, after: Callable[[], None] = lambda: None) -> None:
        """Tokenize what is missing, a piece at a time, `after` each; in the end wait for what other processes are at."""
        while not self.target.exists() and (missing := self.missing()):
            after()
            if not any(map(self._take, missing)):
                self._take(missing[0], wait=True)

    def _take(self, number, wait=False):
        """Tokenize a piece, unless another process is at it; whether it is there now."""
        try:
            with locks.held(self.path(number, ".lock"), wait, moment=0):
                if not self.path(number, ".npy").exists():
                    self._tokenize(number)
                return True
        except locks.Held:
            return False
        except OSError:
            if self.target.exists():  # whole without this piece, so that another process has removed the folder
                return True
            raise

    def _tokenize(self, number):
        chosen, rows = self.tokenizer, []
        dtype = build.id_type(chosen.vocab_size)
        with atomic(self.path(number, ".bin")) as temporary, open(temporary, "wb") as file:
            for batch in build.batches(build.every(self.texts[number](), self.limit)):
                for document, ids in zip(batch, chosen.encode([one.text for one in batch]), strict=True):
                    ids.append(chosen.end)
                    file.write(np.array(ids, dtype).tobytes())
                    side, rest = (int.from_bytes(part, "big") for part in (document.digest[:8], document.digest[8:]))
                    rows.append((side, rest, len(ids), document.bytes))
                if self.parent not in (None, os.getppid()):
                    raise Orphaned
        with atomic(self.path(number, ".npy")) as temporary, open(temporary, "wb") as file:
            np.save(file, np.array(rows, ROW))

    def merge(self, new: Path) -> dict:
        """Write the corpus into the folder `new`; return its fingerprint."""
        tables, kept = self._enough()
        chosen, read, size, ids = self.tokenizer, 0, 0, 0
        chosen.save(new)
        dtype = build.id_type(chosen.vocab_size)
        with build.token_files(new, dtype, self.request, tokens.SHARD) as (train, val):
            first = 0
            for number, rows in enumerate(tables):
                own, is_val = kept[first : first + len(rows)], rows["side"] < self.limit
                for file, side in ((train, ~is_val), (val, is_val)):
                    used = copy(self.path(number, ".bin"), rows["tokens"], own & side, file, chosen.end)
                    read = max(read, first + int(used.max(initial=-1)) + 1)
                    size += int(rows["bytes"][used].sum())
                    ids += int(rows["tokens"][used].sum()) - used.size
                first += len(rows)
        read = read if train.full and val.full else len(kept)
        repeated = int(np.count_nonzero(~kept[:read]))
        return build.fingerprint(self.identity, chosen, train, val, read, repeated, round(size / max(ids, 1), 4))

    def _enough(self):
        """The rows of all pieces from the first on, and which documents are no duplicates; more are tokenized if those are too few."""
        while True:
            there = 0
            while there < len(self.texts) and self.path(there, ".npy").exists():
                there += 1
            tables = [self.rows(number) for number in range(there)]
            every = np.concatenate([np.empty(0, ROW), *tables])
            kept = unrepeated(every)
            short = {side: self.asked[side] - have for side, have in self._count(every[kept]).items()}
            if there == len(self.texts) or max(short.values()) <= 0:
                return tables, kept
            have = self._count(every)
            self.wanted = {side: have[side] + max(lack, 0) for side, lack in short.items()}
            self.tokenize()


def unrepeated(rows: np.ndarray) -> np.ndarray:
    """Which of the rows, bool [n], are the first with their digest."""
    order = np.lexsort((rows["rest"], rows["side"]))  # stable: of equal ones the first stays the first
    ranked, first = rows[order], np.ones(len(rows), bool)
    first[order[1:]] = (ranked["side"][1:] != ranked["side"][:-1]) | (ranked["rest"][1:] != ranked["rest"][:-1])
    return first


def copy(path: Path, lengths: np.ndarray, chosen: np.ndarray, file: TokenFile, end: int) -> np.ndarray:
    """Append the `chosen` documents of a piece, bool [n], to a token file until that is full; return which were, int [m].

    lengths  tokens of every document of the piece, int [n]

    Neighbours are copied together. A document of more than the file's share of tokens is cut and closed by `end`.
    """
    lengths = lengths.astype(np.int64)
    stops = np.cumsum(lengths)
    used = np.flatnonzero(chosen)
    taken = np.minimum(lengths[used], file.share)
    used = used[file.tokens + np.cumsum(taken) - taken < file.limit]
    if not used.size:
        return used
    whole = np.memmap(path, file.dtype, "r")
    long = lengths[used] > file.share
    apart = np.flatnonzero((np.diff(used) != 1) | long[1:] | long[:-1]) + 1
    for run in np.split(used, apart):
        start, stop = stops[run[0]] - lengths[run[0]], stops[run[-1]]
        if stop - start > file.share and run.size == 1:
            file.append(np.append(whole[start : start + file.share - 1], np.array(end, file.dtype)))
        else:
            file.append(whole[start:stop])
    file.documents += used.size
    return used


def tokenize(work: Work, data: Mapping, workers: int | None = None) -> None:
    """Tokenize the pieces of a corpus by `workers` processes of this machine, by default one for each core.

    data  the config that the work is of

    Raises InputError as reading the text does, and where a process was killed; what is done by then is kept. Another call
    on this machine waits for the first.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with locks.held(work.target.with_name(f".{work.target.name}.{socket.gethostname()}.lock"), wait=True):
        if work.target.exists() or not (missing := work.missing()):
            return
        number = min(workers or cores, len(missing))
        with progress(work) as update:
            work.tokenizer  # noqa: B018 (trained here, with all cores)
            if number > 1:
                with Crew(work, data, number, max(cores // number, 1)) as crew:
                    while not crew.ended():
                        update()
                        time.sleep(LOOK)
            work.tokenize(update)  # alone; or what a process of another machine was at that has been killed


class Crew:
    """Processes that tokenize; a context manager that ends them."""

    def __init__(self, work: Work, data: Mapping, number: int, threads: int):
        self.work, self.said = work, [TemporaryFile() for _ in range(number)]  # noqa: SIM115 (closed at the end)
        arguments = [str(work.target), str(work.size), str(os.getpid()), json.dumps(dict(data))]
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        own = {"PYTHONPATH": path, "RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "true"}
        self.processes = [
            subprocess.Popen([*COMMAND, *arguments], env=os.environ | own, stdout=subprocess.DEVNULL, stderr=said)
            for said in self.said
        ]

    def ended(self) -> bool:
        """Whether all have ended. Raises InputError where one has failed."""
        for process, said in zip(self.processes, self.said, strict=True):
            if process.poll():
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines() or [""]
                if process.returncode == 2:
                    raise InputError(lines[-1].removeprefix("error: "))
                why = f"killed by signal {-process.returncode}" if process.returncode < 0 else lines[-1]
                raise InputError(
                    f"{self.work.folder}: a process that tokenizes has ended ({why}); give the same command again: "
                    f"{len(self.work.known)} pieces are done"
                )
        return all(process.poll() == 0 for process in self.processes)

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *error) -> None:
        for process in self.processes:
            process.terminate()
        for process, said in zip(self.processes, self.said, strict=True):
            process.wait()
            said.close()


@contextmanager
def progress(work: Work) -> Iterator[Callable[[], None]]:
    """A bar of the training tokens; yields a function that brings it up to date."""
    name, total = work.identity["source"]["name"], work.request.train_tokens
    with tqdm(total=total, unit=" tokens", unit_scale=True, desc=f"corpus {name}", disable=None) as bar:

        def update() -> None:
            work.missing()
            bar.update(min(sum(one["train"] for one in work.known.values()), total) - bar.n)

        update()
        yield update


def build_corpus(work: Work, data: Mapping, workers: int | None = None) -> None:
    """Make the corpus of `work`: tokenize what is missing and put it together."""
    tokenize(work, data, workers)
    make_once(work.target, work.merge)


def help_with() -> None:
    """What a process of a Crew does."""
    from training import corpus

    target, size, parent, data = sys.argv[1:]
    exit_on_input_error(lambda: corpus.work(json.loads(data), Path(target).parent, int(size), int(parent)).tokenize())
