"""What a machine with a GPU should answer, in sittings of a few minutes: python -m training.bench.gpu_day [--minutes 12]

    machine   which device, which versions
    equal     two equal runs compared, and one that was stopped and resumed: largest difference of each column
    memory    bytes that training takes beside those that `plan` says, eager and compiled
    speed     tokens per second and share of the peak at 30M and 125M, plain and with each switch of conf/hardware
    small     loop, processes, graph and stack of small models (training/bench/small.py)
    profile   as much of the gpu profile as fits; the next sitting goes on with it

Each part leaves RESULTS/PART.csv and is not done again; a sitting ends before a part that would not fit, and the same
command goes on. `--dry` takes the same way on a CPU with tiny models. `--predict` writes RESULTS/predicted.csv instead:
what a roofline says of an H200, marked as such, to be held against what is measured.
"""

import argparse
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch

import models
from losslaws.curves import InputError
from losslaws.curves.errors import exit_on_input_error
from losslaws.curves.files import atomic
from losslaws.curves.loss_curve import read_record
from models.architecture import Architecture
from training import config
from training import machine as machines
from training.bench import small
from training.loop import train
from training.machine import Machine
from training.peak import PEAK

SWITCHES = {
    "eager": ["hardware.compile=false"],
    "compiled": ["hardware.compile=true"],
    "compiled, fused products": ["hardware.compile=true", "hardware.fused=true"],
    "compiled, bf16 stream": ["hardware.compile=true", "hardware.precision=bf16_stream"],
    "compiled, cudnn attention": ["hardware.compile=true", "hardware.attention=cudnn"],
    "compiled, all of these": [
        "hardware.compile=true",
        "hardware.fused=true",
        "hardware.precision=bf16_stream",
        "hardware.attention=cudnn",
        "hardware.multiple=64",
    ],
}


@dataclass(frozen=True)
class Sizes:
    """What is run: on a GPU, or in the same way on a CPU."""

    hardware: str
    speed: dict[str, list[str]]
    small: list[str]
    replicas: list[int]
    run: list[str]
    steps: int
    switches: tuple[str, ...]
    sweep: list[str]
    pace: float = 1.0  # of the parts' minutes


GPU = Sizes(
    hardware="gpu",
    speed={
        "llama-30m": ["batch.sequences=64", "batch.length=512", "data.vocab_size=8192"],
        "llama-125m": ["batch.sequences=32", "batch.length=1024", "data.vocab_size=32768"],
    },
    small=["llama-1m", "llama-3m", "llama-10m"],
    replicas=[4, 16, 64],
    run=["model=llama-10m", "data.train_tokens=4000000", "batch.sequences=64", "schedule.peak=3e-3"],
    steps=200,
    switches=tuple(SWITCHES),
    sweep=["gpu", "data=installed-python", "data.repeat=true"],
)
DRY = Sizes(
    hardware="auto",
    speed={"llama-0.1m": ["batch.sequences=4", "batch.length=32", "data.vocab_size=384"]},
    small=["llama-0.1m"],
    replicas=[2],
    run=["model=llama-0.1m", "data.train_tokens=100000", "data.val_tokens=4096", "data.vocab_size=384"]
    + ["batch.sequences=4", "batch.length=32", "eval.sequences=16", "hardware.device=cpu", "hardware.compile=false"],
    steps=20,
    switches=("eager",),
    sweep=["smoke", "hardware.device=cpu", "hardware.compile=false"],
    pace=0.05,
)


