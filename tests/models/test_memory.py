"""The memory that `plan` foretells is what autograd keeps: counted on tensors without storage."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import models
from models.architecture import Architecture
from models.llama import Llama

pytestmark = pytest.mark.slow

SMALL = {
    "family": "llama",
    "name": "small",
    "d_model": 128,
    "n_layer": 2,
    "head_dim": 32,
    "n_kv_head": None,
    "mlp_ratio": 2.6667,
    "tie_embeddings": True,
    "rope_theta": 10000.0,
    "norm_eps": 1e-6,
    "init_std": 0.02,
}


class FusedNorm(torch.autograd.Function):
    """RMSNorm that keeps what the fused kernel of a GPU does; the CPU's keeps its output too."""

    @staticmethod
    def forward(ctx, x, weight):
        rstd = x.float().pow(2).mean(-1, keepdim=True).rsqrt()
        ctx.save_for_backward(x, weight, rstd)
        return x * rstd * weight

    @staticmethod
    def backward(ctx, grad):
        raise NotImplementedError


def kept(architecture, sequences, bf16):
    """Bytes of the storages that a forward pass keeps, parameters and buffers left out."""
    with torch.device("meta"):
        model = Llama(architecture)
    storages = {}
    with FakeTensorMode(allow_non_fake_inputs=True):
        fakes = {}
        for part in model.modules():
            for name, old in part._parameters.items():
                if old is not None:
                    new = torch.nn.Parameter(torch.empty(old.shape))
                    part._parameters[name] = fakes.setdefault(id(old), new)
            for name, old in part._buffers.items():
                part._buffers[name] = torch.empty(old.shape)
        own = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())}
        alive = []

        def pack(tensor):
            alive.append(tensor)
            storage = tensor.untyped_storage()
            if storage._cdata not in own and tensor.is_floating_point():
                storages[storage._cdata] = storage.nbytes()
            return tensor

        ids = torch.zeros(sequences, architecture.length, dtype=torch.int64)
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x), torch.autocast("cpu", enabled=bf16):
            model(ids, ids)
    return sum(storages.values())


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("changes", [{}, {"n_kv_head": 2}, {"n_layer": 3, "d_model": 192}])
def test_the_planned_memory_is_within_five_percent_of_what_is_kept(monkeypatch, bf16, changes):
    monkeypatch.setattr(torch.nn.RMSNorm, "forward", lambda self, x: FusedNorm.apply(x, self.weight))
    model, vocab, length, sequences = SMALL | changes, 512, 64, 8
    state = 16 * models.parameter_counts(model, vocab, length)["total"]
    planned = models.training_bytes(model, vocab, length, sequences, "bf16" if bf16 else "fp32") - state
    measured = kept(Architecture.of(model, vocab, length), sequences, bf16)
    assert planned == pytest.approx(measured, rel=0.05)
