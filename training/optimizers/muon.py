"""Muon for the matrices of the blocks, AdamW for the rest: embeddings, readout, gains.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) replaces the momentum of a matrix by the nearest
half-orthogonal one, found by a Newton-Schulz iteration in bfloat16; torch has it. With `adjust: match_rms_adamw` its updates
are as large as AdamW's (Liu et al. 2025, arXiv 2502.16982), so that one rate suits both. The rate of the schedule, which the
laws read, is that of the matrices; AdamW's is `adam_scale` times that, in the record's column lr_adam.
"""

import torch

import models
from losslaws.curves import InputError
from training import distributed
from training.optimizers.adamw import STATE, adamw


class Joint(torch.optim.Optimizer):
    """Several optimisers, each over its own parameters, that step as one."""

    def __init__(self, *parts: torch.optim.Optimizer):
        self.parts = parts
        self.param_groups = [group for part in parts for group in part.param_groups]
        self.owner = {parameter: part for part in parts for group in part.param_groups for parameter in group["params"]}

    @property
    def state(self):
        """By parameter, the state of the part that owns it."""
        return _States(self.owner)

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none)


class _States:
    def __init__(self, owner):
        self.owner = owner

    def __getitem__(self, parameter):
        return self.owner[parameter].state[parameter]

    def __setitem__(self, parameter, state):
        self.owner[parameter].state[parameter] = state


def build(
    model,
    *,
    momentum: float,
    nesterov: bool,
    ns_steps: int,
    adjust: str,
    weight_decay: float,
    adam_scale: float,
    beta1: float,
    beta2: float,
    eps: float,
    capturable: bool = False,
):
    """See `training.optimizers`."""
    if capturable:
        raise InputError("optimizer=muon: cannot be part of a CUDA graph; set hardware.graph=false")
    if distributed.is_sharded(model):
        raise InputError("optimizer=muon: needs whole matrices, which fsdp divides; set hardware.parallel=ddp")
    if len(models.parameter_groups(model, weight_decay)) > 2:
        raise InputError("optimizer=muon: muP scales the rates of AdamW; set model.parametrisation=standard")
    matrices = models.hidden_matrices(model)
    inside = {id(parameter) for parameter in matrices}
    muon = torch.optim.Muon(
        [{"params": matrices, "scale": 1.0, "state": ("momentum_buffer",)}],
        momentum=momentum,
        nesterov=nesterov,
        ns_steps=ns_steps,
        weight_decay=weight_decay,
        adjust_lr_fn=adjust,
    )
    rest = [
        {
            **group,
            "params": [parameter for parameter in group["params"] if id(parameter) not in inside],
            "scale": adam_scale,
            "state": STATE,
            "label": "adam",
        }
        for group in models.parameter_groups(model, weight_decay)
    ]
    return Joint(muon, adamw(rest, beta1, beta2, eps, capturable=False))
