"""The coordinate check of muP: how large activations are after a few steps of training, width by width.

    sizes(module, groups, batches, rate) -> {"logits": [n], ...}      of one model
    spread(values) -> float                                           how far from flat they are over widths

Under muP every activation has the same mean |x| at every width; a part of muP left out shows as a slope. Use a rate larger
than one would train with, and several seeds (Yang et al. 2022, arXiv 2203.03466, App. D.1). A flat check is necessary, not
sufficient.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F


def sizes(module, groups: list[dict], batches: Sequence[torch.Tensor], rate: float) -> dict[str, np.ndarray]:
    """Train a Llama of ours one step on each batch; return mean |x| of its activations before each of them.

    groups   of the optimiser, as `models.parameter_groups` gives them
    batches  int64 [B, L + 1] each, n of them
    rate     learning rate of Adam

    The activations are what the attention and the MLP of each block write, and the logits: [n] each.
    """
    found = {}

    def watch(name, part, scale=1.0):
        def note(_, __, out):
            found.setdefault(name, []).append(out.detach().abs().mean().item() * scale)

        return part.register_forward_hook(note)

    hooks = [watch("logits", module.lm_head)]
    for i, layer in enumerate(module.model["layers"]):
        hooks += [watch(f"attention {i}", layer.self_attn), watch(f"mlp {i}", layer.mlp)]
    optimizer = torch.optim.Adam(groups, lr=rate)
    for group in optimizer.param_groups:
        group["lr"], group["weight_decay"] = rate * group["scale"], 0.0
    for rows in batches:
        logits = module(rows[:, :-1])
        F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    for hook in hooks:
        hook.remove()
    return {name: np.array(values) for name, values in found.items()}


def spread(values: np.ndarray) -> float:
    """Return how far sizes over widths [w] are from flat: the largest over the least, less 1."""
    return float(values.max() / values.min() - 1)
