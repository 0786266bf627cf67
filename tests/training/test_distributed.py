"""One run on two gloo processes: the same global batch, the same curve, the same files."""

import json

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from tests.training.conftest import end_of, start_ranks
from training import compiled, config
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


FLOAT, BFLOAT = "torch.float32", "torch.bfloat16"
# Of each run: what is chosen, how near its record is to that of one plain process, and the types of a layer's weights and of what it is
# given, where a hook may look.
SEVERAL = {
    "ddp-compiled": (["hardware.parallel=ddp", "hardware.compile=true"], 1e-4, None),
    "fsdp-compiled": (["hardware.parallel=fsdp", "hardware.compile=true"], 1e-4, None),
    "fsdp-bf16": (["hardware.parallel=fsdp", "hardware.precision=bf16"], 1e-2, (BFLOAT, FLOAT)),
    "fsdp-stream": (["hardware.parallel=fsdp", "hardware.precision=bf16_stream"], 1e-2, (BFLOAT, BFLOAT)),
}


def test_two_processes_that_compile_or_gather_bfloat16_give_the_curve_of_one(overrides, tmp_path):
    if not compiled.possible("cpu"):
        pytest.skip("no C++ compiler")
    # 13 validation sequences: the last batch has a row for one process only, and no graph of its own
    small = ["model.n_layer=1", "batch.micro=2", "eval.sequences=13", "steps=6", "eval.every=3", "checkpoint.every=100"]
    alone = table(train(config.load([*overrides, *small, f"runs={tmp_path / 'alone'}"])))
    asked = {name: [*overrides, *small, *chosen, f"runs={tmp_path / name}"] for name, (chosen, *_) in SEVERAL.items()}
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    statuses, said = end_of(start_ranks(["-m", "tests.training.several", str(tmp_path / "asked.json")]))
    assert statuses == [0, 0], said
    seen = json.loads((tmp_path / "asked.seen").read_text())
    for name, (_, near, types) in SEVERAL.items():
        (found,) = (table(RunFolder(path)) for path in (tmp_path / name).glob("cosine-*"))
        for column in ("train_loss", "grad_norm", "val_loss"):
            np.testing.assert_allclose(found[column], alone[column], rtol=0, atol=near, err_msg=name)
        if types:
            assert (*seen[name]["weights"], seen[name]["stream"]) == types, name
        else:
            assert seen[name]["compiled"] and seen[name]["ready"] > 0 and seen[name]["later"] == 0, name
