"""Stacked replicas train as each would alone."""

import pytest
import torch

from losslaws.curves import InputError
from tests.training.test_machine import pattern, settings  # noqa: F401
from training.machine import Machine
from training.stack import Stack

RATES = (1e-2, 3e-3, 1e-2)
SEEDS = (0, 0, 5)


pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["batch.micro=2", "optimizer.clip=null"],
        ["model.tie_embeddings=false", "model.d_model=64", "model.head_dim=16", "model.n_kv_head=2"],
    ],
)
def test_replicas_equal_separate_runs(pattern, more):  # noqa: F811
    stack = Stack(settings(*more), pattern, SEEDS)
    alone = [Machine(settings(*more, f"seed={seed}"), pattern) for seed in SEEDS]
    for step in range(1, 9):
        rates = [rate / (1 + 0.1 * step) for rate in RATES]
        loss, norm = stack.step(step, rates)
        single = [one.step(step, rate) for one, rate in zip(alone, rates, strict=True)]
        torch.testing.assert_close(loss, torch.stack([pair[0] for pair in single]), rtol=0, atol=1e-5)
        torch.testing.assert_close(norm, torch.stack([pair[1] for pair in single]), rtol=1e-4, atol=0)
    expected = torch.stack([one.evaluate()["val_loss"] for one in alone])
    torch.testing.assert_close(stack.evaluate(), expected, rtol=0, atol=1e-5)
    assert expected.unique().numel() == 3
    rows = alone[2].rows(9)
    torch.testing.assert_close(
        stack.model(2)(rows[:, :-1], rows[:, 1:]), alone[2].loss(rows[:4]).detach(), rtol=0, atol=1e-4
    )


def test_what_a_stack_does_not_train_is_refused(pattern):  # noqa: F811
    for other in ("model=gpt2", "optimizer=muon", "model=mup"):
        with pytest.raises(InputError, match="a stack needs"):
            Stack(settings(other), pattern, SEEDS)
