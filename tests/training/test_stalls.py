"""A run that stops without ending is found by its record, never by its age."""

import time

import pytest

from training.engines import stalls


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
