"""Large corpora: tokenized in pieces by several processes, some of them killed, they are the corpus that is built in one go."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from losslaws.curves import InputError
from tests.training.conftest import ROOT
from training import corpus
from training.corpus import build, hub, local, open_corpus, pieces, prepare, stamp, tokens
from training.corpus.batches import train_batch, val_batches
from training.corpus.tokens import TokenFile, Tokens

WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "his",
    "but",
    "at",
    "are",
    "this",
    "have",
]


def documents(number, seed=0):
    """Texts of all lengths, some of them twice, one of them long."""
    rng = np.random.default_rng(seed)
    made = [" ".join(rng.choice(WORDS, rng.integers(1, 300))) + f" {n}\n" for n in range(number)]
    made[number // 3] = "a very long text " * 4000
    return [*made, *made[: number // 10], "", *made[number // 2 : number // 2 + 5]]


@pytest.fixture
def small(monkeypatch):
    """Pieces of 20 kB, files of 7,000 tokens."""
    monkeypatch.setattr(pieces, "PIECE", 20_000)
    monkeypatch.setattr(tokens, "SHARD", 7_000)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": one}) + "\n" for one in documents(400)))
    return path


def config(text, **options):
    small = {"vocab_size": 300, "train_tokens": 100_000, "val_tokens": 3000, "val_fraction": 0.1}
    return {"source": "local", "paths": str(text)} | small | options


def at_once(data, folder, monkeypatch):
    """The corpus in one go and one file, as a small text is built."""
    with monkeypatch.context() as patch:
        patch.setattr(tokens, "SHARD", 10**9)
        return prepare(data, folder)


# Pieces are the documents


def test_the_pieces_of_local_files_are_the_documents_in_their_order(tmp_path):
    texts = documents(60)
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "b.jsonl").write_text(lines[:-1].replace("\n", "\r\n"))  # no end of the last line
    (tmp_path / "c.jsonl.zst").write_bytes(zstandard.compress(lines.encode()))
    (tmp_path / "d.md").write_text("\n".join(texts))
    for number, text in enumerate(texts[:30]):
        (tmp_path / f"{number}.txt").write_text(text)
    pq.write_table(pa.table({"text": texts}), tmp_path / "e.parquet", row_group_size=7)
    whole = list(local.documents(paths=[str(tmp_path)]))
    for size in (700, 5_000, 10**9):
        made = local.pieces(paths=[str(tmp_path)], size=size)
        assert [text for piece in made for text in piece()] == whole
        assert len(made) == 1 if size == 10**9 else len(made) > 3


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), min_size=1, max_size=20), st.integers(1, 100))
@hypothesis(deadline=None)
def test_lines_of_any_length_belong_to_one_piece(tmp_path_factory, texts, size):
    path = tmp_path_factory.mktemp("lines") / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), newline="")
    assert [text for piece in local.pieces(paths=str(path), size=size) for text in piece()] == texts


def test_a_bad_line_is_named_by_its_number_in_the_file(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "fine"}\n' * 50 + "{\n" + '{"text": "fine"}\n' * 50)
    for size in (100, 10**9):
        with pytest.raises(InputError, match="line 51 is not valid JSON"):
            [list(piece()) for piece in local.pieces(paths=str(tmp_path), size=size)]


@pytest.mark.parametrize("streaming", [True, False])
def test_the_pieces_of_a_data_set_are_its_rows_in_their_order(tmp_path, streaming, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    for number in range(3):
        rows = [f"{number} {row}" for row in range(50)]
        (tmp_path / f"{number}.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    options = {"path": "json", "data_files": [str(tmp_path / f"{n}.jsonl") for n in range(3)], "streaming": streaming}
    whole = list(hub.documents(**options))
    made = hub.pieces(size=200, **options)
    assert [text for piece in made for text in piece()] == whole and len(whole) == 150
    assert len(made) == 3 if streaming else len(made) > 2
    (one,) = hub.pieces(size=500, document_start=".* 49", **options)
    assert list(one()) == list(hub.documents(document_start=".* 49", **options))


# The corpus of pieces is the corpus


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "options",
    [
        {"train_tokens": 60_000},
        {"train_tokens": 14_000},  # files end where the tokens do
        {"train_tokens": 10**6},  # the text runs out
        {"train_tokens": 30_000, "val_tokens": 9_000, "val_fraction": 0.3},  # a long document is cut
        {"train_tokens": 8_000, "val_tokens": 60},
    ],
)
def test_a_corpus_of_pieces_is_the_one_that_is_built_at_once(text, options, workers, small, tmp_path, monkeypatch):
    data = config(text, **options)
    whole = at_once(data, tmp_path / "whole", monkeypatch)
    made = prepare(data, tmp_path / "made", workers)
    assert made.id == whole.id and made.folder.name == whole.folder.name
    np.testing.assert_array_equal(made.train[:], whole.train)
    np.testing.assert_array_equal(made.val, whole.val)
    assert isinstance(made.train, Tokens) and len(made.train.parts) == -(-len(whole.train) // 7_000)
    files = {path.name for path in made.folder.iterdir() if path.suffix == ".bin"}
    assert files == {"val.bin", *(f"train-{number:05d}.bin" for number in range(len(made.train.parts)))}
    assert (made.folder / "tokenizer.json").read_bytes() == (whole.folder / "tokenizer.json").read_bytes()
    known, found = whole.fingerprint["counts"], made.fingerprint["counts"]
    for key in ("train_tokens", "val_tokens", "train_documents", "val_documents"):
        assert found[key] == known[key]
    if options["train_tokens"] == 10**6:
        del (
            known["bytes_per_token"],
            found["bytes_per_token"],
        )  # of all that was tokenized, of which the other leaves some out
        assert found == known  # the whole text was read
    assert made.fingerprint.keys() - whole.fingerprint.keys() == {"shards"}
    assert [path.name for path in (tmp_path / "made").iterdir() if path.suffix != ".lock"] == [made.folder.name]


def test_a_tokenizer_that_is_named_serves(text, small, tmp_path, monkeypatch):
    own = at_once(config(text), tmp_path / "own", monkeypatch)
    data = config(text, tokenizer=str(own.folder), train_tokens=20_000)
    whole = at_once(data, tmp_path / "whole", monkeypatch)
    assert prepare(data, tmp_path / "made", 2).id == whole.id


def test_a_text_that_ends_within_one_file_is_one_file(text, tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "SHARD", 900_000)
    made = prepare(config(text, train_tokens=10**6), tmp_path, 1)
    assert "shards" not in made.fingerprint and (made.folder / "train.bin").exists()


def test_only_as_much_is_tokenized_as_is_wanted(text, small, tmp_path):
    work = corpus.work(config(text, train_tokens=8_000, val_tokens=60), tmp_path)
    work.tokenize()
    assert 1 <= len(list(work.folder.glob("*.npy"))) < len(work.texts) / 2


def test_duplicates_of_other_pieces_are_made_up_for(tmp_path, small, monkeypatch):
    texts = documents(300)
    lines = "".join(json.dumps({"text": one}) + "\n" for one in [*texts[:60], *texts[:60], *texts])
    (tmp_path / "texts.jsonl").write_text(lines)
    data = config(tmp_path / "texts.jsonl", train_tokens=20_000)
    whole = at_once(data, tmp_path / "whole", monkeypatch)
    assert prepare(data, tmp_path / "made", 1).id == whole.id


@given(st.integers(1, 60), st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(1, 90), st.data())
@hypothesis(deadline=None)
def test_copying_a_piece_is_adding_its_documents(tmp_path_factory, limit, lengths, share, data):
    folder = tmp_path_factory.mktemp("copy")
    chosen = data.draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    before = data.draw(st.integers(0, limit))
    whole = [[*range(1, length), 0] for length in lengths]
    np.concatenate([np.array(one, "<u2") for one in whole]).tofile(folder / "piece.bin")
    with (
        TokenFile(folder, "one", "<u2", limit, share, 7) as one,
        TokenFile(folder, "other", "<u2", limit, share) as other,
    ):
        for file in (one, other):
            file.append(np.full(before, 99, "<u2"))
        used = pieces.copy(folder / "piece.bin", np.array(lengths), np.array(chosen), one, 0)
        for document, wanted in zip(whole, chosen, strict=True):
            if wanted:
                other.add(document[:-1], 0)
    assert (one.tokens, one.documents, one.hash.digest()) == (other.tokens, other.documents, other.hash.digest())
    assert used.size == one.documents


# Killed, side by side, damaged


BUILD = """
import json, socket, sys
from training.corpus import build, pieces, prepare, tokens
pieces.PIECE, tokens.SHARD, pieces.LOOK = 20_000, 7_000, 0.01
socket.gethostname = lambda: sys.argv[4]
print(prepare(json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])).id)
"""


def builder(data, folder, workers, host="here"):
    command = [sys.executable, "-c", BUILD, json.dumps(data), str(folder), str(workers), host]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, process):
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


@pytest.mark.slow
def test_killed_half_way_and_resumed_it_equals_the_one_built_at_once(text, small, tmp_path, monkeypatch):
    data = config(text, train_tokens=10**6)
    whole = at_once(data, tmp_path / "whole", monkeypatch)
    number = len(corpus.work(data, tmp_path, 20_000).texts)
    assert number > 10
    folder = tmp_path / "made"
    done = lambda: sorted(path.name for path in folder.glob(".*.pieces/*.npy"))  # noqa: E731
    killed = builder(data, folder, 2)
    wait_for(lambda: len(done()) >= number // 3, killed)
    killed.kill()
    killed.communicate()
    time.sleep(1)  # its processes notice that they work for nobody
    kept, at = done(), {path.name: path.stat().st_mtime_ns for path in folder.glob(".*.pieces/*.npy")}
    assert number // 3 <= len(kept) < number
    time.sleep(0.5)
    assert done() == kept, "a process goes on without the one that it works for"
    again = builder(data, folder, 2)
    wait_for(lambda: len(done()) > len(kept), again)
    for path in folder.glob(".*.pieces/*.npy"):  # what was done was not done again
        assert at.get(path.name) in (None, path.stat().st_mtime_ns)
    out, error = again.communicate()
    assert out == f"{whole.id}\n", error
    assert not list(folder.glob(".*.pieces"))


@pytest.mark.slow
def test_killed_while_it_is_put_together_it_is_put_together_again(text, small, tmp_path, monkeypatch):
    data = config(text, train_tokens=10**6)
    whole = at_once(data, tmp_path / "whole", monkeypatch)
    work = corpus.work(data, tmp_path / "made")
    work.tokenize()
    (work.target.with_name(f".{work.target.name}.tmp")).mkdir()  # of a process that was killed
    (work.target.with_name(f".{work.target.name}.tmp") / "train-00000.bin").write_bytes(b"x" * 100)
    monkeypatch.setattr(pieces.Work, "_tokenize", None)
    assert prepare(data, tmp_path / "made", 2).id == whole.id


@pytest.mark.slow
def test_two_machines_help_each_other(text, small, tmp_path, monkeypatch):
    data = config(text, train_tokens=10**6)
    whole = at_once(data, tmp_path / "whole", monkeypatch)
    two = [builder(data, tmp_path / "made", 1, host) for host in ("one", "other")]
    for process in two:
        out, error = process.communicate()
        assert out == f"{whole.id}\n", error
    assert [path.name for path in (tmp_path / "made").iterdir() if path.suffix != ".lock"] == [whole.folder.name]


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_build_with_one_line(text, small, tmp_path, monkeypatch):
    data = config(text, train_tokens=10**6)
    work = corpus.work(data, tmp_path)
    work.tokenizer  # noqa: B018 (made before, so that nothing is read into this process)
    with pieces.Crew(work, data, 2, 1) as crew:
        os.kill(crew.processes[1].pid, signal.SIGKILL)
        crew.processes[1].wait()
        with pytest.raises(InputError, match=r"killed by signal 9\); give the same command again"):
            crew.ended()
    assert all(process.poll() is not None for process in crew.processes)


@pytest.mark.slow
def test_bad_text_is_refused_in_one_line_by_whichever_process_meets_it(text, small, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text(text.read_text() + "{\n")
    lines = text.read_text().count("\n")
    with pytest.raises(InputError, match=f"line {lines + 1} is not valid JSON"):
        prepare(config(path, train_tokens=10**6), tmp_path / "made", 2)


def test_damage_in_a_file_is_noticed_and_sound_ones_are_read_once(text, small, tmp_path, monkeypatch):
    made = prepare(config(text, train_tokens=30_000), tmp_path, 1)
    read = []
    digest = stamp.file_digest
    monkeypatch.setattr(stamp, "file_digest", lambda file, name: read.append(file.name) or digest(file, name))
    assert open_corpus(made.folder).id == made.id
    assert read == []
    with open(made.folder / "train-00003.bin", "r+b") as file:
        file.seek(5)
        file.write(b"\xff")
    with pytest.raises(InputError, match=r"train-00003\.bin: is missing or damaged"):
        open_corpus(made.folder)
    assert len(read) == 1
    (made.folder / "train-00001.bin").unlink()
    with pytest.raises(InputError, match=r"train-00001\.bin: is missing or damaged"):
        open_corpus(made.folder)


# Reading


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(0, 250), st.integers(0, 250))
def test_several_files_read_as_one(sizes, start, stop):
    whole = np.arange(sum(sizes), dtype=np.uint16)
    several = Tokens(np.split(whole, np.cumsum(sizes)[:-1]))
    assert len(several) == several.size == whole.size and several.dtype == whole.dtype
    np.testing.assert_array_equal(several[start:stop], whole[start:stop])


def test_batches_of_several_files_are_those_of_one():
    whole = np.arange(1000, dtype=np.uint16)
    several = Tokens(np.split(whole, [3, 300, 301, 720]))
    for step in range(1, 40):
        np.testing.assert_array_equal(train_batch(several, step, 1, 4, 16), train_batch(whole, step, 1, 4, 16))
    for one, other in zip(val_batches(several, 3, 20), val_batches(whole, 3, 20), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_large_file_is_not_read_ahead(tmp_path, monkeypatch):
    import mmap

    given_, madvise = [], mmap.mmap.madvise

    class Map(mmap.mmap):
        def madvise(self, advice):
            given_.append(advice)
            madvise(self, advice)

    np.arange(100, dtype="<u2").tofile(tmp_path / "a.bin")
    monkeypatch.setattr(mmap, "mmap", Map)
    for loaded, advice in ((10**6, mmap.MADV_WILLNEED), (10, mmap.MADV_RANDOM)):
        monkeypatch.setattr(tokens, "LOADED", loaded)
        assert tokens.open_files([{"path": tmp_path / "a.bin"}], "<u2").size == 100
        assert given_.pop() == advice


def test_the_folder_of_a_corpus_does_not_depend_on_how_it_is_built():
    request = {"source": "local", "paths": __file__.replace("test_corpus_pieces.py", "one_node.sh")}
    with pytest.raises(InputError, match="known kind"):
        corpus.work(request, "corpora")
    assert build.FORMAT == 1
