"""The SLURM engine on a SLURM of this machine alone: skipped where there is no root or no SLURM (Debian: slurmctld, slurmd, munge)."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from losslaws.curves import InputError
from tests.training.conftest import CELLS, ROOT, worker_of
from training import config, engines, sweep
from training.loop import train

pytest.importorskip("submitit")
from training.engines import slurm, squeue
from training.engines.submission import fitting, make_executor

HERE = Path(__file__).parent
needs_slurm = pytest.mark.skipif(
    os.getuid() != 0 or not all(map(shutil.which, ("slurmctld", "slurmd", "munged", "sbatch"))),
    reason="needs root, and slurmctld, slurmd, slurm-client and munge installed",
)
pytestmark = [needs_slurm, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def node(tmp_path_factory):
    """A SLURM whose node says that it has three CPUs."""
    folder = tmp_path_factory.mktemp("slurm")
    script = str(HERE / "one_node.sh")
    started = subprocess.run([script, "start", str(folder), "3"], capture_output=True, text=True, check=True)
    before = {key: os.environ.get(key) for key in ("SLURM_CONF", "OMP_NUM_THREADS")}
    os.environ |= {"SLURM_CONF": started.stdout.strip(), "OMP_NUM_THREADS": "1"}
    yield
    subprocess.run([script, "stop", str(folder)], check=True)
    for key, value in before.items():
        os.environ.pop(key) if value is None else os.environ.update({key: value})


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(slurm, "POLL", 0.5)


def start(planned, *settings):
    """Launch in a thread; the thread, and a list that will hold its error."""
    errors = []

    def run():
        try:
            engines.run(planned, "slurm", ["cpus_per_task=1", *settings])
        except InputError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, errors


def jobs_of(planned):
    return json.loads(slurm.Book(planned).path.read_text())


def until(condition, launch=None):
    for _ in range(1800):
        if condition():
            return
        assert launch is None or launch.is_alive()
        time.sleep(0.1)
    raise AssertionError("waited three minutes")


def begins(cell):
    """How often training of the cell has begun."""
    return (cell.folder.path / "log.txt").read_text().count("tokens per step")


def check_alone(planned, folder):
    """Every record is that of a run by itself."""
    for name, cell in planned.cells.items():
        alone = train(config.load([*cell.overrides, f"runs={folder / 'alone'}"]))
        assert cell.folder.record.read_bytes() == alone.record.read_bytes(), name


def test_what_the_node_does_not_have_is_said(write_sweep, capfd):
    planned = sweep.load(write_sweep(CELLS))
    with pytest.raises(InputError, match=r"PartitionConfig.* asks for 64 CPUs .* offers 3 CPUs a node .* cancelled"):
        engines.run(planned, "slurm", ["cpus_per_task=64"])
    assert squeue.queued() == {}
    assert slurm.fitting({"cpus_per_task": None, "cluster": "slurm", "slurm_partition": "test"})["cpus_per_task"] == 3
    with pytest.raises(InputError, match="sbatch refuses the job .*partition"):
        engines.run(planned, "slurm", ["slurm_partition=absent", "cpus_per_task=1"])


def test_a_sweep_outlives_its_launcher_and_a_lost_job(write_sweep, tmp_path):
    long = {"trunk": "fit | schedule=constant schedule.warmup=5 steps=200 data.repeat=true checkpoint.every=50"}
    path = write_sweep({**CELLS, **long})
    planned = sweep.load(path)
    trunk = planned.cells["trunk"]
    first = subprocess.Popen(
        [sys.executable, "-m", "training", "run", path, "engine.cpus_per_task=1", "--engine", "slurm"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    until(lambda: trunk.folder.recorded_steps() > 0)
    first.kill()
    first.wait()
    jobs = jobs_of(planned)
    written = slurm.Book(planned).path.stat().st_mtime_ns
    launch, errors = start(planned)
    until(lambda: slurm.Book(planned).path.stat().st_mtime_ns != written, launch)
    assert "trunk@200" in jobs_of(planned)
    assert jobs_of(planned).items() <= jobs.items()  # nothing is submitted twice
    until(lambda: trunk.folder.recorded_steps() > 50 and trunk.folder.running(), launch)
    worker = psutil.Process(worker_of(trunk))
    step = next(one for one in worker.parents() if one.name().startswith("slurmstepd"))
    for process in step.children(recursive=True):
        process.kill()
    launch.join()
    assert not errors
    assert jobs_of(planned)["trunk@200"] != jobs["trunk@200"]
    check_alone(planned, tmp_path)


def test_a_killed_process_is_tried_again_in_its_job_and_a_cancelled_job_is_left(write_sweep):
    one = {"trunk": "fit | schedule=constant schedule.warmup=5 steps=4000 data.repeat=true checkpoint.every=20"}
    planned = sweep.load(write_sweep(one, "cancelled"))
    trunk = planned.cells["trunk"]
    launch, errors = start(planned)
    until(lambda: trunk.folder.recorded_steps() > 50, launch)
    before = set(squeue.queued())
    os.kill(worker := worker_of(trunk), signal.SIGKILL)
    until(lambda: trunk.folder.running() and worker_of(trunk) != worker, launch)
    assert set(squeue.queued()) == before
    squeue.ask("scancel", *before)
    launch.join()
    assert "1 of 1 cells did not finish (trunk)" in errors[0]
    assert sweep.state(trunk)[0] == "failed" and "was cancelled" in sweep.state(trunk)[2]


def test_long_jobs_hold_the_nodes_of_a_ray_cluster_and_may_come_and_go(write_sweep, monkeypatch, tmp_path):
    pytest.importorskip("ray")
    if "ray.cluster_utils" in sys.modules:  # its nodes would be looked for at the address of that cluster
        pytest.skip("a Ray cluster of another test was in this process; alone it runs: pytest -k long_jobs")
    from training.engines import allocation

    monkeypatch.setattr(allocation, "POLL", 0.5)
    token = tmp_path / "token"  # as a cluster of one machine leaves it in the home
    token.write_text("0123456789abcdef" * 4)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    count = int(os.environ.get("CELLS", "6"))
    many = {
        "cell": f"fit | schedule=constant schedule.warmup=5 steps=120 checkpoint.every=20 seed={','.join(map(str, range(count)))}"
    }
    planned = sweep.load(write_sweep(many, "many"))
    held = []
    monkeypatch.setattr(allocation, "Jobs", lambda *given, kind=allocation.Jobs: held.append(kind(*given)) or held[0])
    own = make_executor(planned, fitting(engines.options("slurm", ["cpus_per_task=1"])))
    own.update_parameters(slurm_additional_parameters={})
    launch, errors = start(planned, "jobs=2")
    reached = dict.fromkeys(planned.cells, 0)
    chance, done, seen = random.Random(0), {"cancelled": 0, "told": 0, "added": 0}, {}
    while launch.is_alive():
        for name, cell in planned.cells.items():
            now = cell.folder.recorded_steps()
            assert now >= reached[name] - 20  # nothing is trained twice beyond a checkpoint
            reached[name] = now
        running = [job for job, (state, _) in (squeue.queued() or {}).items() if state == "RUNNING"]
        seen = {job: seen.get(job, time.monotonic()) for job in running}
        old = [
            job for job, since in seen.items() if time.monotonic() - since > 8
        ]  # one that starts takes no signal yet
        training = [cell for cell in planned.cells.values() if 20 < cell.folder.recorded_steps() < 110]
        if old and training and sum(done.values()) < max(count / 6, 3):
            kinds = ["cancelled", "told", "added"] if any(done.values()) and len(running) < 3 else ["cancelled", "told"]
            done[what := chance.choice(kinds)] += 1
            if what == "added":  # by hand, beside the launcher's two
                own.submit(allocation.host, *held[0].arguments)
            else:  # or told that its time is over
                squeue.ask("scancel", *(["--signal=USR2"] if what == "told" else []), job := chance.choice(old))
                seen[job] = time.monotonic()
        time.sleep(0.3)
    print(f"{count} cells, jobs {done}")
    assert not errors and any(done.values()) and (done["added"] or count < 20)
    until(
        lambda: (left := squeue.queued()) is not None and all(state == "COMPLETING" for state, _ in left.values())
    )  # the added ones leave, too
    for cell in planned.cells.values():
        assert (cell.folder.path / "log.txt").read_text().count("complete, 120 steps") == 1
    for name in chance.sample(list(planned.cells), 2):
        check_alone(replace(planned, cells={name: planned.cells[name]}), tmp_path)


def test_a_job_that_reaches_its_time_limit_is_queued_again_and_goes_on(write_sweep):
    one = {
        "trunk": "fit | schedule=constant schedule.warmup=5 steps=20000 data.repeat=true checkpoint.every=20 eval.every=500"
    }
    planned = sweep.load(write_sweep(one, "limited"))
    trunk = planned.cells["trunk"]
    launch, _ = start(planned, "slurm_partition=short", "timeout_min=1", "slurm_signal_delay_s=45", "max_num_timeout=5")
    until(lambda: trunk.folder.resume_step() > 0, launch)
    (job,) = squeue.queued()
    begun, before = begins(trunk), trunk.folder.resume_step()
    until(lambda: begins(trunk) > begun, launch)
    assert "Restarts=0" not in squeue.ask("scontrol", "show", "job", job)
    assert trunk.folder.recorded_steps() >= before
    reached = trunk.folder.recorded_steps()
    until(lambda: trunk.folder.recorded_steps() > reached, launch)
    assert jobs_of(planned) == {"trunk@20000": job}
    squeue.ask("scancel", job)
    launch.join()
