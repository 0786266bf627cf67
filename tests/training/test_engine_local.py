"""A sweep on the local engine: shared stretches, failures, kills, no memory, two launches at once."""

import os
import resource
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import psutil
import pytest

from losslaws.curves import InputError
from losslaws.curves.store import load_folder
from tests.training.conftest import CELLS, ROOT, worker_of
from training import checkpoint, config, engines, sweep
from training.engines import local, work
from training.loop import train
from training.results import collect

pytestmark = pytest.mark.slow


def test_every_curve_of_a_sweep_is_the_one_trained_alone(write_sweep, overrides, tmp_path):
    planned = sweep.load(write_sweep(CELLS))
    engines.run(planned)
    assert planned.cells["wsd"].parent == planned.cells["cosine"].parent == "trunk"
    for name, cell in planned.cells.items():
        alone = train(config.load([*cell.overrides, f"runs={tmp_path / 'alone'}"]))
        assert cell.folder.record.read_bytes() == alone.record.read_bytes(), name
        assert cell.folder.complete["trained"] == cell.trained_steps
    assert collect(planned, tmp_path / "results") == {}
    curves = load_folder(tmp_path / "results")
    assert {name: curve.role for name, curve in curves.items()} == {"trunk": "fit", "wsd": "unseen", "cosine": "fit"}
    table = pd.read_csv(tmp_path / "results" / "runs.csv").set_index("cell")
    assert table.loc["wsd", "parent"] == "trunk"
    assert np.isclose(table.loc["wsd", "final_loss"], curves["wsd"].final_loss)


def test_a_second_call_trains_nothing(write_sweep):
    planned = sweep.load(write_sweep({"trunk": CELLS["trunk"]}))
    engines.run(planned)
    before = planned.cells["trunk"].folder.record.stat().st_mtime_ns
    engines.run(planned)
    assert planned.cells["trunk"].folder.record.stat().st_mtime_ns == before


@pytest.mark.parametrize(("begun", "tried"), [(0, ["newest", "older", "alone"]), (20, ["newest"])])
def test_only_a_branch_point_is_passed_over(monkeypatch, tmp_path, begun, tried):
    calls = []

    def unusable(config, **about):
        calls.append(config)
        raise checkpoint.Unusable(f"{config}: there is no such checkpoint")

    monkeypatch.setattr(work.config, "load", lambda call: call)
    monkeypatch.setattr(work.loop, "train", unusable)
    monkeypatch.setattr(work.RunFolder, "resume_step", lambda folder: begun)
    segment = SimpleNamespace(calls=lambda: ["newest", "older", "alone"], folder=tmp_path, last=60)
    with pytest.raises(checkpoint.Unusable, match=tried[-1]):
        work.train(segment)
    assert calls == tried


@pytest.mark.parametrize("damaged", [["wsd"], ["wsd", "cosine"]])
def test_cells_whose_branch_point_is_damaged_begin_at_the_one_before(write_sweep, tmp_path, damaged):
    planned = sweep.load(write_sweep(CELLS))
    trunk, wsd, cosine = (planned.cells[name] for name in CELLS)
    assert wsd.branch > cosine.branch > 0
    train(config.load(planned.segment(trunk, 60).calls()[0]))
    for name in damaged:
        path = checkpoint.path_of(trunk.folder.checkpoints, planned.cells[name].branch)
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # one bit, which only the checksum finds
    engines.run(planned)
    for name, cell in planned.cells.items():
        alone = train(config.load([*cell.overrides, f"runs={tmp_path / 'alone'}"]))
        assert cell.folder.record.read_bytes() == alone.record.read_bytes(), name
        warned = (cell.folder.path / "log.txt").read_text().count("it is passed over") if cell.parent else 0
        assert warned == (len(damaged) if name == "wsd" else name in damaged)
    assert wsd.folder.complete["trained"] == 40 - (cosine.branch if len(damaged) == 1 else 0)


def test_a_branch_point_is_read_through_once_and_one_that_is_gone_is_passed_over(write_sweep, monkeypatch, capsys):
    planned = sweep.load(write_sweep(CELLS))
    trunk, wsd = planned.cells["trunk"], planned.cells["wsd"]
    work.perform(planned.segment(trunk, 60))
    summed, checksum = [], checkpoint._checksum
    monkeypatch.setattr(checkpoint, "_checksum", lambda tensors: summed.append(0) or checksum(tensors))
    monkeypatch.setattr(checkpoint, "write", lambda *rest: None)
    segment = planned.segment(wsd, wsd.branch + 1)
    work.perform(segment)
    assert len(summed) == 1 and wsd.folder.recorded_steps() == wsd.branch + 1
    calls = segment.calls()
    gone = calls[0][-1].replace(f"@{wsd.branch}", f"@{wsd.branch - 1}")
    monkeypatch.setattr(sweep.Segment, "calls", lambda self: [[*self.overrides, gone], *calls])
    work.perform(segment)
    assert "there is no such checkpoint" in capsys.readouterr().err
    assert len(summed) == 2 and wsd.folder.recorded_steps() == wsd.branch + 1


