"""What changes in a large sweep: run folders in shards, a log of how cells ended, tables that leave rows out."""

import json

import pytest

from tests.training.conftest import CELLS
from training import engines, events, status, sweep
from training.__main__ import show_status


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(sweep, "LARGE", 2)


@pytest.mark.slow
def test_a_large_sweep_trains_in_shards_and_its_status_needs_no_folder(large, write_sweep, capsys, monkeypatch):
    path = write_sweep(CELLS)
    planned = sweep.load(path)
    for cell in planned.cells.values():
        assert cell.folder.path.parent.name == cell.folder.path.name.rpartition("-")[2][:2]
        assert cell.folder.path.parents[1] == planned.runs
    assert {segment.folder for segment in planned.segments()} == {cell.folder.path for cell in planned.cells.values()}
    engines.run(planned)
    sweep.keep_plan(planned, path, [])
    assert sweep.load(path).cells["wsd"].folder.complete

    ended = events.Events(planned.runs, planned.name).ends()
    assert ended.keys() == {cell.folder.path.name for cell in planned.cells.values()}
    with monkeypatch.context() as patch:  # neither a plan nor a run folder is read again
        patch.setattr(sweep, "load", None)
        patch.setattr(sweep, "state_of", None)
        show_status(path, [])
    shown = capsys.readouterr().out
    assert shown.count("complete") == 3 and f"loss {planned.cells['wsd'].folder.complete['final_loss']:.4f}" in shown
    show_status(path, ["seed=1"])  # another plan
    assert capsys.readouterr().out.count("waiting") == 3


def test_run_folders_from_before_a_sweep_grew_are_found(write_sweep, monkeypatch):
    path = write_sweep(CELLS)
    small = sweep.load(path)
    small.cells["trunk"].folder.path.mkdir(parents=True)
    monkeypatch.setattr(sweep, "LARGE", 2)
    grown = sweep.load(path)
    assert grown.cells["trunk"].folder.path == small.cells["trunk"].folder.path
    assert grown.cells["wsd"].folder.path.parents[1] == small.runs
    assert grown.cells["wsd"].folder.path.name == small.cells["wsd"].folder.path.name
    assert grown.runs == small.runs


def test_a_plan_is_made_anew_when_its_sweep_or_its_overrides_change(large, write_sweep):
    path = write_sweep(CELLS)
    runs, name, cells = status.planned(path, [])
    assert events.kept_plan(runs, name, events.key(events.sweep_file(path), [])) == cells  # kept by the call before
    assert events.kept_plan(runs, name, events.key(events.sweep_file(path), ["seed=1"])) is None
    write_sweep({**CELLS, "more": "fit | schedule=constant steps=7"})
    assert status.planned(path, [])[2].keys() == {*CELLS, "more"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"[" * 99_999,
        b'{"key": "k"}',
        *(
            b'{"key": "k", "cells": ' + cells + b"}"
            for cells in (b"[1]", b'{"a": [1]}', b'{"a": ["x", "b-1"]}', b'{"a": [1, 3]}')
        ),
        b'{"key": "k", "cells": {"a": [1, "../../elsewhere/b-1"]}}',
    ],
)
def test_a_plan_that_is_not_one_is_made_anew(tmp_path, content):
    events.keep_plan(tmp_path, "s", "k", {"a": events.Planned(3, "0f/b-1")})
    assert events.kept_plan(tmp_path, "s", "k") == {"a": events.Planned(3, "0f/b-1")}
    (tmp_path / ".s.cells.json").write_bytes(content)
    assert events.kept_plan(tmp_path, "s", "k") is None


def test_the_log_outlives_a_line_that_was_cut_and_a_run_that_was_deleted(tmp_path, write_sweep):
    log = events.Events(tmp_path, "s")
    log.append([{"run": "a-1", "status": "complete", "steps": 3, "final_loss": 2.0}])
    with open(log.path, "a") as file:
        file.write('{"run": "b-2", "sta')
    log.append([{"run": "c-3", "status": "diverged", "steps": 2, "final_loss": None}])
    assert log.ends().keys() == {"a-1", "c-3"}
    assert events.outcome(log.ends()["c-3"]) == ("diverged", 2, "the loss is not finite")

    odd = [
        "[1]",
        "3",
        "null",
        '{"run": "d-4"}',
        '{"run": ["d-4"], "status": "complete"}',
        '{"run": "d-4", "status": "lost"}',
    ]
    odd += [
        '{"run": "d-4", "status": "complete", "steps": "x"}',
        '{"run": "d-4", "status": "complete", "steps": 3, "final_loss": "y"}',
    ]
    with open(log.path, "ab") as file:
        file.write("\n".join([*odd, "[" * 99_999]).encode() + b"\n\xff\xfe\n")
    assert log.ends().keys() == {"a-1", "c-3"}

    planned = sweep.load(write_sweep(CELLS))
    planned.runs.mkdir(parents=True)
    run = planned.cells["trunk"].folder.path.name
    log = events.Events(planned.runs, planned.name)
    log.append([{"run": run, "status": "complete", "steps": 60, "final_loss": 2.0}])
    assert len(engines.Done(planned).open) == 3
    assert json.loads(log.path.read_text().splitlines()[-1]) == {"run": run, "status": "gone"}
    assert not log.ends()
