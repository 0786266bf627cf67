"""Time of one optimiser step of our loop against model size and batch."""

import statistics
import time

from tqdm import tqdm

import models
from training.bench.loops import in_a_process, make_machine, ours, peak_mib


def measure(names: list[str], batches: list[int], rounds: int, steps: int, overrides: list[str]) -> list[dict]:
    """Time `rounds` times `steps` steps for each model and number of sequences; return one row for each pair."""
    pairs = [(name, sequences) for name in names for sequences in batches]
    return [row(*pair, rounds, steps, overrides) for pair in tqdm(pairs, desc="steps", unit="size")]


def row(name, sequences, rounds, steps, overrides):
    overrides = [*overrides, f"batch.sequences={sequences}"]
    settings, machine = make_machine(name, overrides)
    loop, times = ours(machine), []
    for turn in range(rounds + 1):
        started = time.perf_counter()
        loop(1 + turn * steps, steps)
        times.append(time.perf_counter() - started)
    seconds = statistics.median(times[1:]) / steps  # the first round warms up
    counts = models.parameter_counts(settings["model"], machine.text.vocab_size, settings["batch"]["length"])
    return {
        "model": name,
        "parameters": counts["total"],
        "sequences": sequences,
        "length": settings["batch"]["length"],
        "device": machine.device.type,
        "threads": settings["hardware"]["threads"],
        "ms_per_step": round(seconds * 1e3, 2),
        "tokens_per_second": round(machine.tokens_per_step / seconds),
        "peak_mib": in_a_process(peak_mib, "ours", name, overrides),
    }
