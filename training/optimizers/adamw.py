"""AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101); weight decay acts on matrices only."""

import torch

import models

STATE = ("exp_avg", "exp_avg_sq")


def build(model, *, beta1: float, beta2: float, eps: float, weight_decay: float, capturable: bool = False):
    """See `training.optimizers`."""
    groups = models.parameter_groups(model, weight_decay)
    return adamw([{**group, "state": STATE} for group in groups], beta1, beta2, eps, capturable)


def adamw(groups: list[dict], beta1: float, beta2: float, eps: float, capturable: bool) -> torch.optim.AdamW:
    """AdamW over groups as `training.optimizers` describes them."""
    if capturable:
        device = groups[0]["params"][0].device
        groups = [{**group, "lr": torch.zeros((), device=device)} for group in groups]
    return torch.optim.AdamW(groups, betas=(beta1, beta2), eps=eps, fused=True, capturable=capturable)
