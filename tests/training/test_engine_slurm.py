"""The SLURM engine: on submitit's local executor, and what it asks of a SLURM that is not there."""

import os
import re
import signal
import threading
import time

import psutil
import pytest

from tests.training.conftest import CELLS, worker_of
from training import config, engines, sweep
from training.loop import train

submitit = pytest.importorskip("submitit")


@pytest.mark.slow
def test_a_sweep_through_submitit_survives_a_preemption_and_gives_the_curves_of_runs_alone(write_sweep, tmp_path):
    long = {"trunk": "fit | schedule=constant schedule.warmup=5 steps=300 checkpoint.every=20"}
    planned = sweep.load(write_sweep({**CELLS, **long}))
    trunk = planned.cells["trunk"]
    launch = threading.Thread(target=engines.run, args=(planned, "slurm", ["cluster=local", "timeout_min=60"]))
    launch.start()
    while trunk.folder.recorded_steps() < 100:
        assert launch.is_alive()
        time.sleep(0.01)
    os.kill(
        psutil.Process(worker_of(trunk)).ppid(), signal.SIGUSR2
    )  # what submitit has SLURM send before it takes the nodes away
    launch.join()
    logs = "".join(path.read_text() for path in (planned.runs / ".submitit").rglob("*_log.*"))
    assert "Requeued job" in logs
    for name, cell in planned.cells.items():
        alone = train(config.load([*cell.overrides, f"runs={tmp_path / 'alone'}"]))
        assert cell.folder.record.read_bytes() == alone.record.read_bytes(), name


def test_segments_that_need_the_same_are_one_array_that_depends_on_it(write_sweep):
    from submitit.slurm.test_slurm import mocked_slurm

    planned = sweep.load(write_sweep(CELLS), ["hardware.device=cuda"])
    segments = {segment.name: segment for segment in planned.segments()}
    settings = engines.options("slurm", ["slurm_partition=day", "timeout_min=60"])
    from training.engines import slurm

    with mocked_slurm():
        jobs = slurm.submit(slurm.make_executor(planned, settings), slurm.Work(1, None), segments)
    paths = sorted(planned.runs.rglob("*_submission.sh"), key=lambda path: int(re.match(r"\d+", path.name)[0]))
    scripts = [path.read_text() for path in paths]
    assert len(scripts) == len(slurm.arrays(segments))
    assert not any("dependency" in script for script in scripts[:1])
    depends = [re.search(r"--dependency=afterok:(\S+)", script)[1].strip("'") for script in scripts[1:]]
    needed = [needs for needs in slurm.arrays(segments) if needs]
    assert depends == [str(jobs[name].job_id) for name in needed]
    for script in scripts:
        assert "--partition=day" in script and "--time=60" in script and "--gpus-per-node=1" in script
        assert "--kill-on-invalid-dep=yes" in script and "--requeue" in script
    sizes = [len(array) for array in slurm.arrays(segments).values()]
    assert [f"--array=0-{size - 1}%" in script for size, script in zip(sizes, scripts, strict=True)] == [
        size > 1 for size in sizes
    ]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"trunk@60": 3}', b"\xff\xfe", b"[" * 99_999])
def test_a_book_of_jobs_that_is_none_is_named(write_sweep, content):
    from training.engines import slurm

    book = slurm.Book(sweep.load(write_sweep(CELLS)))
    assert book.running({}) == {}
    book.path.parent.mkdir(parents=True)
    book.path.write_bytes(content)
    with pytest.raises(engines.InputError, match=f"{book.path}: does not name the jobs .* remove it"):
        book.running({})


def test_a_setting_that_an_engine_does_not_have_is_refused():
    with pytest.raises(engines.InputError, match="did you mean 'timeout_min'"):
        engines.options("slurm", ["timeout=60"])
