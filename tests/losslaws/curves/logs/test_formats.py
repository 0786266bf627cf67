"""Every kind of log gives the run that was written, and a damaged one gives one clear line."""

import json
from pathlib import Path

import numpy as np
import pytest

from losslaws.curves import InputError, logs
from tests.losslaws.curves.logs.sample_logs import FOLDERS, RUN, TRAINER_STATE, WRITERS

NEEDED = {"wandb": "wandb", "tensorboard": "torch", "nested_tensorboard": "torch", "zstandard": "zstandard"}
ROUNDED = {"tensorboard", "nested_tensorboard", "nanogpt", "xz", "batch_job"}  # to four digits or to floats of 32 bits


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write a kind of log, once; the same is read by several tests."""
    made = {}

    def write(name):
        if name in NEEDED:
            pytest.importorskip(NEEDED[name])
        if name not in made:
            made[name] = WRITERS[name](tmp_path_factory.mktemp(name))
        return made[name]

    return write


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_run(name, written):
    curve = logs.read(written(name))
    close = {"rtol": 5e-5} if name in ROUNDED else {"rtol": 1e-9}
    assert np.array_equal(curve.step, RUN.step)
    np.testing.assert_allclose(curve.loss, RUN.loss, **close)
    np.testing.assert_allclose(curve.train_loss, RUN.train_loss, **close)
    np.testing.assert_allclose(curve.schedule.lr, RUN.schedule.lr, rtol=1e-6, atol=1e-9)
    assert curve.schedule.warmup == 50
    assert len(curve.source["notes"]) == (name in [writer.__name__ for writer in FOLDERS]) and set(
        curve.source["columns"]
    ) == {"step", "lr", "val_loss", "train_loss"}
    if name in ("run_folder", "results_curve"):
        assert curve.tokens_per_step == 512 and curve.schedule.name == "wsd"


def test_every_reader_is_listed_and_has_a_log(written):
    files = [path for path in Path(logs.__file__).parent.glob("*.py") if path.stem != "__init__"]
    readers = {path.stem for path in files if "\ndef matches(" in path.read_text(encoding="utf-8")}
    assert readers == set(logs.FORMATS), "a reader needs its name in FORMATS of losslaws/curves/logs/__init__.py"
    read = {logs.look(written(name)).format.replace(" ", "_") for name in WRITERS if name not in NEEDED}
    untold = readers - read - set(NEEDED)
    assert not untold, "these formats need a writer in WRITERS of tests/losslaws/curves/logs/sample_logs.py"


def test_a_trainer_state_of_transformers_is_read():
    history = [row for row in json.loads(TRAINER_STATE.read_text())["log_history"] if "eval_loss" in row]
    curve = logs.read(TRAINER_STATE)
    assert curve.step.tolist() == [row["step"] for row in history]
    assert curve.loss.tolist() == [row["eval_loss"] for row in history]
    assert curve.schedule.steps == 120 and curve.schedule.peak == pytest.approx(1e-2, rel=1e-2)
    assert curve.schedule.warmup in (10, 11)


def flipped(content, at=0.5):
    """The bytes with one of them changed."""
    place = int(at * len(content))
    return content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]


def only_file(path, suffix=""):
    return path if path.is_file() else next(file for file in sorted(path.rglob(f"*{suffix}")) if file.is_file())


DAMAGE = {
    "csv": (lambda c: c.replace(b"0.001", b"o.oo1", 1), "column 'lr' holds 'o.oo1' in row 50, which is not a number"),
    "tsv": (lambda c: c.replace(b"learning_rate", b"gradient"), "has no column for the learning rate; name it"),
    "wandb_csv": (lambda c: c.replace(b"run - train/loss", b"run - val/loss"), "has two columns 'run - val/loss'"),
    "jsonl": (lambda c: c.replace(b'{"step": 200', b'"step": 200'), "line 200 is not a JSON object"),
    "parquet": (lambda c: c[:-9], "is not a whole parquet file"),
    "tensorboard": (flipped, "the record at byte .* is damaged; copy the file anew"),
    "wandb": (flipped, "the record at byte .* is damaged; copy the file anew"),
    "nanogpt": (lambda c: c.replace(b"loss", b"lass"), "no line names a step and a loss"),
    "run_folder": (lambda c: c.replace(b'"warmup"', b'"warm"'), "lacks the field 'warmup'"),
    "trainer_state": (lambda c: c[: len(c) // 2], "is not valid JSON"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_log_is_one_line_with_a_remedy(name, written, tmp_path):
    damage, message = DAMAGE[name]
    path = TRAINER_STATE if name == "trainer_state" else written(name)
    suffix = {"wandb": ".wandb", "run_folder": "run.json"}.get(name, "")
    file = only_file(path, suffix)
    copy = tmp_path / file.name
    copy.write_bytes(damage(file.read_bytes()))
    if name == "run_folder":
        (tmp_path / "curve.csv").write_bytes((path / "curve.csv").read_bytes())
        copy = tmp_path
    with pytest.raises(InputError, match=message) as caught:
        logs.read(copy)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_log_that_is_still_being_written_is_read_up_to_there(name, written, tmp_path):
    file = only_file(written(name), ".wandb" if name == "wandb" else "")
    copy = tmp_path / file.name
    content = file.read_bytes()
    said = []
    for cut in (0, 1):  # one of the two lies within a record
        copy.write_bytes(content[: len(content) * 2 // 3 - cut])
        curve = logs.read(copy)
        assert 100 < curve.schedule.steps < 400
        np.testing.assert_allclose(curve.loss, RUN.loss[: curve.step.size], rtol=1e-6)
        said += curve.source["notes"]
    assert any("ends within a record" in note for note in said)


def test_several_event_files_of_a_resumed_run_are_joined(tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    for begin, end, shift in ((1, 60, 0.0), (41, 100, 0.5)):
        with tensorboard.SummaryWriter(str(tmp_path), filename_suffix=f".{begin}") as writer:
            for step in range(begin, end + 1):
                writer.add_scalar("lr", 1e-3, step)
                writer.add_scalar("val_loss", 3 + shift, step)
    curve = logs.read(tmp_path)
    assert curve.step.tolist() == list(range(1, 101))
    assert curve.loss.tolist() == [3.0] * 40 + [3.5] * 60
    assert "the step goes back from 60 to 41, read as a resumed run: 40 values" in curve.source["notes"][0]


def test_unknown_and_missing_files_are_named(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"\x80\x04pickle")
    for name, message in (("model.bin", "is of no known format; give a .csv"), ("none.csv", "no such file or folder")):
        with pytest.raises(InputError, match=message):
            logs.read(tmp_path / name)
