"""Damaged logs: one clear line, or a curve that is still the run's. FUZZ=10000 tries so many; the suite tries 400."""

import os
import random
import warnings
from pathlib import Path

import numpy as np
import pytest

from losslaws.curves import InputError, logs
from tests.losslaws.curves.logs.consoles import console
from tests.losslaws.curves.logs.sample_logs import TRAINER_STATE, WRITERS

pytestmark = pytest.mark.slow


TRIES = int(os.environ.get("FUZZ", 400))
TABLES = ("csv", "tsv", "wandb_csv", "wandb_history", "semicolons", "jsonl", "json_in_text")  # a line a row
PRINTED = (
    "llm.c",
    "Megatron-LM",
    "torchtitan",
    "OLMo",
    "Trainer",
    "tqdm",
    "nanoGPT",
    "fairseq",
    "Lightning",
    "DeepSpeed",
)
KINDS = (
    *(*TABLES, "array", "lists", "pandas_json", "gzip", "utf16", "parquet", "tensorboard", "wandb", "trackio"),
    *("mlflow_database", "nanogpt", "run_folder", "trainer_state", *PRINTED),
)
NEEDED = {"wandb": "wandb", "tensorboard": "torch"}
SPOTS = 3  # damages at most in one file
SAME = 0.9  # share of the values that must be the run's own


def flip(content, rng):
    at = rng.randrange(len(content))
    return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]


def cut(content, rng):
    return content[: rng.randrange(len(content))]


def drop(content, rng):
    at = rng.randrange(len(content))
    return content[:at] + content[at + rng.randrange(1, 200) :]


def repeat(content, rng):
    at = rng.randrange(len(content))
    return content[: at + rng.randrange(1, 200)] + content[at:]


def digit(content, rng):
    at = rng.randrange(len(content))
    return content[:at] + rng.choice([b"0", b"9", b"-", b".", b"e", b"nan", b"inf", b"1e400"]) + content[at + 1 :]


def swap_lines(content, rng):
    lines = content.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    return b"\n".join(lines)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """By kind: the bytes of the file that is damaged, its name, the files beside it, and the curve of the whole log."""
    found = {}
    for kind in KINDS:
        if kind in NEEDED and not has(NEEDED[kind]):
            continue
        if kind in PRINTED:
            path = tmp_path_factory.mktemp("printed") / "run.log"
            path.write_text(console(kind))
            found[kind] = path.read_bytes(), path.name, {}, logs.read(path)
            continue
        path = TRAINER_STATE if kind == "trainer_state" else WRITERS[kind](tmp_path_factory.mktemp(kind))
        suffix = {"wandb": ".wandb", "run_folder": "curve.csv"}.get(kind, "")
        file = path if path.is_file() else next(f for f in sorted(path.rglob(f"*{suffix}")) if f.is_file())
        beside = {"run.json": (path / "run.json").read_bytes()} if kind == "run_folder" else {}
        found[kind] = file.read_bytes(), file.name, beside, logs.read(path)
    return found


def has(module):
    try:
        __import__(module)
    except ImportError:
        return False
    return True


def agrees(curve, original):
    """Whether most losses and rates of `curve` are those of the run, or another note says what is odd."""
    if set(curve.source["notes"]) - set(original.source["notes"]):
        return True
    common, mine, other = np.intersect1d(curve.step, original.step, return_indices=True)
    steps = min(curve.schedule.steps, original.schedule.steps)
    rates = np.abs(curve.schedule.lr[:steps] - original.schedule.lr[:steps]) <= 1e-3 * original.schedule.peak
    losses = np.abs(curve.loss[mine] / original.loss[other] - 1) < 1e-3
    return bool(
        common.size >= SAME * curve.step.size - 2
        and losses.mean() >= SAME - 2 / common.size
        and rates.mean() >= SAME - 0.1
    )


@pytest.mark.parametrize("part", range(10))
def test_damage_is_refused_or_harmless(part, originals, tmp_path):
    wrong = []
    kinds = sorted(originals)
    for seed in range(part * TRIES // 10, (part + 1) * TRIES // 10):
        rng = random.Random(seed)
        kind = kinds[seed % len(kinds)]
        content, name, beside, original = originals[kind]
        for _ in range(rng.randrange(1, SPOTS + 1)):
            content = rng.choice([flip, cut, drop, repeat, digit, swap_lines])(content or b" ", rng)
        folder = tmp_path / str(seed)
        folder.mkdir()
        for file, data in {name: content, **beside}.items():
            (folder / file).write_bytes(data)
        outcome = read(folder if beside else folder / name, original)
        if outcome:
            wrong.append(f"{kind}, seed {seed}: {outcome}")
    assert not wrong, "\n".join(wrong[:20])


def read(path: Path, original) -> str:
    """Return what is wrong with how the log is read; nothing if it is refused in one line, or is still the run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            curve = logs.read(path)
    except InputError as error:
        return "" if "\n" not in str(error) and str(path.parent) in str(error) else f"unclear: {error}"
    except Exception as error:  # what the test is for
        return f"{type(error).__name__}: {error}"
    return "" if agrees(curve, original) else "another run, without a word"


def coloured(lines):
    return [line.replace(b"loss", b"\x1b[1;31mloss\x1b[0m").replace(b" ", b" \x1b[38;5;9m", 1) for line in lines]


def doubled(lines):
    return lines + lines


def backwards(lines):
    return lines[::-1]


def shuffled(lines):
    return random.Random(0).sample(lines, len(lines))


def shortened(lines):
    return lines[: len(lines) * 3 // 5]


def spread(lines):
    return [part for line in lines for part in (line, b"", b"some other words")]


def packed(name):
    module = __import__(name)
    return lambda content: module.compress(content)


AS_LINES = (coloured, doubled, backwards, shuffled, shortened, spread)
AS_BYTES = {
    "gzip": packed("gzip"),
    "bz2": packed("bz2"),
    "lzma": packed("lzma"),
    "crlf": lambda content: content.replace(b"\n", b"\r\n"),
    "utf-16": lambda content: content.decode().encode("utf-16"),
    "mark": lambda content: b"\xef\xbb\xbf" + content,
    "no end": lambda content: content.rstrip(b"\n"),
}


@pytest.mark.parametrize("kind", [*TABLES, *PRINTED])
@pytest.mark.parametrize("change", AS_LINES)
def test_other_lines_give_the_same_answer_or_a_note(kind, change, originals, tmp_path):
    content, name, _, original = originals[kind]
    header, *lines = content.rstrip(b"\n").split(b"\n")
    if kind in ("jsonl", "json_in_text", *PRINTED):
        header, lines = b"", [header, *lines]
    if kind in TABLES and change in (coloured, spread):
        pytest.skip("a table has no such lines")
    (tmp_path / name).write_bytes(b"\n".join([header, *change(lines)]).lstrip(b"\n") + b"\n")
    assert not read(tmp_path / name, original)


@pytest.mark.parametrize("kind", [*TABLES, "array", *PRINTED])
@pytest.mark.parametrize("change", AS_BYTES)
def test_other_bytes_give_the_same_answer(kind, change, originals, tmp_path):
    content, name, _, original = originals[kind]
    (tmp_path / name).write_bytes(AS_BYTES[change](content))
    curve = logs.read(tmp_path / name)
    assert np.array_equal(curve.loss, original.loss) and np.array_equal(curve.schedule.lr, original.schedule.lr)
    assert curve.source["notes"] == original.source["notes"] and curve.source["columns"] == original.source["columns"]
