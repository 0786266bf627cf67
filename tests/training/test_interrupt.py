"""A run that is asked to end saves first; minutes count beside steps."""

import signal
import subprocess
import sys
import time

import pytest

from tests.training.conftest import ROOT
from training import checkpoint, config
from training.interrupt import Watch
from training.loop import train
from training.run_folder import RunFolder

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGUSR2, 140), (signal.SIGINT, 130)])
def test_a_signal_saves_and_ends_the_run_as_interrupted(overrides, tmp_path, number, status):
    longer = [*overrides, "steps=400", "checkpoint.every=1000", "checkpoint.minutes=null"]
    process = subprocess.Popen([sys.executable, "train.py", *longer], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    runs = tmp_path / "runs"
    while not (found := list(runs.glob("*/curve.csv"))) or RunFolder(found[0].parent).recorded_steps() < 50:
        assert process.poll() is None
        time.sleep(0.02)
    folder = RunFolder(found[0].parent)
    process.send_signal(number)
    error = process.communicate()[1]
    assert process.returncode == status, error
    step = folder.resume_step()
    assert 50 <= step < 400
    assert folder.recorded_steps() == step
    assert f"interrupted by {signal.Signals(number).name} at step {step}" in error
    assert "Traceback" not in error
    assert (folder.path / "error.txt").read_text().startswith("interrupted by")
    again = train(config.load(longer))
    assert again.complete["trained"] == 400 - step
    assert not (folder.path / "error.txt").exists()
    if number == signal.SIGTERM:
        whole = train(config.load([*longer, f"runs={tmp_path / 'whole'}"]))
        assert again.record.read_bytes() == whole.record.read_bytes()


def test_minutes_count_beside_steps(overrides, monkeypatch):
    saved, now = [], [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now.__setitem__(0, now[0] + 1.0) or now[0])
    write = checkpoint.write
    monkeypatch.setattr(
        checkpoint, "write", lambda folder, step, *rest: saved.append(step) or write(folder, step, *rest)
    )
    train(config.load([*overrides, "checkpoint.every=1000", "checkpoint.minutes=0.1"]))
    assert saved[-1] == 40
    assert 3 <= len(saved) <= 20


def test_a_handler_of_somebody_else_is_told_after_the_save_or_keeps_its_signal():
    told = []
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR2, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, lambda number, frame: told.append(number))
        with pytest.raises(SystemExit) as caught, Watch(None) as watch:
            signal.raise_signal(signal.SIGTERM)  # as submitit's, which says nothing of this run
            assert told == [signal.SIGTERM]
            assert not watch.due(1)
            signal.raise_signal(signal.SIGUSR2)
            assert told == [signal.SIGTERM]
            assert watch.due(2)
            watch.has_saved(2)
        assert told == [signal.SIGTERM, signal.SIGUSR2]
        assert caught.value.code == 128 + signal.SIGUSR2
        assert signal.getsignal(signal.SIGUSR2) is not watch.note
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
