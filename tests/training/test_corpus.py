"""The pipeline, on the source of a few installed packages."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from transformers import AutoTokenizer, ByT5Tokenizer

from losslaws.curves import InputError
from training import config
from training.corpus import build, installed, open_corpus, prepare, sources, stamp, tokenizer
from training.corpus.build import Documents

REAL = {
    "source": "installed",
    "packages": ["click", "packaging", "pyparsing"],
    "vocab_size": 400,
    "train_tokens": 60_000,
    "val_tokens": 3_000,
    "val_fraction": 0.2,
}
LETTERS = [f"{a}{b} is a document of its own\n" * 9 for a in "abcdefghijklmnop" for b in "qrstuvwxyz"]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    return tmp_path_factory.mktemp("corpora")


@pytest.fixture(scope="module")
def real(corpora):
    return prepare(REAL, corpora)


def local(folder, texts, **options):
    """The config of a local corpus of `texts`, one line of jsonl each."""
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    small = {"vocab_size": 300, "train_tokens": 500, "val_tokens": 200, "val_fraction": 0.2}
    return {"source": "local", "paths": str(path)} | small | options


def made_in(folder):
    """What a build left in `folder`, locks aside."""
    return [path for path in folder.glob("*") if path.suffix != ".lock"]


def texts_of(corpus, tokens):
    return AutoTokenizer.from_pretrained(corpus.folder).decode(tokens).split("<|endoftext|>")


def test_the_sources_are_the_files_that_give_text():
    assert sources() == ["hub", "installed", "local", "pretokenized", "wheels"]


def test_counts_and_types_are_those_of_the_request(real):
    assert (len(real.train), len(real.val)) == (60_000, 3_000)
    assert real.train.dtype == real.val.dtype == np.uint16
    assert isinstance(real.train, np.memmap)
    assert real.vocab_size == 400
    assert max(real.train.max(), real.val.max()) < 400
    counts = real.fingerprint["counts"]
    assert counts["train_tokens"] == 60_000
    assert counts["val_documents"] >= 3  # none gives more than 1,024 tokens
    assert set(real.fingerprint["source"]["packages"]) == {"click", "packaging", "pyparsing"}
    assert real.fingerprint["text_ran_out"] is False


def test_tokens_spell_the_documents(real):
    written = set(installed.documents(packages=REAL["packages"]))
    for part in (real.train, real.val):
        first, *whole, _last = texts_of(real, part)
        assert any(text.startswith(first) for text in written)
        assert all(any(text.startswith(piece) for text in written) for piece in whole)
    assert sum(text in written for text in texts_of(real, real.train)) >= 3


def test_training_and_validation_share_no_document(tmp_path):
    corpus = prepare(local(tmp_path, LETTERS, train_tokens=10**6), tmp_path)
    train, val = (set(texts_of(corpus, part)) - {""} for part in (corpus.train, corpus.val))
    assert len(train) > 50
    assert len(val) > 2
    assert not train & val


def test_the_same_request_is_the_same_corpus_in_another_process_and_folder(real, tmp_path):
    code = (
        "import json, sys; from training.corpus import prepare; c = prepare(json.loads(sys.argv[1]), sys.argv[2]); "
        "print(c.id, c.folder.name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(REAL), str(tmp_path)],
        cwd=installed.REQUIREMENTS.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [real.id, real.folder.name]


def test_an_existing_corpus_is_opened_without_reading_the_text(real, corpora, monkeypatch):
    monkeypatch.delattr(build, "build")
    assert prepare(REAL, corpora).id == real.id


def test_validation_does_not_depend_on_how_much_is_trained(real, corpora):
    less = prepare(REAL | {"train_tokens": 20_000}, corpora)
    np.testing.assert_array_equal(less.train, real.train[:20_000])
    np.testing.assert_array_equal(less.val, real.val)
    assert less.id != real.id


@given(st.lists(st.text(max_size=4)), st.randoms(use_true_random=False))
def test_the_side_of_a_document_does_not_depend_on_the_order(texts, random):
    shuffled = random.sample(texts, len(texts))
    one, other = ({d.text: d.val for d in Documents(order, 0.5)} for order in (texts, shuffled))
    assert one == other
    assert set(one) == {text for text in texts if text.strip()}


def test_about_the_asked_share_is_for_validation():
    sides = [d.val for d in Documents((str(number) for number in range(5000)), 0.1)]
    assert abs(np.mean(sides) - 0.1) < 4 * np.sqrt(0.09 / 5000)


def test_duplicates_and_empty_documents_are_left_out():
    documents = Documents(["a", "b", "a", "", " \n", "b", "c", "\ud800", "?"], 0.5)
    assert [d.text for d in documents] == ["a", "b", "c", "?"]  # a lone surrogate becomes a question mark
    assert (documents.read, documents.duplicates) == (7, 3)


def test_a_document_gives_no_more_than_its_share_of_the_validation_set(tmp_path):
    long = [f"{number} " + "some long text " * 3000 for number in range(30)]
    corpus = prepare(local(tmp_path, long, val_tokens=3000, val_fraction=0.3), tmp_path)
    ends = np.flatnonzero(corpus.val == 0)
    assert len(ends) == 2
    assert all(b - a == 1024 for a, b in pairwise([-1, *ends]))


def test_text_that_spells_the_end_token_is_ordinary_text(tmp_path):
    corpus = prepare(local(tmp_path, [text + "<|endoftext|>" for text in LETTERS], train_tokens=10**6), tmp_path)
    assert (corpus.train == 0).sum() == corpus.fingerprint["counts"]["train_documents"]


def test_a_text_that_runs_out_is_kept_and_said(tmp_path, capsys):
    corpus = prepare(local(tmp_path, LETTERS, train_tokens=10**6), tmp_path)
    assert corpus.fingerprint["text_ran_out"] is True
    assert len(corpus.train) == corpus.fingerprint["counts"]["train_tokens"] < 10**6
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"the text ends after {len(corpus.train):,} of 1,000,000 training tokens" in line


def test_any_auto_tokenizer_serves(real, tmp_path):
    own = prepare(REAL | {"tokenizer": str(real.folder)}, tmp_path / "own")
    assert own.vocab_size == real.vocab_size
    np.testing.assert_array_equal(own.train, real.train)
    ByT5Tokenizer().save_pretrained(tmp_path / "bytes")  # one without a fast version
    corpus = prepare(local(tmp_path, LETTERS, tokenizer=str(tmp_path / "bytes")), tmp_path)
    first = bytes(int(token) - 3 for token in corpus.train[: len(LETTERS[0])]).decode()
    assert first in LETTERS
    assert corpus.train[len(first)] == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(
            ("tokenizer.json", content)
            for content in ("{}", "null", "[]", "[" * 99_999, '{"model": {"type": "BPE"}}', "\xff")
        ),
        *(("tokenizer_config.json", content) for content in ("", "null", "[]", '{"tokenizer_class": 3}', "[" * 99_999)),
        *(("tokenizer_config.json", f'{{"eos_token": {eos}}}') for eos in ("3", '{"a": 1}')),
    ],
)
def test_a_folder_that_is_no_tokenizer_is_one_line(real, tmp_path, name, content):
    shutil.copytree(real.folder, tmp_path / "tokenizer")
    (tmp_path / "tokenizer" / name).write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match="no folder or hub name of a tokenizer that can be loaded") as caught:
        tokenizer.load(str(tmp_path / "tokenizer"))
    assert "\n" not in str(caught.value)


def test_ids_beyond_16_bits_take_32(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    many = {"<end>": 0, "<unknown>": 1} | {f"word{number}": number for number in range(2, 70_000)}
    fast = Tokenizer(models.WordLevel(many, unk_token="<unknown>"))
    fast.pre_tokenizer = pre_tokenizers.Whitespace()
    fast.add_special_tokens(["<end>"])
    (tmp_path / "words").mkdir()
    fast.save(str(tmp_path / "words" / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<end>", "unk_token": "<unknown>"}
    (tmp_path / "words" / "tokenizer_config.json").write_text(json.dumps(about))
    texts = [f"word{number} word{number + 1}" for number in range(69_000, 69_900)]
    corpus = prepare(local(tmp_path, texts, tokenizer=str(tmp_path / "words")), tmp_path)
    assert corpus.train.dtype == np.uint32
    assert corpus.vocab_size == 70_000
    assert corpus.train[corpus.train > 1].min() >= 69_000
    assert [build.id_type(size) for size in (2**16, 2**16 + 1, 2**32)] == ["<u2", "<u4", "<u4"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"source": "lokal"}, "did you mean 'local'"),
        ({"vocabsize": 400}, "did you mean 'vocab_size'"),
        ({"vocab_size": 2**32 + 1}, "at most 4,294,967,296"),
        ({"vocab_size": 256}, "at least 257"),
        ({"train_tokens": 0}, "at least 1"),
        ({"train_tokens": 10.5}, "whole number"),
        ({"val_tokens": "many"}, "val_tokens"),
        ({"val_fraction": 1}, "between 0 and 1"),
        ({"val_tokens": 10**6}, "of the 1,000,000 validation tokens"),
        ({"tokenizer": "./nowhere/to/be/found"}, "is no folder or hub name"),
    ],
)
def test_bad_requests_end_with_one_line(tmp_path, wrong, message):
    with pytest.raises(InputError, match=message) as caught:
        prepare(local(tmp_path, LETTERS) | wrong, tmp_path / "corpora")
    assert "\n" not in str(caught.value)
    assert made_in(tmp_path / "corpora") == []  # nothing half-built stays


@pytest.mark.parametrize("texts", [[], ["", "  \n"]])
def test_an_empty_text_is_refused(tmp_path, texts):
    with pytest.raises(InputError, match="the text is empty"):
        prepare(local(tmp_path, texts), tmp_path)


def test_damage_is_noticed(real, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(real.folder, broken)
    assert open_corpus(broken).id == real.id
    content = bytearray((broken / "val.bin").read_bytes())
    content[100] ^= 1
    (broken / "val.bin").write_bytes(content)
    with pytest.raises(InputError, match=r"val\.bin: is missing or damaged"):
        open_corpus(broken)
    (broken / "train.bin").unlink()
    with pytest.raises(InputError, match=r"train\.bin: is missing or damaged"):
        open_corpus(broken)
    (broken / "fingerprint.json").write_text("{}")
    with pytest.raises(InputError, match=r"fingerprint\.json: lacks the key"):
        open_corpus(broken)
    with pytest.raises(InputError, match="no such file"):
        open_corpus(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("dtype", value) for value in ("O", "<f8", 3, None, ["<u2"])),
        *(("sha256", value) for value in ("0" * 64, {"train": "0"}, {"train": [1], "val": 3}, None)),
        *(("tokenizer", value) for value in (3, {}, {"vocab_size": "x"}, {"vocab_size": 0})),
        *(("shards", value) for value in ([], {"train": []}, {"train": [1]}, {"train": [{"file": 3, "sha256": "0"}]})),
        *(("tokens", value) for value in (10**9, -1, 1.5)),
        *(("offset", value) for value in (10**9, -2, "x")),
        ("file", "../nowhere.bin"),
        ("file", "."),
    ],
)
def test_a_fingerprint_of_other_types_is_one_line(real, tmp_path, key, value):
    shutil.copytree(real.folder, broken := tmp_path / "broken")
    about = json.loads((broken / "fingerprint.json").read_text())
    if key in about or key == "shards":
        about[key] = value
    else:
        about["shards"] = {"val": [{"file": "val.bin", "sha256": about["sha256"]["val"], key: value}]}
    (broken / "fingerprint.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match=rf"{broken}.*to build it again") as caught:
        open_corpus(broken)
    assert "\n" not in str(caught.value)


def test_a_token_file_is_read_through_once_until_it_changes(real, tmp_path, monkeypatch):
    folder = tmp_path / "copy"
    shutil.copytree(real.folder, folder)  # with the stamps of other files
    read = []
    monkeypatch.setattr(
        stamp, "file_digest", lambda file, name: read.append(Path(file.name).name) or file_digest(file, name)
    )
    for _ in range(2):
        open_corpus(folder)
    assert sorted(read) == ["train.bin", "val.bin"]
    os.utime(folder / "val.bin")
    open_corpus(folder)
    assert sorted(read) == ["train.bin", "val.bin", "val.bin"]
    (folder / ".val.bin.verified").write_text("{")
    open_corpus(folder)
    assert len(read) == 4
    about = json.loads((folder / "fingerprint.json").read_text())
    about["sha256"]["val"] = "0" * 64  # the stamp is of this file, but of another sum
    (folder / "fingerprint.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match=r"val\.bin: is missing or damaged"):
        open_corpus(folder)


def test_what_was_built_is_not_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(stamp, "file_digest", None)
    made = prepare(local(tmp_path, LETTERS), tmp_path / "corpora")
    assert open_corpus(made.folder).id == made.id


def test_of_processes_that_open_a_corpus_at_once_one_reads_it(real, tmp_path, monkeypatch):
    """As the ranks of one run do, and the workers of a sweep."""
    shutil.copytree(real.folder, folder := tmp_path / "copy")  # with the stamps of other files
    read = []

    def slowly(file, name):
        read.append(Path(file.name).name)
        time.sleep(0.3)
        return file_digest(file, name)

    monkeypatch.setattr(stamp, "file_digest", slowly)
    with ThreadPoolExecutor(4) as pool:  # a lock is of the file that a thread has opened, as of a process's
        assert len({made.id for made in pool.map(open_corpus, [folder] * 4)}) == 1
    assert sorted(read) == ["train.bin", "val.bin"]


def test_where_no_lock_is_to_be_had_everybody_reads(real, tmp_path, monkeypatch):
    shutil.copytree(real.folder, folder := tmp_path / "copy")

    def refuse(self, **rest):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(stamp.FileLock, "acquire", refuse)
    assert open_corpus(folder).id == real.id


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path, monkeypatch):
    def full(self, ids, end):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(build.TokenFile, "add", full)
    with pytest.raises(InputError, match="No space left on device"):
        prepare(local(tmp_path, LETTERS), tmp_path / "corpora")
    assert made_in(tmp_path / "corpora") == []
    monkeypatch.undo()
    prepare(local(tmp_path, LETTERS), tmp_path / "corpora")


def test_a_tokenizer_that_cannot_be_written_says_so(real, tmp_path, monkeypatch):
    from transformers import PreTrainedTokenizerFast

    def full(self, folder):
        raise Exception("No space left on device (os error 28)")

    monkeypatch.setattr(PreTrainedTokenizerFast, "save_pretrained", full)
    with pytest.raises(InputError, match="No space left on device"):
        prepare(REAL | {"tokenizer": str(real.folder)}, tmp_path)
    assert made_in(tmp_path) == []


SLOWLY = """
import json, sys, time
from training.corpus import build, prepare

