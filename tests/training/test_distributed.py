"""One run on two gloo processes: the same global batch, the same curve, the same files."""

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from training import config
from training.loop import train
from training.run_folder import RunFolder

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "train.py")


pytestmark = pytest.mark.slow


def table(folder):
    return np.genfromtxt(folder.record, delimiter=",", names=True)


@pytest.mark.parametrize(
    ("kind", "chosen"),
    [("ddp", []), ("fsdp", []), ("ddp", ["optimizer=muon"]), ("fsdp", ["eval.average=ema", "eval.average_steps=5"])],
)
def test_two_processes_give_the_curve_of_one(overrides, command, tmp_path, kind, chosen):
    # 12 validation sequences: the last batch has rows for one process only when micro is 3
    more = [
        *overrides,
        *chosen,
        f"hardware.parallel={kind}",
        "batch.micro=2",
        "eval.sequences=13",
        "steps=10",
        "eval.every=5",
    ]
    alone = train(config.load([*more, f"runs={tmp_path / 'alone'}"]))
    done = command([*more, f"runs={tmp_path / 'two'}", "checkpoint.every=4"], script=TORCHRUN)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": complete, ") == 1
    two = RunFolder(tmp_path / "two" / alone.path.name)
    one_table, two_table = table(alone), table(two)
    assert np.array_equal(one_table["step"], two_table["step"])
    assert np.array_equal(one_table["lr"], two_table["lr"])
    near = 1e-3 if "optimizer=muon" in chosen else 1e-4  # its iteration rounds to bfloat16, which enlarges a last digit
    for column in ("train_loss", "grad_norm", "val_loss"):
        np.testing.assert_allclose(two_table[column], one_table[column], rtol=0, atol=near)
    weights = LlamaForCausalLM.from_pretrained(two.model).state_dict()
    for name, tensor in LlamaForCausalLM.from_pretrained(alone.model).state_dict().items():
        torch.testing.assert_close(weights[name], tensor, rtol=0, atol=1e-3)


def test_muon_under_fsdp_is_refused(overrides, command, tmp_path):
    more = [*overrides, "optimizer=muon", "hardware.parallel=fsdp", f"runs={tmp_path}"]
    done = command(more, script=TORCHRUN)
    assert done.returncode != 0
    assert "needs whole matrices, which fsdp divides" in done.stderr
