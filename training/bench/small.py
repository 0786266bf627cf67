"""Many runs of a small model on one device, side by side: a plain loop, processes, CUDA graphs, and a stack.

    loop       one run after another, a step at a time
    processes  several at once, each a loop in a process of its own; on a GPU under MPS where its daemon can be started
    graph      one after another, each step one CUDA graph; on a GPU alone
    stack      several in one compiled step (training/stack.py), on a GPU recorded as one graph

All train on random tokens: what is compared is speed, in tokens per second of all runs together.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from training import config
from training import machine as machines
from training.bench.loops import forkserver
from training.loop import hardware
from training.machine import Machine
from training.stack import Stack


def random_text(vocab_size: int, length: int) -> SimpleNamespace:
    """What stands in for a Corpus: a million random tokens to train on, a thousand sequences to evaluate on."""
    ids = np.random.default_rng(0).integers(0, vocab_size, 2**20 + 1024 * (length + 1)).astype(np.uint16)
    return SimpleNamespace(
        train=ids[: 2**20], val=ids[2**20 :], vocab_size=vocab_size, folder=Path("random"), id=f"random-{vocab_size}"
    )


def prepare(overrides: list[str]) -> tuple[dict, SimpleNamespace]:
    """The resolved config of a bench run, and its text."""
    settings = config.plain(config.load([*overrides, "data.repeat=true"]))
    settings["hardware"] = hardware(settings["hardware"])
    if settings["hardware"]["compile"] == "auto":
        settings["hardware"]["compile"] = settings["hardware"]["device"] == "cuda"
    return settings, random_text(int(settings["data"]["vocab_size"]), settings["batch"]["length"])


def seconds_of(step: Callable[[int], torch.Tensor], steps: int, rounds: int) -> float:
    """Median seconds of a step, after a round that warms up."""
    times = []
    for turn in range(rounds + 1):
        began = time.perf_counter()
        for number in range(1 + turn * steps, 1 + (turn + 1) * steps):
            loss = step(number)
        loss.sum().item()
        times.append((time.perf_counter() - began) / steps)
    return statistics.median(times[1:])


def loop(overrides: list[str], steps: int, rounds: int) -> float:
    """Tokens per second of one run."""
    settings, text = prepare(overrides)
    machine = Machine(settings, text)
    rate = machine.tokens_per_step / seconds_of(lambda step: machine.step(step, 1e-3)[0], steps, rounds)
    machines.release()
    return rate


def stack(overrides: list[str], replicas: int, steps: int, rounds: int) -> float:
    """Tokens per second of stacked replicas together."""
    settings, text = prepare(overrides)
    one = Stack(settings, text, range(replicas))
    tokens = settings["batch"]["sequences"] * settings["batch"]["length"] * replicas
    return tokens / seconds_of(lambda step: one.step(step, [1e-3] * replicas)[0], steps, rounds)


def processes(overrides: list[str], count: int, steps: int, rounds: int) -> float:
    """Tokens per second of runs in processes of their own, together."""
    with mps(), ProcessPoolExecutor(count, mp_context=forkserver()) as pool:
        return sum(pool.map(loop, [overrides] * count, [steps] * count, [rounds] * count))


@contextmanager
def mps():
    """NVIDIA's daemon that lets the kernels of processes overlap, for the length of the block, where it can be started."""
    control = shutil.which("nvidia-cuda-mps-control")
    if control is None or not torch.cuda.is_available():
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        where = {"CUDA_MPS_PIPE_DIRECTORY": f"{folder}/pipe", "CUDA_MPS_LOG_DIRECTORY": f"{folder}/log"}
        before = {key: os.environ.get(key) for key in where}
        started = subprocess.run([control, "-d"], env=os.environ | where, check=False).returncode == 0
        os.environ.update(where if started else {})
        try:
            yield
        finally:
            if started:
                subprocess.run([control], input="quit\n", text=True, env=os.environ | where, check=False)
            for key, value in before.items():
                os.environ.pop(key, None)
                if value is not None:
                    os.environ[key] = value


def measure(model: str, replicas: list[int], steps: int, rounds: int, overrides: list[str]) -> list[dict]:
    """Time the ways on one model; return one row for each way and number of runs at a time."""
    overrides = [f"model={model}", *overrides]
    where = prepare(overrides)[0]["hardware"]
    on_gpu = where["device"] == "cuda"
    rates = {("loop", 1): loop(overrides, steps, rounds)}
    if on_gpu:
        rates["graph", 1] = loop([*overrides, "hardware.graph=true"], steps, rounds)
    for count in replicas:
        rates["stack", count] = stack([*overrides, f"hardware.graph={str(on_gpu).lower()}"], count, steps, rounds)
    count = max(2, min(os.cpu_count() or 2, max(replicas)))
    rates["processes", count] = processes(overrides, count, steps, rounds)
    return [
        {
            "model": model,
            "way": way,
            "runs_at_a_time": count,
            "device": torch.cuda.get_device_name() if on_gpu else "cpu",
            "precision": where["precision"],
            "compiled": where["compile"],
            "tokens_per_second": round(rate),
            "speed_over_loop": round(rate / rates["loop", 1], 2),
        }
        for (way, count), rate in rates.items()
    ]