add = build.TokenFile.add
build.TokenFile.add = lambda *arguments: (time.sleep(0.02), add(*arguments))
print(prepare(json.loads(sys.argv[1]), sys.argv[2]).id)
"""


@pytest.mark.slow
def test_builders_side_by_side_and_killed_ones_leave_one_whole_corpus(tmp_path):
    def builder():
        command = [sys.executable, "-c", SLOWLY, json.dumps(data), str(folder)]
        return subprocess.Popen(command, cwd=config.CONF.parent, stdout=subprocess.PIPE, text=True)

    data, folder = local(tmp_path, LETTERS), tmp_path / "corpora"
    killed = builder()
    while killed.poll() is None and not list(folder.glob(".*.tmp/train.bin")):
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    (left,) = made_in(folder)
    assert left.suffix == ".tmp"
    one, other = builder(), builder()
    ids = {one.communicate(timeout=60)[0], other.communicate(timeout=60)[0]}
    (made,) = made_in(folder)
    assert ids == {f"{open_corpus(made).id}\n"}


def test_every_preset_names_options_of_its_source():
    from training import corpus

    presets = sorted((config.CONF / "data").glob("*.yaml"))
    assert {"installed-python", "local", "wikitext-103", "fineweb-edu", "tinystories"} <= {p.stem for p in presets}
    for preset in presets:
        data = OmegaConf.to_container(OmegaConf.load(preset), resolve=True)
        source = corpus._source(data.pop("source"))
        data.pop("repeat", None)  # how a run goes through its text, not what the text is
        build.Request(**{key: data.pop(key) for key in build.Request.names() if key in data})
        corpus._check(data, source)
