"""Checkpoints: weights and moments in one safetensors file with a checksum. Nothing is unpickled."""

import errno
import json
import re
import sys
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from losslaws.curves import InputError
from losslaws.curves.files import atomic
from training import distributed, optimizers
from training.records import State
from training.settings import check


def path_of(folder: Path, step: int) -> Path:
    """Where the checkpoint after `step` optimiser steps lies."""
    return folder / f"step-{step:08d}.safetensors"


def steps_in(folder: Path) -> list[int]:
    """The steps of the checkpoints in `folder`, rising."""
    return sorted(
        int(match[1])
        for path in folder.glob("step-*.safetensors")
        if (match := re.fullmatch(r"step-([0-9]{8,15})", path.stem))
    )


def _checksum(tensors):
    crc = 0
    for name in sorted(tensors):
        crc = zlib.crc32(tensors[name].contiguous().view(torch.uint8).numpy(), crc)
    return crc


class Host:
    """Room in the host's memory for a copy of the state, taken once; pinned where the state is on a GPU, which then copies straight into it."""

    def __init__(self):
        self.room: dict[str, torch.Tensor] = {}

    def copy(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """Begin to copy the tensor of that name over what was copied for it before; `wait` ends it."""
        if name not in self.room:
            self.room[name] = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=tensor.is_cuda)
        return self.room[name].copy_(tensor, non_blocking=True)

    def wait(self) -> None:
        """Wait until everything is copied."""
        if any(tensor.is_pinned() for tensor in self.room.values()):
            torch.cuda.synchronize()


def gather(
    host: Host,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    extra: Mapping[str, torch.Tensor] = MappingProxyType({}),
) -> dict[str, torch.Tensor]:
    """A copy of the state in `host`, by name: weights, moments, and `extra` tensors. The learning rate is no part of it.

    However many processes share the run, all of them call this; rank 0 has the whole, the others nothing.
    """
    tensors, moments = dict(extra), optimizers.state_names(optimizer)
    for name, parameter in model.named_parameters():
        tensors[f"model/{name}"] = parameter.detach()
        for moment in moments[parameter]:
            tensors[f"{moment}/{name}"] = optimizer.state[parameter][moment]
    kept = {}
    for name, tensor in tensors.items():
        whole = distributed.whole(tensor)
        if distributed.rank() == 0:
            kept[name] = host.copy(name, whole)
    host.wait()
    return kept


def write(folder: Path, step: int, tensors: dict[str, torch.Tensor]) -> Path:
    """Write the state after `step` steps, whole or not at all. Nothing is written where there are no tensors."""
    path = path_of(folder, step)
    if not tensors:
        return path
    about = json.dumps({"step": step, "crc32": _checksum(tensors)})
    try:
        with atomic(path) as temporary:
            save_file(tensors, temporary, metadata={"about": about})
    except SafetensorError as error:  # it hides the operating system's error number
        raise OSError(errno.ENOSPC if "os error 28" in str(error) else errno.EIO, str(error), str(path)) from None
    return path


class Writer:
    """Writes checkpoints in a thread while training goes on, one at a time; a context manager that waits for the last.

    What is written is the state at the call of `save`, copied there; it is there as a whole or, after a kill, not at all. An
    error is raised by the next call.
    """

    def __init__(self, folder: Path):
        self.folder, self.thread, self.pending, self.host = folder, ThreadPoolExecutor(1), None, Host()

    def save(self, step: int, then: Callable[[], None], *state) -> None:
        """Write the `state` (see `gather`) after `step` steps, when the one before is written, and call `then`."""
        self.wait()
        tensors = gather(self.host, *state)  # over those of the one before
        self.pending = self.thread.submit(self._write, step, tensors, then)

    def _write(self, step, tensors, then):
        write(self.folder, step, tensors)
        then()

    def wait(self) -> None:
        """Wait until everything is written."""
        pending, self.pending = self.pending, None
        if pending:
            pending.result()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *error) -> None:
        try:
            self.wait()
        finally:
            self.thread.shutdown()


class Unusable(InputError):
    """A checkpoint that cannot be read: it is not there, or Damaged."""


class Damaged(Unusable):
    """A checkpoint that is not what was written."""

    def __init__(self, path: Path, why: str):
        super().__init__(f"{path}: the checkpoint is damaged ({why}); delete it to go on from the one before")


def read(path: Path, sound: bool = False) -> tuple[dict[str, torch.Tensor], dict]:
    """The tensors of a checkpoint by name, and its metadata (`records.State`). Raises Unusable where it is missing, Damaged.

    sound  its checksum need not be computed: it was, a moment ago
    """
    if not path.is_file():
        raise Unusable(f"{path}: there is no such checkpoint (steps at hand: {steps_in(path.parent) or 'none'})")
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            about = json.loads(file.metadata()["about"])
        check(about, State, "its metadata")
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise Damaged(path, str(error)) from None
    if not sound and _checksum(tensors) != about["crc32"]:
        raise Damaged(path, "checksum differs")
    if path_of(path.parent, about["step"]) != path:
        raise Damaged(path, f"it holds step {about['step']}")
    return tensors, about


def newest_sound(folder: Path) -> int:
    """The step of the newest checkpoint that is whole, 0 without one; damaged ones are renamed, with a warning."""
    for step in reversed(steps_in(folder)):
        path = path_of(folder, step)
        try:
            read(path)
            return step
        except Damaged as error:
            path.rename(path.with_suffix(".damaged"))
            print(f"warning: {error}; it is set aside as {path.with_suffix('.damaged').name}", file=sys.stderr)
    return 0


def load(
    path: Path,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    extra: Mapping[str, torch.Tensor] = MappingProxyType({}),
    sound: bool = False,
) -> None:
    """Put the state of a checkpoint into `model` and, where given, `optimizer` and the `extra` tensors.

    sound  see `read`

    Raises Unusable for a missing file, Damaged for a damaged one, and InputError for one of another model or optimiser.
    """
    tensors, about = read(path, sound)
    moments = optimizers.state_names(optimizer) if optimizer else {}
    for name, parameter in model.named_parameters():
        weights = tensors.get(f"model/{name}")
        if weights is None or weights.shape != parameter.shape:
            found = "nothing" if weights is None else tuple(weights.shape)
            raise InputError(
                f"{path}: belongs to another model ('{name}' should be {tuple(parameter.shape)}, found {found}); set model= as in that run"
            )
        with torch.no_grad():
            parameter.copy_(distributed.part_like(weights, parameter))
        if optimizer is None:
            continue
        missing = [moment for moment in moments[parameter] if f"{moment}/{name}" not in tensors]
        if missing:
            raise InputError(
                f"{path}: belongs to another optimiser (it has no {missing[0]}/{name}); set optimizer= as in that run"
            )
        optimizer.state[parameter] = {
            "step": torch.tensor(float(about["step"]), device=parameter.device),
            # a copy: what safetensors gives may be the file itself, mapped
            **{
                moment: distributed.part_like(tensors[f"{moment}/{name}"], parameter).clone()
                for moment in moments[parameter]
            },
        }
    for name, tensor in extra.items():
        if name not in tensors:
            raise InputError(f"{path}: has no average of weights to go on from; set eval.average as in that run")
        with torch.no_grad():
            tensor.copy_(distributed.part_like(tensors[name], tensor))
