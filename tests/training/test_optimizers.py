"""Optimisers: AdamW as torch has it, Muon against the algorithm written out, and both through resume and branches."""

import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch

import models
from losslaws.curves import InputError
from tests.training.conftest import ROOT
from tests.training.test_machine import pattern, settings  # noqa: F401
from training import config, optimizers
from training.loop import folder_of, train
from training.machine import Machine

MUON = ["optimizer=muon", "optimizer.adam_scale=0.3"]


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", config.choices("optimizer"))
def test_every_optimiser_goes_on_from_a_checkpoint_bit_for_bit(overrides, name):
    asked = [*overrides, f"optimizer={name}", "steps=12", "checkpoint.every=6", "checkpoint.keep=[6]"]
    whole = train(config.load([*asked, "name=whole"]))
    branch = train(config.load([*asked, "name=branch", f"init_from={whole.path}@6"]))
    one, two = (pd.read_csv(run.record).set_index("step")["train_loss"] for run in (whole, branch))
    assert one.loc[7:].equals(two.loc[7:]) and one.loc[7:].size == 6
    assert one.loc[12] < one.loc[1], "it does not train"


def orthogonalised(gradient, steps=5):
    """Newton-Schulz as Jordan et al. write it, in bfloat16: https://kellerjordan.github.io/posts/muon/"""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = gradient.bfloat16()
    x = x / (x.norm() + 1e-7)
    if gradient.shape[0] > gradient.shape[1]:
        x = x.T
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if gradient.shape[0] > gradient.shape[1] else x


def test_the_iteration_finds_singular_values_near_one():
    made = torch.linalg.svdvals(orthogonalised(torch.randn(24, 40, generator=torch.Generator().manual_seed(1))).float())
    assert made.min() > 0.5
    assert made.max() < 1.3


@pytest.mark.parametrize("adjust", ["match_rms_adamw", "original"])
def test_three_steps_of_muon_are_those_written_out(pattern, adjust):  # noqa: F811
    one = Machine(settings(*MUON, f"optimizer.adjust={adjust}", "optimizer.clip=null"), pattern)
    matrices = models.hidden_matrices(one.model)
    assert len(matrices) == 3 * 7
    mine = [p.detach().clone() for p in matrices]
    momenta = [torch.zeros_like(p) for p in matrices]
    optimizers.set_rates(one.optimizer, 1e-2)
    for step in (1, 2, 3):
        one.loss(one.rows(step)).backward()
        steps = []
        for own, momentum, p in zip(mine, momenta, matrices, strict=True):
            momentum.lerp_(p.grad, 0.05)
            update = orthogonalised(p.grad.lerp(momentum, 0.95)).float()
            rows, columns = p.shape
            size = 0.2 * max(rows, columns) ** 0.5 if adjust == "match_rms_adamw" else max(1, rows / columns) ** 0.5
            steps.append((own * 1e-2 * 0.1 + update * 1e-2 * size, p.detach().clone()))
        one.optimizer.step()
        one.optimizer.zero_grad()
        for own, p, (step_of_ours, before) in zip(mine, matrices, steps, strict=True):
            taken = before - p.detach()  # the iteration enlarges the rounding to bfloat16, done at other places there
            assert torch.cosine_similarity(taken.flatten(), step_of_ours.flatten(), dim=0) > 0.995
            assert float(taken.norm() / step_of_ours.norm()) == pytest.approx(1, abs=0.02)
            own.copy_(p.detach())


def test_one_step_of_muon_is_that_of_torch(pattern):  # noqa: F811
    one, two = (Machine(settings(*MUON, "optimizer.clip=null"), pattern) for _ in range(2))
    rest = [p for p in two.model.parameters() if not any(p is q for q in models.hidden_matrices(two.model))]
    alone = torch.optim.Muon(models.hidden_matrices(two.model), lr=1e-2, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW(
        [
            {"params": [p for p in rest if p.ndim == 2], "weight_decay": 0.1},
            {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=3e-3,
        betas=(0.9, 0.95),
        fused=True,
    )
    for step in (1, 2):
        one.step(step, 1e-2)
        two.loss(two.rows(step)).backward()
        alone.step()
        adam.step()
        two.model.zero_grad()
    for p, q in zip(one.model.parameters(), two.model.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=1e-6)


def test_muon_trains_and_resumes_after_kills_bit_for_bit(overrides, tmp_path):
    longer = [*overrides, *MUON, "steps=200", "checkpoint.every=20"]
    whole = train(config.load([*longer, f"runs={tmp_path / 'whole'}"]))
    chosen = config.plain(config.load(longer))
    chosen["hardware"] |= {"precision": "fp32"}
    killed = folder_of(chosen, config.schedule(chosen))
    for moment in (30, 110):
        process = subprocess.Popen([sys.executable, "train.py", *longer], cwd=ROOT, stdout=subprocess.DEVNULL)
        while killed.recorded_steps() < moment and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert killed.complete is None, "the run was over before it could be killed"
    assert train(config.load(longer)).record.read_bytes() == whole.record.read_bytes()
    table = pd.read_csv(whole.record)
    np.testing.assert_allclose(table["lr_adam"], 0.3 * table["lr"], rtol=1e-12)
    assert table["train_loss"].iloc[-1] < table["train_loss"].iloc[0] - 0.5
    branch = train(
        config.load([*longer, "schedule=constant", "name=branch", f"init_from={whole.path}@200", "steps=210"])
    )
    assert branch.recorded_steps() == 210


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["+optimizer.momentun=0.9"], "did you mean 'momentum'"),
        (["optimizer.adjust=rms"], "optimizer.adjust"),
        (["model=mup"], "muP scales the rates of AdamW"),
    ],
)
def test_what_muon_does_not_do_is_refused(pattern, more, message):  # noqa: F811
    with pytest.raises(InputError, match=message):
        Machine(settings("optimizer=muon", *more), pattern)


def test_a_checkpoint_of_another_optimiser_is_refused(overrides):
    short = [*overrides, "steps=10"]
    run = train(config.load(short))
    with pytest.raises(InputError, match="another optimiser"):
        train(config.load([*short, "optimizer=muon", f"init_from={run.path}@10", "steps=12"]))
