"""Training throughput side by side: our loop, transformers' Trainer, and a plain loop over transformers' model."""

import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from tqdm import tqdm
from transformers import LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

import models
from training import config, corpus
from training.corpus.batches import train_batch
from training.loop import hardware
from training.machine import Machine

LOOPS = ("ours", "trainer", "plain")


def ours(machine: Machine):
    """The loop of training/loop.py: the losses are read once at the end."""

    def run(first, steps):
        losses = [machine.step(step, 1e-3)[0] for step in range(first, first + steps)]
        torch.stack(losses).cpu()

    return run


def plain(machine: Machine, model: LlamaForCausalLM):
    """A plain loop, nanoGPT's shape: forward, backward, clip, AdamW, on transformers' model."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)

    def run(first, steps):
        for step in range(first, first + steps):
            rows = machine.rows(step)
            with machine.autocast:
                loss = model(input_ids=rows[:, :-1], labels=rows[:, :-1]).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        loss.item()

    return run


def sizes(machine):
    return {"sequences": machine.batch["sequences"], "length": machine.batch["length"]}


class Clock(TrainerCallback):
    """Seconds that the Trainer spends between the begin of its first and the end of its last step."""

    def on_step_begin(self, args, state, control, **kwargs):
        self.began = getattr(self, "began", None) or time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        self.ended = time.perf_counter()


def trainer(machine: Machine, model: LlamaForCausalLM, folder: str):
    """transformers' Trainer with the same batch, optimiser and clipping, without logging, saving or evaluation."""

    def run(first, steps):
        rows = [train_batch(machine.text.train, step, 0, **sizes(machine)) for step in range(first, first + steps)]
        data = [{"input_ids": row[:-1], "labels": row[:-1]} for batch in rows for row in batch]
        clock = Clock()
        arguments = TrainingArguments(
            folder,
            max_steps=steps,
            per_device_train_batch_size=machine.batch["sequences"],
            learning_rate=1e-3,
            lr_scheduler_type="constant",
            adam_beta2=0.95,
            weight_decay=0.1,
            max_grad_norm=1.0,
            optim="adamw_torch_fused",
            bf16=machine.bf16,
            use_cpu=machine.device.type == "cpu",
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        Trainer(model, arguments, train_dataset=data, callbacks=[clock]).train()
        return clock.ended - clock.began

    return run


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of a large square matrix product on `device`: what the machine reaches at best."""
    size = 1024 if device.type == "cpu" else 8192
    a = torch.randn(size, size, device=device).to(
        dtype
    )  # equal bits take less power, and a GPU is then faster than it ever trains
    rates = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(4):
            a @ a
        if device.type == "cuda":
            torch.cuda.synchronize()
        rates.append(4 * 2 * size**3 / (time.perf_counter() - started))
    return max(rates)


def make_machine(model: str, overrides: list[str]) -> tuple[dict, Machine]:
    """The resolved config of a bench run and its model and data on the device."""
    settings = config.plain(config.load([f"model={model}", *overrides]))
    settings["hardware"] = hardware(settings["hardware"])
    if settings["hardware"]["compile"] == "auto":  # as the other loops run
        settings["hardware"]["compile"] = False
    return settings, Machine(settings, corpus.prepare(settings["data"], settings["corpora"]))


def make_loop(name: str, machine: Machine, folder: str):
    """One of LOOPS as a function (first step, steps) that trains, and returns its seconds if it knows them better."""
    if name == "ours":
        return ours(machine)
    models.save(machine.model, Path(folder) / "model")
    fresh = LlamaForCausalLM.from_pretrained(Path(folder) / "model").to(machine.device).train()
    return trainer(machine, fresh, folder) if name == "trainer" else plain(machine, fresh)


def measure(name: str, rounds: int, steps: int, overrides: list[str]) -> list[dict]:
    """Time the three loops in turn on model `name`, `rounds` times; return one row for each."""
    settings, machine = make_machine(name, overrides)
    with tempfile.TemporaryDirectory() as folder:
        loops = {loop: make_loop(loop, machine, f"{folder}/{loop}") for loop in LOOPS}
        seconds: dict[str, list[float]] = {loop: [] for loop in loops}
        for turn in tqdm(range(rounds + 1), desc=name, unit="round"):
            for loop, run in loops.items():
                started = time.perf_counter()
                own = run(1 + turn * steps, steps)
                if turn:  # the first round warms up
                    seconds[loop].append(own or time.perf_counter() - started)
    tokens = steps * machine.tokens_per_step
    flops = models.flops_per_token(settings["model"], machine.text.vocab_size, settings["batch"]["length"])["exact"]
    best = matmul_rate(machine.device, torch.bfloat16 if machine.bf16 else torch.float32)
    rows = []
    for loop, times in seconds.items():
        rate = flops * tokens / statistics.median(times)
        paired = zip(seconds["trainer"], times, strict=True)
        rows.append(
            {
                "model": name,
                "loop": loop,
                "device": machine.device.type,
                "threads": settings["hardware"]["threads"],
                "tokens_per_step": machine.tokens_per_step,
                "tokens_per_second": round(tokens / statistics.median(times)),
                "speed_over_trainer": round(statistics.median(theirs / mine for theirs, mine in paired), 3),
                "flops_per_second": float(f"{rate:.3g}"),
                "share_of_matmul_rate": round(rate / best, 3),
                "mfu": machine.utilisation(rate),
                "peak_mib": in_a_process(peak_mib, loop, name, overrides),
            }
        )
    return rows


def in_a_process(function, *arguments):
    """What `function` returns in a process of its own, which has imported this module and done nothing else."""
    with ProcessPoolExecutor(1, mp_context=forkserver()) as pool:
        return pool.submit(function, *arguments).result()


def forkserver():
    """A way to start processes that have imported this module and done nothing else."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["training.bench.loops"])
    return processes


def peak_mib(loop: str, model: str, overrides: list[str]) -> int:
    """The most memory that three steps of a loop take, MiB: allocated on the GPU, or added to a fresh process on a CPU."""
    before = resident_mib()
    _, machine = make_machine(model, overrides)
    with tempfile.TemporaryDirectory() as folder:
        make_loop(loop, machine, folder)(1, 3)
    if machine.device.type == "cuda":
        return round(torch.cuda.max_memory_allocated() / 2**20)
    return round(resident_mib() - before)


def resident_mib() -> float:
    """The most memory that this process has had, MiB; getrusage counts KiB, on macOS bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
