"""Optimisers, one file each.

An optimiser is a function `build` in a file of its name::

    def build(model, *, beta1, ..., clip) -> torch.optim.Optimizer: ...

whose keyword options are the keys of conf/optimizer/NAME.yaml (`clip`, of the gradient norm, belongs to the loop); their types
and ranges are a class of training/settings.py, beside those of the others in `Settings.optimizer`. Besides
what torch needs, each of its parameter groups holds

    scale  the factor on the rate of the schedule
    state  names of the tensors that it keeps for a parameter, of that parameter's shape; a checkpoint holds them
    label  where the group's rate is not the one in the record's column lr: it is in the column lr_LABEL
"""

from collections.abc import Mapping
from importlib import import_module

import torch

RATE = "lr_"  # begins the columns of rates that are not the schedule's


def build(model: torch.nn.Module, chosen: Mapping, **how) -> torch.optim.Optimizer:
    """Build the optimiser that the config group entry `chosen` describes over the parameters of `model`.

    how  what does not belong to the run: capturable, whether its rates are tensors, as a CUDA graph needs

    Raises InputError for a model that the optimiser cannot train.
    """
    options = {key: value for key, value in chosen.items() if key not in ("name", "clip")}
    return import_module(f"{__name__}.{chosen['name']}").build(model, **options, **how)


def state_names(optimizer: torch.optim.Optimizer) -> dict[torch.nn.Parameter, tuple[str, ...]]:
    """The names of the tensors that the optimiser keeps for every parameter."""
    return {parameter: group["state"] for group in optimizer.param_groups for parameter in group["params"]}


def set_rates(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every group its share of the schedule's rate, without waiting for a device."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(rate * group["scale"])
        else:
            group["lr"] = rate * group["scale"]


def rate_columns(optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """The record's columns of rates besides `lr`, each with the factor on the schedule's rate."""
    return {RATE + group["label"]: group["scale"] for group in optimizer.param_groups if "label" in group}
