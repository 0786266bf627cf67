"""Checkpoints are written while training goes on; a run may keep none; branch points go with their last child."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from losslaws.curves import InputError
from tests.training.conftest import CELLS, ROOT
from training import checkpoint, config, engines, machine, sweep
from training.interrupt import Interrupted, Watch
from training.loop import train
from training.machine import Machine
from training.run_folder import RunFolder

pytestmark = pytest.mark.slow


def run(overrides, *more):
    return train(config.load([*overrides, *more]))


def test_training_goes_on_while_a_checkpoint_is_written_and_does_not_change_it(overrides, tmp_path, monkeypatch):
    whole = run(overrides, "checkpoint.every=10")
    done, during, places = [], {}, []
    step, write = Machine.step, checkpoint.write

    def slowly(folder, at, tensors):
        before = len(done)
        places.append({name: tensor.data_ptr() for name, tensor in tensors.items()})
        time.sleep(0.3)
        during[at] = len(done) - before
        return write(folder, at, tensors)

    with monkeypatch.context() as patch:
        patch.setattr(Machine, "step", lambda self, *rest: done.append(0) or step(self, *rest))
        patch.setattr(checkpoint, "write", slowly)
        cut = train(config.load([*overrides, "checkpoint.every=10", f"runs={tmp_path / 'cut'}"]), until=25)
    assert cut.complete is None and sorted(during) == [10, 20, 25]
    assert during[10] > 0
    assert places[0] == places[1] == places[2]  # memory is taken once
    assert checkpoint.steps_in(cut.checkpoints) == [20, 25]
    (cut.checkpoints / "step-00000025.safetensors").unlink()  # what was written while steps were taken is taken up
    again = run(overrides, "checkpoint.every=10", f"runs={tmp_path / 'cut'}")
    assert again.complete["trained"] == 20
    assert again.record.read_bytes() == whole.record.read_bytes()


def test_what_rank_0_has_read_through_is_not_read_through_again(overrides, monkeypatch):
    train(config.load([*overrides, "checkpoint.every=10"]), until=20)
    summed, checksum = [], checkpoint._checksum
    monkeypatch.setattr(checkpoint, "_checksum", lambda tensors: summed.append(0) or checksum(tensors))
    machine.release()
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write", lambda *rest: None)
        train(config.load([*overrides, "checkpoint.every=10"]), until=21)
    assert len(summed) == 1


def test_a_gpu_copies_to_pinned_memory_and_is_waited_for(monkeypatch):
    asked, waited, empty = [], [], torch.empty
    monkeypatch.setattr(
        torch, "empty", lambda *size, pin_memory, **how: asked.append(pin_memory) or empty(*size, **how)
    )
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waited.append(0))
    host, on_gpu = checkpoint.Host(), torch.ones(3)
    monkeypatch.setattr(torch.Tensor, "is_cuda", property(lambda self: self is on_gpu))
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda self: asked[-1])
    assert host.copy("a", torch.zeros(2)).tolist() == [0, 0]
    host.wait()
    assert asked == [False] and not waited
    assert host.copy("b", on_gpu).tolist() == [1, 1, 1]
    host.wait()
    assert asked == [False, True] and waited


KILLED = """
import os, signal, sys
from training import checkpoint
save = checkpoint.save_file
def half(tensors, path, **rest):
    save(tensors, path, **rest)
    os.truncate(path, os.path.getsize(path) // 2)
    if sys.argv.pop(1) == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    save(tensors, path, **rest)
checkpoint.save_file = half
from training import config
from training.loop import train
train(config.load(sys.argv[sys.argv.index("--") + 1:]))
"""


def test_killed_within_a_write_it_goes_on_from_the_checkpoint_before(overrides, tmp_path):
    whole = run(overrides)
    mine = [*overrides, f"runs={tmp_path / 'killed'}"]
    done = subprocess.run([sys.executable, "-c", KILLED, "write", "kill", "--", *mine], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    (folder,) = (RunFolder(path) for path in (tmp_path / "killed").glob("cosine-*"))
    assert folder.resume_step() == 8
    assert list(folder.checkpoints.glob(".*.tmp"))
    again = run(mine)
    assert again.path == folder.path and again.complete["trained"] == 32
    assert again.record.read_bytes() == whole.record.read_bytes()
    assert not list(folder.path.rglob("*.tmp"))


def test_a_disk_that_is_full_ends_the_run_with_one_line(overrides, monkeypatch):
    write = checkpoint.write

    def full(folder, step, tensors):
        if step > 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(folder, step, tensors)

    monkeypatch.setattr(checkpoint, "write", full)
    with pytest.raises(InputError, match="no space left on the device.* goes on from step 8"):
        run(overrides)


def test_an_interrupted_run_ends_when_what_it_saves_is_written():
    said = []
    with pytest.raises(Interrupted), Watch(None) as watch:
        watch.has_saved(1, lambda: said.append("too early"))
        signal.raise_signal(signal.SIGTERM)
        assert watch.due(2)
        watch.has_saved(2, lambda: said.append("written"))
    assert said == ["written"]


def test_a_run_may_keep_nothing_but_its_record(overrides, tmp_path):
    whole = run(overrides)
    bare = run(overrides, "checkpoint.final=false", f"runs={tmp_path / 'bare'}")
    assert bare.path.name == whole.path.name  # it is the same run
    assert bare.record.read_bytes() == whole.record.read_bytes()
    assert checkpoint.steps_in(bare.checkpoints) == [] and not bare.model.exists()
    assert checkpoint.steps_in(whole.checkpoints) == [40] and whole.model.exists()
    some = run(overrides, "checkpoint.final=false", "checkpoint.keep=[16]", f"runs={tmp_path / 'some'}")
    assert checkpoint.steps_in(some.checkpoints) == [16]


def test_a_run_that_diverges_keeps_nothing_either(overrides):
    wild = run(overrides, "checkpoint.final=false", "checkpoint.every=1", "schedule.peak=1e12", "optimizer.clip=null")
    assert wild.complete["status"] == "diverged"
    assert checkpoint.steps_in(wild.checkpoints) == []


# Branch points


def test_branch_points_go_with_their_last_child_and_cells_may_keep_nothing(write_sweep):
    planned = sweep.load(write_sweep(CELLS, extra=["checkpoint.final=false"]))
    engines.run(planned)
    assert {name: checkpoint.steps_in(cell.folder.checkpoints) for name, cell in planned.cells.items()} == {
        "trunk": [],
        "wsd": [],
        "cosine": [],
    }
    assert not any(cell.folder.model.exists() for cell in planned.cells.values())


def test_what_a_config_keeps_and_the_last_checkpoint_stay(write_sweep):
    planned = sweep.load(write_sweep(CELLS, extra=["checkpoint.keep=[12]"]))
    engines.run(planned)
    at = {name: checkpoint.steps_in(cell.folder.checkpoints) for name, cell in planned.cells.items()}
    assert at["trunk"] == [12, 60]
    assert at["wsd"][-1] == at["cosine"][-1] == 40


def test_a_branch_point_stays_while_somebody_may_need_it(write_sweep):
    planned = sweep.load(write_sweep(CELLS))
    trunk, wsd = planned.cells["trunk"], planned.cells["wsd"]
    assert wsd.parent == "trunk"
    keep = f"checkpoint.keep=[{wsd.branch}]"
    train(config.load([*trunk.overrides, keep]))
    done = engines.Done(planned)
    assert wsd.branch in checkpoint.steps_in(trunk.folder.checkpoints)  # the child has not begun
    train(config.load([*wsd.overrides, f"init_from='{trunk.folder.path}@{wsd.branch}'"]))
    (trunk.folder.path / "complete.json").rename(trunk.folder.path / "aside")
    engines.Done(planned)
    newest = checkpoint.steps_in(trunk.folder.checkpoints)[-2:]
    assert wsd.branch in newest and wsd.branch in checkpoint.steps_in(trunk.folder.checkpoints)  # it resumes there
    (trunk.folder.path / "aside").rename(trunk.folder.path / "complete.json")
    done.look(9)
    assert checkpoint.steps_in(trunk.folder.checkpoints) == [60]
