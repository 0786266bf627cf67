"""A run that is asked to end saves first; minutes count beside steps."""

import signal
import subprocess
import sys
import time

import pytest

from tests.training.conftest import ROOT, end_of, start_ranks
from training import checkpoint, config, distributed
from training.interrupt import Interrupted, Watch
from training.loop import train
from training.run_folder import RunFolder

pytestmark = pytest.mark.slow


def recorded(curve):
    return RunFolder(curve.parent).recorded_steps()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGUSR2, 140), (signal.SIGINT, 130)])
def test_a_signal_saves_and_ends_the_run_as_interrupted(overrides, tmp_path, number, status):
    longer = [*overrides, "steps=400", "checkpoint.every=1000", "checkpoint.minutes=null"]
    process = subprocess.Popen([sys.executable, "train.py", *longer], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    runs = tmp_path / "runs"
    while not (found := list(runs.glob("*/curve.csv"))) or recorded(found[0]) < 50:
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


# Several processes, one run


def test_ranks_save_and_end_together_whoever_was_sent_the_signal_or_is_late(monkeypatch):
    others = [0, 0]  # whether another rank is late, and the signal that it was sent
    monkeypatch.setattr(distributed, "ranks", lambda: 2)
    monkeypatch.setattr(
        distributed, "highest", lambda *own: [max(pair) for pair in zip(own, others[: len(own)], strict=True)]
    )
    with pytest.raises(Interrupted) as caught, Watch(None) as watch:
        assert not watch.due(10)
        signal.raise_signal(signal.SIGTERM)  # when they have agreed to go on; all save this step by their plan
        watch.has_saved(10)
        assert not watch.due(15)  # a step at which nobody asks the others
        watch.has_saved(15)
        assert watch.due(20)
        watch.has_saved(20)
    assert caught.value.step == 20
    with pytest.raises(Interrupted) as caught, Watch(60) as watch:
        others[:] = [1, 0]
        assert watch.due(10)
        watch.has_saved(10)
        others[:] = [0, signal.SIGUSR2]
        assert not watch.due(19)
        assert watch.due(20)
        watch.has_saved(20)
    assert (caught.value.step, caught.value.signal) == (20, signal.SIGUSR2)


RANK_0_CHOOSES = """
import os, sys
from training import checkpoint, config
from training.loop import train
if os.environ["RANK"] == "1":
    del checkpoint.newest_sound
train(config.load(sys.argv[1:]))
"""


def test_a_signal_to_one_of_two_processes_ends_both_at_one_step_and_they_go_on_as_one(overrides, tmp_path):
    longer = [*overrides, "steps=200", "checkpoint.every=1000"]
    whole = start_ranks(["train.py", *longer, f"runs={tmp_path / 'whole'}"])
    assert end_of(whole)[0] == [0, 0]
    often = [*longer, "checkpoint.minutes=1e-9"]  # one is due whenever they look together
    first = start_ranks(["train.py", *often])
    while not (found := list((tmp_path / "runs").glob("*/curve.csv"))) or recorded(found[0]) < 20:
        assert all(process.poll() is None for process in first)
        time.sleep(0.02)
    folder = RunFolder(found[0].parent)
    first[1].send_signal(signal.SIGTERM)  # the one that writes nothing
    statuses, said = end_of(first)
    assert statuses == [143, 143], said
    steps = checkpoint.steps_in(folder.checkpoints)
    assert steps == [steps[-1] - 10, steps[-1]] and steps[-1] % 10 == 0
    assert folder.recorded_steps() == steps[-1]
    assert f"interrupted by SIGTERM at step {steps[-1]}" in said[0] and "interrupted" not in said[1]
    statuses, said = end_of(start_ranks(["-c", RANK_0_CHOOSES, *longer]))
    assert statuses == [0, 0], said
    assert folder.complete["trained"] == 200 - steps[-1]
    assert folder.record.read_bytes() == (tmp_path / "whole" / folder.path.name / "curve.csv").read_bytes()
