"""When to use torch.compile, and where its compiled code is kept.

On one CPU core at 0.1M parameters a compiled step takes 0.6 of the time and an evaluation 0.5; the first compilation of a
shape takes a minute of a core, later ones, from the cache, eight seconds. It changes the rounding of a record, nothing else.
"""

import hashlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch

from training import locks

# FLOPs of training from which compiling pays, by the device: about two minutes of one core or one GPU
WORTH = {"cpu": 3e12, "cuda": 1e16}


def wanted(choice: bool | str, device: str, flops: float) -> bool:
    """Whether to compile what will train for `flops`; `choice` is hardware.compile: true, false or "auto"."""
    return choice if isinstance(choice, bool) else flops >= WORTH[device] and possible(device)


@cache
def possible(device: str) -> bool:
    """Whether what torch.compile needs is there: a C++ compiler for a CPU, Triton for a GPU."""
    if device == "cuda":
        from torch.utils._triton import has_triton

        return has_triton()
    from torch._inductor.cpp_builder import get_cpp_compiler

    try:
        return bool(get_cpp_compiler())
    except Exception:  # torch raises one of several kinds, by platform
        return False


def share_cache(runs: Path | str) -> None:
    """Keep compiled code below the folder of the run folders, where every process of a sweep finds it.

    Processors of one kind share: code for one may use instructions that another lacks.
    """
    if "TORCHINDUCTOR_CACHE_DIR" not in os.environ:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(Path(runs).resolve() / ".compiled" / processor())


@contextmanager
def once(shape: str) -> Iterator[None]:
    """A block that compiles a shape: the first process to come does it, others wait and find the code in the cache.

    Raises InputError on a file system without locks.
    """
    cache_folder = Path(os.environ.get("TORCHINDUCTOR_CACHE_DIR", ""))
    done = cache_folder / "shapes" / hashlib.sha256(shape.encode()).hexdigest()[:16]
    if not cache_folder.name or done.exists():
        yield
        return
    done.parent.mkdir(parents=True, exist_ok=True)
    with locks.held(done.with_name(f"{done.name}.lock"), wait=True):
        yield
        done.touch()


@cache
def processor() -> str:
    """A short name of this kind of processor and of this version of torch."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        kind = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    except OSError:
        kind = [platform.processor()]
    return hashlib.sha256(repr((platform.machine(), kind, torch.__version__)).encode()).hexdigest()[:8]