def test_a_cell_that_fails_is_named_and_the_others_finish(write_sweep):
    bad = "claim | schedule=constant schedule.warmup=5 eval.sequences=5000"
    planned = sweep.load(write_sweep(CELLS | {"bad": bad}))
    with pytest.raises(InputError, match=r"1 of 4 cells did not finish \(bad\)"):
        engines.run(planned)
    assert {name: sweep.state(cell)[0] for name, cell in planned.cells.items()} == {
        "trunk": "complete",
        "wsd": "complete",
        "cosine": "complete",
        "bad": "failed",
    }
    assert "the validation set holds only" in sweep.state(planned.cells["bad"])[2]


def test_a_diverging_cell_ends_as_such_and_the_sweep_goes_on(write_sweep, tmp_path):
    wild = "claim | schedule=constant schedule.warmup=0 schedule.peak=1e12 optimizer.clip=null"
    planned = sweep.load(write_sweep({"trunk": CELLS["trunk"], "wild": wild}))
    engines.run(planned)
    assert sweep.state(planned.cells["wild"])[0] == "diverged"
    collect(planned, tmp_path / "results")
    assert pd.read_csv(tmp_path / "results" / "runs.csv").set_index("cell").loc["wild", "status"] == "diverged"


def test_a_killed_worker_is_started_again_and_loses_nothing(write_sweep, overrides, tmp_path):
    long = {"trunk": "fit | schedule=constant schedule.warmup=5 steps=400 checkpoint.every=20"}
    path = write_sweep(long)
    cell = sweep.load(path).cells["trunk"]
    launch = subprocess.Popen([sys.executable, "-m", "training", "run", path, "--results", str(tmp_path)], cwd=ROOT)
    while cell.folder.recorded_steps() < 100:
        assert launch.poll() is None
        time.sleep(0.01)
    os.kill(worker_of(cell), signal.SIGKILL)
    assert launch.wait() == 0
    alone = train(config.load([*cell.overrides, f"runs={tmp_path / 'alone'}"]))
    assert cell.folder.record.read_bytes() == alone.record.read_bytes()
    assert 0 < cell.folder.complete["trained"] < 400


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_launcher_that_ends_takes_its_workers_along_and_the_next_loses_nothing(write_sweep, tmp_path, number):
    long = {"trunk": "fit | schedule=constant schedule.warmup=5 steps=300 checkpoint.every=1000 data.repeat=true"}
    path = write_sweep({**CELLS, **long})
    planned = sweep.load(path)
    trunk = planned.cells["trunk"]
    launch = subprocess.Popen([sys.executable, "-m", "training", "run", path, "--results", str(tmp_path)], cwd=ROOT)
    while trunk.folder.recorded_steps() < 100:
        assert launch.poll() is None
        time.sleep(0.01)
    worker = psutil.Process(worker_of(trunk))
    launch.send_signal(number)
    assert launch.wait() == (143 if number == signal.SIGTERM else -number)
    if number == signal.SIGTERM:
        assert not worker.is_running()
    assert not psutil.wait_procs([worker], timeout=10)[1]
    assert sweep.state(trunk)[0] == "interrupted"
    engines.run(planned)
    for name, cell in planned.cells.items():
        alone = train(config.load([*cell.overrides, f"runs={tmp_path / 'alone'}"]))
        assert cell.folder.record.read_bytes() == alone.record.read_bytes(), name
        assert (cell.folder.path / "log.txt").read_text().count(": complete, ") == 1, name
    assert 0 < trunk.folder.complete["trained"] <= 200


def test_a_cell_that_runs_out_of_memory_fails_with_a_line_and_the_others_finish(write_sweep, tmp_path):
    big = "claim | schedule=constant schedule.warmup=5 batch.sequences=131072 data.repeat=true"  # 4M tokens of activations
    path = write_sweep({"trunk": CELLS["trunk"], "big": big})
    done = subprocess.run(
        [sys.executable, "-m", "training", "run", path, "engine.attempts=2", "--results", str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30)),
    )
    assert done.returncode == 2
    assert "1 of 2 cells did not finish (big)" in done.stderr
    cells = sweep.load(path).cells
    assert sweep.state(cells["trunk"])[0] == "complete"
    what, steps, line = sweep.state(cells["big"])
    assert (what, steps) == ("failed", 0)
    assert "memory" in line.lower()
    assert (cells["big"].folder.path / "log.txt").read_text().count("Traceback") == 2


