"""A run that stops without ending is found by its record, never by its age."""

import multiprocessing
import signal
import time

import pytest

from tests.training.conftest import CELLS
from training.engines import stalls, work


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def follow(found, clock, steps, running, seconds, rate):
    """Let time pass, `rate` steps a second; return what stalls."""
    stalled = set()
    for _ in range(seconds):
        clock[0] += 1
        steps["a"] += rate
        stalled |= set(found.find(running))
    return stalled


def test_a_run_without_progress_for_many_usual_waits_is_found_and_a_slow_one_is_not(clock):
    steps, running = {"a": 0}, {"a": object()}
    found = stalls.Stalls(1.0, lambda name: int(steps[name]))
    assert not follow(found, clock, steps, running, 300, 0.1)  # a row in ten seconds
    assert not follow(found, clock, steps, running, 150, 0)  # under 20 times ten seconds
    assert follow(found, clock, steps, running, 120, 0) == {"a"}


def test_a_start_has_its_minutes_and_a_new_process_begins_anew(clock):
    steps, running = {"a": 50}, {"a": object()}
    found = stalls.Stalls(1.0, lambda name: int(steps[name]))
    assert not follow(found, clock, steps, running, 55, 0)
    running = {"a": object()}  # tried again
    assert not follow(found, clock, steps, running, 55, 0)
    assert follow(found, clock, steps, running, 20, 0) == {"a"}


def test_without_minutes_nothing_stalls(clock):
    steps, running = {"a": 0}, {"a": object()}
    assert not follow(stalls.Stalls(None, lambda name: 0), clock, steps, running, 5000, 0)


@pytest.fixture
def stalling(write_sweep, monkeypatch, tmp_path):
    """The segment of a run that stops at step 20 of its first attempt, without ending."""
    from training import machine, sweep, texts

    planned = sweep.load(write_sweep({"trunk": CELLS["trunk"]}))
    texts.prepare(planned.cells["trunk"].settings)
    step, once = machine.Machine.step, tmp_path / "stalled"

    def stops(self, number, rate):
        if number == 20 and not once.exists():
            once.touch()
            time.sleep(600)
        return step(self, number, rate)

    monkeypatch.setattr(machine.Machine, "step", stops)
    for module in (stalls, work):
        monkeypatch.setattr(module, "LOOK", 0.1)
    monkeypatch.setattr(stalls, "TIMES", 8)
    yield planned.segments()[0]
    end = planned.cells["trunk"].folder.complete
    assert end["trained"] == 60 - 16  # after the checkpoint before the stop


@pytest.mark.slow
def test_a_job_ends_a_run_that_has_stopped_and_tries_it_again(stalling, capfd):
    trials = work.Trials(stalling, 2, stalled_min=0.1)
    trials.run()
    assert capfd.readouterr().out.count(f"{stalling.name}: no progress for long") == 1


@pytest.mark.slow
def test_a_task_of_ray_ends_its_process_where_the_run_has_stopped(stalling):
    ray = pytest.importorskip("training.engines.ray", reason="needs ray", exc_type=ImportError)
    for status in (-signal.SIGKILL, 0):  # Ray gives the task to another process when the first has died
        process = multiprocessing.get_context("fork").Process(
            target=ray.train_segment, args=(stalling, None, 1, 0.1), daemon=True
        )
        process.start()
        process.join()
        assert process.exitcode == status
        error = stalling.folder / "error.txt"
        assert error.exists() == bool(status) and (not status or error.read_text().startswith("no progress for long"))
