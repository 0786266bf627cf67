"""A whole optimiser step as one CUDA graph: small models are bound by the time Python takes to launch their kernels.

The graph holds addresses. What it reads must stay where it is: weights, moments, rates (tensors, see
`optimizers.build(capturable=True)`) and the rows, which are copied to where it looks for them.
"""

from collections.abc import Callable

import torch

WARM_UP = 3  # steps before the capture, in which libraries and the compiler set themselves up


class Graph:
    """A function of rows that was recorded once and is replayed; what it returns are copies."""

    def __init__(self, advance: Callable, rows: torch.Tensor, state: Callable[[], list[torch.Tensor]]):
        """Record `advance(rows)`; `state()` are the tensors that it changes, which are as before when this returns."""
        self.rows = rows.clone()
        before = [tensor.clone() for tensor in state()]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                advance(self.rows)
        torch.cuda.current_stream().wait_stream(stream)
        restore(state(), before)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.results = advance(self.rows)

    def __call__(self, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self.rows.copy_(rows)
        self.graph.replay()
        return tuple(result.clone() for result in self.results)


@torch.no_grad()
def restore(tensors: list[torch.Tensor], before: list[torch.Tensor]) -> None:
    """Put back what tensors were; those that came to be in the meantime, as moments do, were zero."""
    for tensor, old in zip(tensors, before, strict=False):
        tensor.copy_(old)
    for tensor in tensors[len(before) :]:
        tensor.zero_()