@dataclass
class Sitting:
    """One call of the command.

    ends     the moment of time.monotonic() at which it is over
    more     overrides for the runs, such as where corpora lie
    """

    sizes: Sizes
    results: Path
    runs: Path
    ends: float
    more: list[str]

    def parts(self) -> dict[str, tuple[float, Callable[[], list[dict]]]]:
        """Every part: the minutes that it takes on a GPU, about, and what measures it."""
        speed = {
            f"speed-{name}": (2.5, lambda name=name, line=line: self.speed(name, line))
            for name, line in self.sizes.speed.items()
        }
        ways = {f"small-{name}": (1.5, lambda name=name: self.small(name)) for name in self.sizes.small}
        return {"machine": (0.1, self.machine), "equal": (2, self.equal), "memory": (1, self.memory)} | speed | ways

    def go(self) -> None:
        """Do what is not done and fits; then the profile with the time that is left."""
        for part, (minutes, measure) in self.parts().items():
            path = self.results / f"{part}.csv"
            if path.exists():
                print(f"{path}: is there already")
                continue
            minutes *= self.sizes.pace
            if minutes * 60 > self.left():
                print(
                    f"{part}: needs about {minutes} minutes, {self.left() / 60:.1f} are left; the same command goes on here"
                )
                return
            began = time.monotonic()
            table = pd.DataFrame(measure())
            with atomic(path) as temporary:
                table.to_csv(temporary, index=False)
            print(f"{path}: {time.monotonic() - began:.0f} s\n{table.to_string(index=False)}", flush=True)
            gc.collect()
        self.profile()

    def left(self) -> float:
        """Seconds until the sitting is over."""
        return self.ends - time.monotonic()

    def machine(self) -> list[dict]:
        on_gpu = torch.cuda.is_available()
        about = torch.cuda.get_device_properties(0) if on_gpu else None
        return [
            {
                "device": torch.cuda.get_device_name() if on_gpu else "cpu",
                "memory_gib": round(about.total_memory / 2**30, 1) if about else None,
                "capability": ".".join(map(str, torch.cuda.get_device_capability())) if on_gpu else None,
                "cpus": os.cpu_count(),
                "torch": version("torch"),
                "cuda": torch.version.cuda,
            }
        ]

    def equal(self) -> list[dict]:
        """Train one run thrice, in whole and stopped at its middle; compare the records."""
        steps = self.sizes.steps
        line = [*self.sizes.run, f"hardware={self.sizes.hardware}", f"steps={steps}", "schedule.warmup=5"]
        line += [f"eval.every={steps // 4}", f"checkpoint.every={steps // 4}", *self.more]
        with tempfile.TemporaryDirectory() as folder:

            def record(name, *stops):
                for stop in stops:
                    run = train(config.load([*line, f"runs={folder}/{name}"]), until=stop)
                    machines.release()
                return read_record(run.record)

            first = record("first", None)
            others = {"again": record("again", None), "resumed": record("resumed", steps // 2, None)}
        rows = []
        for name, other in others.items():
            for column in ("train_loss", "grad_norm", "val_loss"):
                difference = (first[column] - other[column]).abs()
                rows.append(
                    {
                        "run": name,
                        "column": column,
                        "steps": steps,
                        "largest_difference": float(difference.max()),
                        "equal_bit_for_bit": bool((difference.dropna() == 0).all()),
                        "first_step_that_differs": int(first["step"][difference > 0].min())
                        if (difference > 0).any()
                        else None,
                    }
                )
        return rows

    def memory(self) -> list[dict]:
        """The most memory of three steps beside the plan."""
        rows = []
        for name, line in self.sizes.speed.items():
            for compiles in (False, True) if self.sizes is GPU else (False,):
                settings, one = self.machine_of(name, [*line, f"hardware.compile={str(compiles).lower()}"])
                batch, precision = settings["batch"], settings["hardware"]["precision"]
                planned = models.training_bytes(
                    settings["model"], one.text.vocab_size, batch["length"], one.micro, precision
                )
                for step in range(1, 4):
                    one.step(step, 1e-3)
                taken = torch.cuda.max_memory_allocated() if one.device.type == "cuda" else None
                rows.append(
                    {
                        "model": name,
                        "compiled": compiles,
                        "planned_mib": round(planned / 2**20),
                        "taken_mib": taken and round(taken / 2**20),
                        "taken_over_planned": taken and round(taken / planned, 3),
                    }
                )
                del one
        return rows

    def machine_of(self, name: str, line: list[str]) -> tuple[dict, Machine]:
        """A Machine on random tokens, with the memory of those before it given back."""
        machines.release()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        settings, text = small.prepare([f"model={name}", f"hardware={self.sizes.hardware}", *line])
        return settings, Machine(settings, text)

    def speed(self, name: str, line: list[str]) -> list[dict]:
        """Time a model with each of the switches."""
        rows = []
        for switch in self.sizes.switches:
            began = time.perf_counter()
            settings, one = self.machine_of(name, [*line, *SWITCHES[switch]])
            one.step(1, 1e-3)[0].item()
            ready = time.perf_counter() - began
            seconds = small.seconds_of(lambda step, one=one: one.step(step, 1e-3)[0], 10, 3)
            flops = models.flops_per_token(settings["model"], one.text.vocab_size, settings["batch"]["length"])["exact"]
            rate = one.tokens_per_step / seconds
            on_gpu = one.device.type == "cuda"
            rows.append(
                {
                    "model": name,
                    "switches": switch,
                    "tokens_per_step": one.tokens_per_step,
                    "ms_per_step": round(seconds * 1e3, 3),
                    "tokens_per_second": round(rate),
                    "flops_per_second": float(f"{flops * rate:.3g}"),
                    "mfu": one.utilisation(flops * rate),
                    "peak_mib": round(torch.cuda.max_memory_allocated() / 2**20) if on_gpu else None,
                    "seconds_to_first_step": round(ready, 1),
                }
            )
            del one
            torch.compiler.reset()
        return rows

    def small(self, name: str) -> list[dict]:
        line = ["batch.sequences=16", "batch.length=128", "data.vocab_size=2048", f"hardware={self.sizes.hardware}"]
        if self.sizes is DRY:
            line += ["batch.sequences=2", "batch.length=16", "hardware.device=cpu", "hardware.compile=false"]
        return small.measure(name, self.sizes.replicas, 20 if self.sizes is GPU else 2, 3, line)

    def profile(self) -> None:
        """Give the rest of the sitting to the profile's runs, which go on from their checkpoints the next time."""
        sweep, *line = self.sizes.sweep
        command = [sys.executable, "-m", "training", "run", sweep, *line, *self.more, f"runs={self.runs}"]
        command += ["--results", str(self.results / "profile")]
        process = subprocess.Popen(command, cwd=config.CONF.parent)
        try:
            status = process.wait(max(self.left(), 1))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            process.wait()
            print("profile: the sitting is over; the same command goes on")
            return
        if status:
            raise InputError(
                f"the runs of '{sweep}' ended with status {status}; `python -m training status {sweep}` says why"
            )
        print(f"profile: complete; curves in {self.results / 'profile'}")


# What is assumed of an H200: FLOP/s of matrix products by their inner size, of attention, at best; bytes/s of copies,
# bytes of pointwise work per token, width and layer in a compiled model with a float32 stream, and per logit
PRODUCTS, ATTENTION = {512: 330e12, 768: 500e12, 1024: 580e12, 2048: 650e12}, 265e12
COPY, POINTWISE, LOGIT = 4.3e12, 200, 28


def predicted() -> list[dict]:
    """What a roofline says of the speed of compiled models on an H200: nothing here was measured."""
    sizes = {**GPU.speed, "llama-350m": GPU.speed["llama-125m"], "llama-1b": GPU.speed["llama-125m"]}
    rows = []
    for name, line in sizes.items():
        settings = config.plain(config.load([f"model={name}", *line, "data.repeat=true"]))
        vocabulary, length = int(settings["data"]["vocab_size"]), settings["batch"]["length"]
        a = Architecture.of(settings["model"], vocabulary, length)
        counts = models.parameter_counts(settings["model"], vocabulary, length)
        flops = models.flops_per_token(settings["model"], vocabulary, length)["exact"]
        products = 6.0 * counts["with_readout"]
        speed = PRODUCTS[max(width for width in PRODUCTS if width <= max(a.d_model, 512))]
        moved = POINTWISE * a.d_model * a.n_layer + LOGIT * vocabulary  # bytes per token
        seconds = products / speed + (flops - products) / ATTENTION + moved / COPY
        rows.append(
            {
                "kind": "predicted, not measured",
                "device": "H200",
                "model": name,
                "switches": "compiled",
                "microseconds_per_token": round(seconds * 1e6, 2),
                "tokens_per_second": float(f"{1 / seconds:.2g}"),
                "mfu": round(flops / seconds / PEAK["H200"], 2),
                "planned_mib": round(
                    models.training_bytes(settings["model"], vocabulary, length, settings["batch"]["sequences"], "bf16")
                    / 2**20
                ),
                "measured_by": "make gpu-day",
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.bench.gpu_day",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("overrides", nargs="*", help="config overrides for the runs, e.g. corpora=/scratch/corpora")
    parser.add_argument("--minutes", type=float, default=12, help="length of this sitting")
    parser.add_argument("--results", type=Path, default=Path("results/gpu"))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the profile's runs go on")
    parser.add_argument("--dry", action="store_true", help="tiny sizes on a CPU, to test the way")
    parser.add_argument("--predict", action="store_true", help="write what is predicted, and measure nothing")
    args = parser.parse_intermixed_args()
    if args.predict:
        with atomic(args.results / "predicted.csv") as temporary:
            pd.DataFrame(predicted()).to_csv(temporary, index=False)
        return
    if not args.dry and not torch.cuda.is_available():
        raise InputError(
            "this machine has no usable GPU; --dry takes the same way on a CPU, --predict writes what is predicted"
        )
    sizes = DRY if args.dry else GPU
    Sitting(sizes, args.results, args.runs, time.monotonic() + args.minutes * 60, args.overrides).go()


if __name__ == "__main__":
    exit_on_input_error(main)
