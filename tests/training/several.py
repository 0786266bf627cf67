"""Runs of several configs, one after the other, by the processes of one group: started by `start_ranks`, not by pytest.

Arguments: a file of JSON, {name: overrides}. Rank 0 writes {name: what was seen of its machine} to FILE.seen.
"""

import json
import sys
from contextlib import nullcontext
from pathlib import Path

import torch

from training import config, distributed, loop, machine


def graphs() -> int:
    """How many graphs were compiled in this process."""
    return torch._dynamo.utils.counters["stats"]["unique_graphs"]


def run(overrides: list[str]) -> dict:
    """Train; return graphs that were compiled before the first step and after, and the types that a layer sees."""
    before, make, seen = graphs(), machine.Machine.__init__, {}

    def watched(self, *rest):
        make(self, *rest)
        seen.update(ready=graphs() - before, compiled=self.compiled)
        if not self.compiled:  # a hook would be another graph
            distributed.layers(self.model)[0].register_forward_pre_hook(note)

    def note(layer, inputs):
        types = {name: str(p.dtype) for name, p in layer.named_parameters()}
        seen.update(weights=sorted(set(types.values())), stream=str(inputs[0].dtype))

    machine.Machine.__init__ = watched
    try:
        loop.train(config.load(overrides))
    finally:
        machine.Machine.__init__ = make
        machine.release()
    return seen | {"later": graphs() - before - seen["ready"]}


if __name__ == "__main__":
    asked = Path(sys.argv[1])
    with distributed.group("cpu"):
        loop.distributed.group = lambda device: nullcontext()  # it is joined already
        found = {name: run(overrides) for name, overrides in json.loads(asked.read_text()).items()}
        if distributed.rank() == 0:
            asked.with_suffix(".seen").write_text(json.dumps(found))
