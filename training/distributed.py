"""One run on several devices: `torchrun --nproc_per_node 2 train.py ...`; every rank takes its rows of the same global batch.

Rank 0 alone writes. Without torchrun there is one rank and nothing here does anything.
"""

import os
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from losslaws.curves import InputError

KINDS = ("ddp", "fsdp")
PATIENCE = timedelta(minutes=30)  # of ranks for one another: one may still read through a token file of 200 GB


@contextmanager
def group(device: str):
    """Join the ranks that torchrun has started, for the length of the block."""
    if not dist.is_torchelastic_launched():
        yield
        return
    if device == "cuda":
        torch.cuda.set_device(local_rank())
    where = torch.device(device, local_rank()) if device == "cuda" else None
    dist.init_process_group("nccl" if device == "cuda" else "gloo", device_id=where, timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """The number of this process; 0 writes."""
    return dist.get_rank() if dist.is_initialized() else 0


def ranks() -> int:
    """How many processes share the run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def local_rank() -> int:
    """The number of this process on its machine, which is the number of its GPU."""
    return int(os.environ.get("LOCAL_RANK", 0))


def divides(kind: str) -> bool:
    """Whether `hardware.parallel` divides a model among the ranks. Raises InputError for an unknown one."""
    if kind not in KINDS:
        raise InputError(f"hardware.parallel='{kind}' is unknown (known: {', '.join(KINDS)})")
    return kind == "fsdp" and ranks() > 1


def layers(model: nn.Module) -> list[nn.Module]:
    """What is divided, gathered and compiled by itself: every layer of the model."""
    return [layer for part in model.modules() if isinstance(part, nn.ModuleList) for layer in part]


def shard(model: nn.Module, bf16: bool = False, stream: bool = False) -> None:
    """Divide weights, gradients and moments among the ranks (FSDP), layer by layer, in place.

    bf16    the layers' weights are gathered in bfloat16, in which their products are taken; gradients are added in float32
    stream  so are embedding, last gain and readout: otherwise the residual stream, which is float32, would begin in bfloat16
    """
    mesh = init_device_mesh(next(model.parameters()).device.type, (ranks(),))
    # What a layer is given keeps its type: autocast alone says what is computed in which.
    low, full = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False), MixedPrecisionPolicy()
    for layer in layers(model):
        fully_shard(layer, mesh=mesh, mp_policy=low if bf16 else full)
    # After an evaluation no backward follows that would divide the outermost parameters again.
    fully_shard(model, mesh=mesh, mp_policy=low if stream else full, reshard_after_forward=True)


def replicate(model: nn.Module) -> nn.Module:
    """Wrap a model that is not divided so that backward averages its gradients over the ranks (DDP)."""
    if ranks() == 1 or is_sharded(model):
        return model
    # The buffers are the same tables on every rank.
    return DistributedDataParallel(model, broadcast_buffers=False, gradient_as_bucket_view=True)


def is_sharded(model: nn.Module) -> bool:
    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


@contextmanager
def local_gradients(model: nn.Module):
    """A block in which backward leaves gradients unaveraged among the ranks: all but the last of an accumulation."""
    if isinstance(model, FSDPModule):
        model.set_requires_gradient_sync(False)
        yield
        model.set_requires_gradient_sync(True)
    else:
        with model.no_sync() if isinstance(model, DistributedDataParallel) else nullcontext():
            yield


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor that all ranks hold parts of; every rank must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def part_like(tensor: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """What of a whole tensor belongs to this rank, on the device of `parameter` and divided as it is."""
    tensor = tensor.to(parameter.device)
    if isinstance(parameter, DTensor):
        return distribute_tensor(tensor, parameter.device_mesh, parameter.placements)
    return tensor


def first(make: Callable[[], int]) -> int:
    """What `make` returns on rank 0, which alone calls it; the others wait for that."""
    number = make() if rank() == 0 else 0
    return number if ranks() == 1 else highest(number)[0]


def meet() -> None:
    """Wait until every rank is here."""
    if ranks() > 1:
        highest(0)


def highest(*numbers: int) -> list[int]:
    """The highest of each number over the ranks."""
    tensor = torch.tensor(numbers, device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(tensor, dist.ReduceOp.MAX)
    return tensor.tolist()


def everywhere(true: bool) -> bool:
    """Whether it is true on every rank."""
    return true if ranks() == 1 else not highest(int(not true))[0]


def add(tensor: torch.Tensor) -> torch.Tensor:
    """The sum over the ranks."""
    if ranks() > 1:
        dist.all_reduce(tensor)
    return tensor
