"""Sinks: what is recorded arrives once, also after a resume, and nothing that a service does stops a run."""

import sys
import time
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from losslaws.curves import InputError
from training import config, sinks
from training.loop import train

pytestmark = pytest.mark.slow


def run(overrides, *more, **options):
    return train(config.load([*overrides, *more]), **options)


def losses(folder):
    return np.genfromtxt(folder.record, delimiter=",", names=True)["train_loss"]


def events(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder.path / "tensorboard"))
    found.Reload()
    return found


def test_tensorboard_gets_what_is_recorded(overrides):
    folder = run(overrides, "logger=tensorboard")
    found = events(folder)
    assert [event.step for event in found.Scalars("val_loss")] == [10, 20, 30, 40]
    np.testing.assert_allclose([event.value for event in found.Scalars("train_loss")], losses(folder), rtol=1e-6)


def test_tensorboard_shows_every_step_once_after_a_resume(overrides, monkeypatch):
    from training import machine

    step = machine.Machine.step

    def dies(self, number, rate):
        if number == 30:
            raise RuntimeError("the device is gone")
        return step(self, number, rate)

    monkeypatch.setattr(machine.Machine, "step", dies)
    monkeypatch.setattr("training.loop.ROWS", 5)  # rows that lie after the newest checkpoint, 24
    with pytest.raises(RuntimeError, match="the device is gone"):
        run(overrides, "logger=tensorboard")
    monkeypatch.setattr(machine.Machine, "step", step)
    folder = run(overrides, "logger=tensorboard")
    found = events(folder).Scalars("train_loss")
    assert [event.step for event in found] == list(range(1, 41))


def test_tensorboard_has_every_step_of_a_run_that_diverged(overrides):
    folder = run(overrides, "logger=tensorboard", "schedule.peak=1e12", "optimizer.clip=null", "schedule.warmup=0")
    end, found = folder.complete, events(folder).Scalars("train_loss")
    assert end["status"] == "diverged" and end["steps"] > 1
    assert [event.step for event in found] == list(range(1, end["steps"] + 1))
    np.testing.assert_allclose([event.value for event in found], losses(folder), rtol=1e-6)
    assert not np.isfinite(found[-1].value)


@pytest.fixture
def tracker(monkeypatch):
    """A module in W&B's place that keeps what it is told."""
    module, kept = ModuleType("wandb"), SimpleNamespace(init=[], log={}, finished=0, step=0)

    def init(**about):
        kept.init.append(about)
        return SimpleNamespace(
            step=kept.step,
            log=lambda values, step: kept.log.__setitem__(step, values),
            finish=lambda: setattr(kept, "finished", kept.finished + 1),
        )

    module.init = init
    module.__spec__ = SimpleNamespace(name="wandb")
    monkeypatch.setitem(sys.modules, "wandb", module)
    kept.module = module
    return kept


def test_wandb_goes_on_in_the_same_run(overrides, tracker):
    run(overrides, "logger=wandb", until=20)
    tracker.step = 19  # what W&B says of a run that it takes up again
    folder = run(overrides, "logger=wandb")
    assert [about["id"] for about in tracker.init] == [folder.path.name] * 2
    assert {about["resume"] for about in tracker.init} == {"allow"}
    assert sorted(tracker.log) == list(range(1, 41))
    assert tracker.finished == 2


@pytest.mark.parametrize("where", ["init", "log", "finish"])
def test_a_sink_that_fails_costs_its_own_numbers_only(overrides, tracker, monkeypatch, capsys, where):
    def fails(*arguments, **options):
        raise ConnectionError("no route\nto host")

    init = tracker.module.init
    if where == "init":
        tracker.module.init = fails
    else:
        tracker.module.init = lambda **about: SimpleNamespace(**vars(init(**about)) | {where: fails})
    folder = run(overrides, "logger=wandb")
    assert folder.complete["status"] == "complete"
    assert "logger=wandb has failed (ConnectionError: no route)" in capsys.readouterr().err


def test_a_service_that_does_not_answer_is_not_waited_for(overrides, tracker, monkeypatch, capsys):
    monkeypatch.setattr(sinks, "PATIENCE", 0.2)
    tracker.module.init = lambda **about: time.sleep(60)
    started = time.monotonic()
    folder = run(overrides, "logger=wandb")
    assert folder.complete["status"] == "complete"
    assert time.monotonic() - started < 50
    assert "has not taken everything" in capsys.readouterr().err


def test_a_sink_is_closed_when_the_run_ends_badly(overrides, tracker, monkeypatch):
    from training import machine

    monkeypatch.setattr(machine.Machine, "step", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(overrides, "logger=wandb")
    assert tracker.finished == 1


def test_a_sink_that_is_not_installed_says_so(overrides):
    with pytest.raises(InputError, match="pip install trackio"):
        run(overrides, "logger=trackio")


@pytest.mark.parametrize("name", ["this", "wandbb", "os", "../evil", ""])
def test_a_sink_that_is_not_known_is_not_imported(name, tmp_path):
    with pytest.raises(InputError, match="is unknown"):
        sinks.open_sink(tmp_path, {"logger": {"sink": name}, "name": "x"})
