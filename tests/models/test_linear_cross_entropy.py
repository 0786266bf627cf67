import pytest
import torch
import torch.nn.functional as F

from models import loss
from models.loss import linear_cross_entropy


@pytest.fixture(params=[1, 3, 10, 64], ids=lambda rows: f"{rows} rows a block")
def inputs(request, monkeypatch):
    """Ten rows, 17 token ids, in blocks of 1, 3, 10 and more rows than there are."""
    monkeypatch.setitem(loss.BLOCK, "cpu", 17 * request.param)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(10, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(17, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    return x, weight, torch.randint(17, (10,), generator=generator)


def test_equals_cross_entropy(inputs):
    x, weight, targets = inputs
    ours = linear_cross_entropy(x, weight, targets)
    reference = F.cross_entropy(x @ weight.t(), targets)
    torch.testing.assert_close(ours, reference, atol=1e-12, rtol=0)
    for mine, theirs in zip(
        torch.autograd.grad(3 * ours, (x, weight)), torch.autograd.grad(3 * reference, (x, weight)), strict=True
    ):
        torch.testing.assert_close(mine, theirs, atol=1e-12, rtol=0)


def test_gradient_is_that_of_finite_differences(inputs):
    x, weight, targets = inputs
    assert torch.autograd.gradcheck(lambda x, weight: linear_cross_entropy(x, weight, targets), (x, weight))


def test_without_gradients_the_loss_is_the_same(inputs):
    expected = linear_cross_entropy(*inputs)
    with torch.no_grad():
        loss = linear_cross_entropy(*inputs)
    assert torch.equal(loss, expected)
    assert not loss.requires_grad


def test_logits_far_apart_stay_finite():
    x = torch.full((2, 1), 1e3, requires_grad=True)
    weight = torch.tensor([[1.0], [0.0], [-1.0]], requires_grad=True)
    loss = linear_cross_entropy(x, weight, torch.tensor([2, 0]))
    assert loss.item() == 1000.0
    loss.backward()
    assert x.grad.isfinite().all()
    assert weight.grad.isfinite().all()


def test_the_gradient_of_a_readout_in_bfloat16_is_rounded_once(monkeypatch):
    """As where FSDP gathered it so; rounded after each of 256 blocks, an entry may be off by half of itself."""
    monkeypatch.setitem(loss.BLOCK, "cpu", 17)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 5, generator=generator)
    weight = torch.randn(17, 5, generator=generator).bfloat16()
    targets = torch.randint(17, (256,), generator=generator)
    found, exact = (one.requires_grad_() for one in (weight.clone(), weight.float()))
    linear_cross_entropy(x, found, targets).backward()
    linear_cross_entropy(x, exact, targets).backward()
    assert found.grad.dtype == torch.bfloat16
    torch.testing.assert_close(found.grad.float(), exact.grad, rtol=2**-8, atol=0)
