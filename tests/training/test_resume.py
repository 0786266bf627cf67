"""kill -9 at any moment, a full disk, and bad input at the command line."""

import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from losslaws.curves import InputError
from tests.training.conftest import ROOT
from training import config, engines, sweep
from training.loop import folder_of, train
from training.run_folder import RunFolder

pytestmark = pytest.mark.slow


def test_five_kills_and_resumes_give_the_record_of_an_uninterrupted_run(overrides, tmp_path):
    longer = [*overrides, "steps=400", "checkpoint.every=30"]
    whole = train(config.load([*longer, f"runs={tmp_path / 'whole'}"]))
    settings = config.plain(config.load(longer))
    settings["hardware"] |= {"precision": "fp32"}
    killed = folder_of(settings, config.schedule(config.load(longer)))
    rng = np.random.default_rng()
    moments = sorted(rng.integers(1, 370, size=5))
    for moment in moments:
        process = subprocess.Popen([sys.executable, "train.py", *longer], cwd=ROOT, stdout=subprocess.DEVNULL)
        while killed.recorded_steps() < moment and process.poll() is None:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert killed.complete is None, "the run was over before it could be killed"
    again = train(config.load(longer))
    assert again.path == killed.path
    assert again.record.read_bytes() == whole.record.read_bytes(), f"killed at {moments}"
    assert again.complete["final_loss"] == whole.complete["final_loss"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MiB, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_with_one_line_and_loses_nothing(overrides, small_disk, tmp_path, command):
    ample = train(config.load([*overrides, "checkpoint.every=3"]))
    full = [*overrides, f"runs={small_disk}", "checkpoint.keep=[6,12,18,24]", "checkpoint.every=3"]
    done = command(full)
    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ")
    assert "no space left on the device" in line
    assert "Traceback" not in done.stderr
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    step = RunFolder(next(small_disk.glob("cosine-*"))).resume_step()
    assert step > 0
    assert f"goes on from step {step}" in line
    assert train(config.load(full)).record.read_bytes() == ample.record.read_bytes()
    assert not list(small_disk.rglob("*.tmp"))


def test_a_full_disk_stops_the_cells_of_a_sweep_with_a_line_each_and_loses_nothing(write_sweep, small_disk, tmp_path):
    cells = {
        "trunk": "fit | schedule=constant schedule.warmup=5 steps=60",
        "wsd": "unseen | schedule=wsd schedule.decay=0.5 schedule.warmup=5",
        "other": "noise | schedule=constant schedule.warmup=5 steps=60 seed=1",
    }
    often = ["checkpoint.every=3", "checkpoint.keep=[6,12,18,24]", f"runs={small_disk}"]
    planned = sweep.load(write_sweep(cells, extra=often))
    with pytest.raises(InputError, match=r"3 of 3 cells did not finish \(other, trunk, wsd\)"):
        engines.run(planned)
    steps = {name: planned.cells[name].folder.resume_step() for name in ("trunk", "other")}
    assert 0 < max(steps.values()) < 20
    for name, step in steps.items():
        line = (planned.cells[name].folder.path / "error.txt").read_text()
        assert "no space left on the device" in line and line.endswith(f"it goes on from step {step}\n")
        assert sweep.state(planned.cells[name])[0] == "failed"
    assert sweep.state(planned.cells["wsd"]) == ("waiting", 0, "")
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    engines.run(planned)
    for name, cell in planned.cells.items():
        alone = train(config.load([*cell.overrides, f"runs={tmp_path / 'alone'}"]))
        assert cell.folder.record.read_bytes() == alone.record.read_bytes(), name
    assert not list(small_disk.rglob("*.tmp"))


def test_a_second_process_in_a_run_folder_ends_with_one_line(overrides, command, tmp_path):
    first = subprocess.Popen([sys.executable, "train.py", *overrides], cwd=ROOT, stdout=subprocess.DEVNULL)
    while not (found := list((tmp_path / "runs").glob("*/curve.csv"))):
        assert first.poll() is None
        time.sleep(0.02)
    first.send_signal(signal.SIGSTOP)  # so that it does not end before the second has begun
    second = command(overrides)
    first.send_signal(signal.SIGCONT)
    assert (second.returncode, second.stderr.count("\n")) == (2, 1)
    assert second.stderr.startswith(f"error: {found[0].parent}: is being trained by another process")
    assert first.wait() == 0
    assert RunFolder(found[0].parent).complete["trained"] == 40


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["stepps=3"], "did you mean 'steps'?"),
        (["data.paths=[nowhere]"], "nowhere"),
        (["data.vocab_size=5000000000"], "vocab"),
        (["schedule=file", "schedule.path=nowhere.csv"], "there is no file 'nowhere.csv'"),
        (["init_from=nowhere@3"], "nowhere"),
    ],
)
def test_bad_input_ends_with_one_line_and_a_status(overrides, command, more, message):
    done = command([*overrides, *more])
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ")
    assert message in line


def test_too_little_memory_is_one_line(overrides, command):
    limit = 4 * 2**30
    done = command(
        [*overrides, "batch.sequences=131072", "data.repeat=true", "data.val_tokens=4096"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: the memory does not suffice") and "lower batch.micro" in line
    assert "Traceback" not in done.stderr


def test_a_diverging_run_does_not_stop_a_sweep(overrides, command, tmp_path):
    done = command(["-m", *overrides, "schedule.peak=1e12,1e-3", "optimizer.clip=null", "schedule.warmup=0"])
    assert done.returncode == 0, done.stderr
    ends = sorted(RunFolder(path.parent).complete["status"] for path in (tmp_path / "runs").glob("*/complete.json"))
    assert ends == ["complete", "diverged"]