def test_two_launches_at_once_train_everything_once(write_sweep, tmp_path):
    path = write_sweep(CELLS)
    command = [sys.executable, "-m", "training", "run", path, "--results", str(tmp_path / "results")]
    both = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert sum("waiting for that one" in error for error in errors) == 1
    for cell in sweep.load(path).cells.values():
        assert (cell.folder.path / "log.txt").read_text().count(": complete, ") == 1


def test_plan_and_status_at_the_command_line(write_sweep, command, tmp_path):
    path = write_sweep(CELLS)
    done = command(["plan", path, "--results", str(tmp_path)], script=("-m", "training"))
    assert done.returncode == 0, done.stderr
    assert "trunk @ " in done.stdout
    assert (tmp_path / "plan.svg").read_text().startswith("<?xml")
    done = command(["status", path], script=("-m", "training"))
    assert done.stdout.count("waiting") == 3
    done = command(["status", "smok"], script=("-m", "training"))
    assert done.returncode == 2
    assert "did you mean 'smoke'" in done.stderr


def test_a_worker_that_has_stopped_is_ended_and_its_cell_tried_again(write_sweep, overrides, tmp_path):
    long = {"trunk": "fit | schedule=constant schedule.warmup=5 steps=400 checkpoint.every=20"}
    path = write_sweep(long)
    cell = sweep.load(path).cells["trunk"]
    launch = subprocess.Popen(
        [sys.executable, "-m", "training", "run", path, "--results", str(tmp_path / "out"), "engine.stalled_min=0.5"],
        cwd=ROOT,
    )
    while cell.folder.recorded_steps() < 100:
        assert launch.poll() is None
        time.sleep(0.01)
    os.kill(worker_of(cell), signal.SIGSTOP)
    assert launch.wait() == 0
    assert 0 < cell.folder.complete["trained"] < 400


def test_workers_go_on_from_cell_to_cell_and_end_last_steps_where_the_parent_was(write_sweep):
    """Two processes for six cells: which process is given which cell."""
    cells = CELLS | {
        "shorter": "length | schedule=constant schedule.warmup=5 steps=30",
        "shortest": "length | schedule=constant schedule.warmup=5 steps=20",
        "other": "size | schedule=cosine schedule.warmup=5 model.n_layer=2",
    }
    planned = sweep.load(write_sweep(cells, extra=["steps=60"]))
    assert planned.cells["shorter"].trained_steps == planned.cells["shortest"].trained_steps == 1
    launch = local.Launch(planned, {"workers": 2, "attempts": 1, "stalled_min": 30})
    hired, given = [], {}
    hire, give = launch.hire, launch.give
    launch.hire = lambda gpu: hired.append(hire(gpu)) or hired[-1]
    launch.give = lambda worker, cell: given.update({cell.name: worker.process.pid}) or give(worker, cell)
    launch.run()
    assert len(hired) == 2
    assert all(cell.folder.complete for cell in planned.cells.values())
    assert given["shorter"] == given["shortest"] == given["trunk"]
    assert {worker.process.pid for worker in hired} == set(given.values())


class Idle:
    """A worker's process that only has a GPU and a cell."""

    def __init__(self, gpu, cell):
        self.gpu, self.last, self.cell = gpu, cell, cell


def test_workers_share_gpus_as_far_as_memory_reaches(write_sweep, monkeypatch):
    monkeypatch.setattr(local, "gpus", lambda: ["0", "1"])
    monkeypatch.setattr(local, "free_memory", lambda gpu: 10 * 2**30)
    planned = sweep.load(write_sweep(CELLS, extra=["hardware.device=cuda"]))
    launch = local.Launch(planned, {"workers": None, "attempts": 1, "stalled_min": 30})
    assert launch.places == 2  # one for each GPU, whatever the sweep says of processes on a CPU
    cell = planned.cells["trunk"]
    one = local.planned(cell)
    assert one > 0.7 * 2**30
    launch.memory = {"0": 2.5 * one, "1": 0.5 * one}
    assert launch.fits(cell, "0", [Idle("0", cell)])
    assert not launch.fits(cell, "0", [Idle("0", cell), Idle("0", cell)])
    assert launch.fits(cell, "1", [Idle("0", cell)])  # alone on its GPU it may try
    assert launch.choose(None, "0") is cell
    launch.workers = [Idle("0", cell), Idle("0", cell)]
    assert launch.choose(None, "0") is None


def test_a_sweep_on_a_cpu_has_the_workers_that_it_says(write_sweep):
    assert local.Launch(sweep.load(write_sweep(CELLS)), {"workers": None, "attempts": 1, "stalled_min": 30}).places == 2
