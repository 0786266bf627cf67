"""Token files of others: with llm.c's header, without any, and as .npy."""

import numpy as np
import pytest

from losslaws.curves import InputError
from training import config
from training.corpus import open_corpus, prepare, stamp
from training.corpus.batches import train_batch
from training.corpus.pretokenized import opened

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(0, 300, 10_000).astype("<u2")


def llm_c(path, tokens, magic=20240520, said=None):
    header = np.zeros(256, "<i4")
    header[:3] = magic, 1, tokens.size if said is None else said
    path.write_bytes(header.tobytes() + tokens.tobytes())


@pytest.fixture
def folder(tmp_path):
    """The tokens in three files with llm.c's header, the last the validation set."""
    (tmp_path / "fineweb").mkdir()
    for name, part in (
        ("train_000001", TOKENS[:4000]),
        ("train_000002", TOKENS[4000:9000]),
        ("val_000000", TOKENS[9000:]),
    ):
        llm_c(tmp_path / "fineweb" / f"x_{name}.bin", part)
    return tmp_path / "fineweb"


def data(paths, **options):
    asked = {"vocab_size": 300, "train_tokens": 10**6, "val_tokens": 500}
    return {"source": "pretokenized", "paths": str(paths)} | asked | options


def test_files_of_others_are_read_where_they_lie(folder, tmp_path):
    asked = data(folder / "x_train_*.bin", val_paths=[str(folder / "x_val_000000.bin")])
    made = prepare(asked, tmp_path / "corpora")
    np.testing.assert_array_equal(made.train[:], TOKENS[:9000])
    np.testing.assert_array_equal(made.val, TOKENS[9000:9500])
    assert made.vocab_size == 300 and made.fingerprint["text_ran_out"]
    assert sum(path.stat().st_size for path in made.folder.iterdir()) < 5000  # no copies
    whole = train_batch(TOKENS[:9000], 3, 0, 4, 100)
    np.testing.assert_array_equal(train_batch(made.train, 3, 0, 4, 100), whole)
    less = prepare(asked | {"train_tokens": 4100}, tmp_path / "corpora")
    np.testing.assert_array_equal(less.train[:], TOKENS[:4100])


def test_without_a_set_of_its_own_the_end_is_for_validation(folder, tmp_path):
    made = prepare(data(folder), tmp_path / "corpora")
    np.testing.assert_array_equal(made.train[:], TOKENS[:9500])
    np.testing.assert_array_equal(made.val, TOKENS[9500:])


def test_equal_tokens_are_the_same_corpus_in_every_format(folder, tmp_path):
    ids = {prepare(data(folder), tmp_path / "corpora").id}
    TOKENS.tofile(tmp_path / "plain.bin")
    ids.add(prepare(data(tmp_path / "plain.bin"), tmp_path / "corpora").id)
    np.save(tmp_path / "one.npy", TOKENS)
    ids.add(prepare(data(tmp_path / "one.npy"), tmp_path / "corpora").id)
    TOKENS.astype("<u4").tofile(tmp_path / "wide.bin")
    ids.add(prepare(data(tmp_path / "wide.bin", dtype="uint32"), tmp_path / "corpora").id)
    llm_c(tmp_path / "llama.bin", TOKENS.astype("<u4"), magic=20240801)
    ids.add(prepare(data(tmp_path / "llama.bin"), tmp_path / "corpora").id)
    (tmp_path / "odd.bin").write_bytes(b"header!" + TOKENS.tobytes())
    ids.add(prepare(data(tmp_path / "odd.bin", header=7), tmp_path / "corpora").id)
    assert len(ids) == 1


def test_damage_is_noticed_though_the_files_are_elsewhere(folder, tmp_path, monkeypatch):
    read, digest = [], stamp.file_digest
    monkeypatch.setattr(stamp, "file_digest", lambda file, name: read.append(file.name) or digest(file, name))
    made = prepare(data(folder), tmp_path / "corpora")
    open_corpus(made.folder)
    assert len(read) == 3  # each once
    stamps = list(made.folder.glob(".*.verified"))
    assert len(stamps) == 3 and not list(folder.glob(".*"))
    with open(folder / "x_train_000002.bin", "r+b") as file:
        file.seek(2000)
        file.write(b"\xff\xff")
    with pytest.raises(InputError, match=r"x_train_000002\.bin: is missing or damaged"):
        open_corpus(made.folder)


@pytest.mark.parametrize(
    ("spoil", "options", "message"),
    [
        (lambda f: None, {"paths": None}, "data.paths is not set"),
        (lambda f: None, {"paths": "nowhere/*.bin"}, "is no token file"),
        (lambda f: None, {"val_tokens": 10**5}, "lower data.val_tokens"),
        (lambda f: None, {"vocab_size": 299}, "beyond the 299 of the vocabulary"),
        (lambda f: None, {"dtype": "uint32"}, "its header speaks of"),
        (lambda f: llm_c(f / "y.bin", TOKENS, said=7), {}, "its header speaks of 7 tokens"),
        (lambda f: (f / "y.bin").write_bytes(b"odd"), {}, "see data.header"),
        (lambda f: (f / "y.bin").write_bytes(b""), {}, "see data.header"),
        (lambda f: (f / "y.npy").write_bytes(b"\x93NUMPY no"), {}, "is no .npy file"),
        (lambda f: np.save(f / "y.npy", TOKENS.reshape(2, -1)), {}, "in one row"),
        (lambda f: np.save(f / "y.npy", TOKENS.astype(float)), {}, "holds float64"),
        (lambda f: np.save(f / "y.npy", np.array([{}], object), allow_pickle=True), {}, "is no .npy file"),
        (lambda f: np.save(f / "y.npy", TOKENS.astype("<u4")), {}, "of another type"),
        (lambda f: None, {"headr": 3}, "did you mean 'header'"),
    ],
)
def test_what_is_no_token_file_is_refused_in_one_line(folder, tmp_path, spoil, options, message):
    spoil(folder)
    with pytest.raises(InputError, match=message) as caught:
        prepare(data(folder) | options, tmp_path / "corpora")
    assert "\n" not in str(caught.value)


def test_a_header_is_told_from_tokens(tmp_path):
    TOKENS.tofile(tmp_path / "plain.bin")
    llm_c(tmp_path / "headed.bin", TOKENS)
    plain, headed = (opened(tmp_path / name) for name in ("plain.bin", "headed.bin"))
    assert (plain.offset, plain.tokens) == (0, TOKENS.size) and (headed.offset, headed.tokens) == (1024, TOKENS.size)


@pytest.mark.slow
def test_a_run_trains_on_them(folder, tmp_path, overrides):
    from training.loop import train

    small = [line for line in overrides if not line.startswith(("data", "corpora"))]
    asked = [
        "data=pretokenized",
        f"data.paths='{folder}'",
        "data.vocab_size=300",
        "data.train_tokens=9500",
        "data.val_tokens=500",
    ]
    done = train(config.load([*small, *asked, "eval.sequences=4", "steps=8", f"corpora={tmp_path}"]))
    assert done.complete["status"] == "complete"
