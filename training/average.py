"""Averages of the weights along a run, evaluated beside the weights themselves.

    ema     exponential: after t steps, a += (w - a) / min(t, steps), the mean of all weights at first and then one with a
            time constant of `steps` (Morales-Brotons et al. 2024, arXiv 2411.18704)
    window  the mean of the weights after each of the last `steps` steps, up to a twelfth: it moves on by whole PARTS
            (LAWA, Kaddour 2022, arXiv 2209.14981, which takes checkpoints in place of parts)

Both are in float32 and part of a checkpoint, so that a run resumes and branches exactly.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch.distributed.tensor import DTensor

PARTS = 12  # of a window: memory is that of PARTS + 2 copies of the weights


class Average:
    """One average of the parameters of a model."""

    def __init__(self, model: torch.nn.Module, kind: str, steps: int):
        self.kind = kind
        self.names, self.weights = zip(*model.named_parameters(), strict=True)
        self.length = steps if kind == "ema" else max(1, round(steps / PARTS))
        self.seen = torch.zeros(1, dtype=torch.int64)  # steps that went into it
        self.mean = self.copy()
        self.sums = [] if kind == "ema" else [self.copy() for _ in range(PARTS + 1)]  # a ring; one of them is growing

    def copy(self) -> list[torch.Tensor]:
        return [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def reset(self) -> None:
        """Begin anew with the weights as they are."""
        self.seen.zero_()
        torch._foreach_copy_(local(self.mean), local(self.weights))

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        self.seen += 1
        seen = int(self.seen)
        if self.kind == "ema":
            torch._foreach_lerp_(local(self.mean), local(self.weights), 1 / min(seen, self.length))
            return
        part, place = divmod(seen - 1, self.length)
        growing = local(self.sums[part % len(self.sums)])
        if place == 0:
            torch._foreach_zero_(growing)
        torch._foreach_add_(growing, local(self.weights))

    @torch.no_grad()
    def refresh(self) -> None:
        """Bring the mean of a window up to date: of its last PARTS whole parts, of all steps while it has none."""
        if self.kind == "ema" or not int(self.seen):
            return
        whole, rest = divmod(int(self.seen), self.length)
        used = [part % len(self.sums) for part in range(max(0, whole - PARTS), whole)] or [0]
        count = len(used) * self.length if whole else rest
        torch._foreach_zero_(local(self.mean))
        for part in used:
            torch._foreach_add_(local(self.mean), local(self.sums[part]), alpha=1 / count)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """A block in which the model has the average for its weights."""
        self.refresh()
        own = self.copy()
        with torch.no_grad():
            torch._foreach_copy_(local(self.weights), local(self.mean))
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(local(self.weights), local(own))

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything it consists of, by name; what is copied into these tensors is its state from then on."""
        kinds = {"mean": self.mean, **{f"sum{number}": part for number, part in enumerate(self.sums)}}
        named = {
            f"average/{kind}/{name}": tensor
            for kind, tensors in kinds.items()
            for name, tensor in zip(self.names, tensors, strict=True)
        }
        return {"average/seen": self.seen, **named}


def local(tensors: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """What of the tensors this rank holds, in place: means are taken number by number."""
    return [tensor.to_local() if isinstance(tensor, DTensor) else tensor for tensor in tensors]
