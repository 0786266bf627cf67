"""Training throughput side by side: our loop, transformers' Trainer, and a plain loop over transformers' model.

python -m training.bench [--models llama-0.3m ...] [--rounds 5] [--steps 20]  ->  results/bench.csv
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm
from transformers import LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

import models
from curves.errors import exit_on_input_error
from curves.files import atomic
from training import config, corpus
from training.corpus.batches import train_batch
from training.loop import Machine, hardware

RESULT = Path("results/bench.csv")


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
            rows = machine.put(train_batch(machine.text.train, step, 0, **sizes(machine)))
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
    a = torch.ones(size, size, device=device, dtype=dtype)
    rates = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(4):
            a @ a
        if device.type == "cuda":
            torch.cuda.synchronize()
        rates.append(4 * 2 * size**3 / (time.perf_counter() - started))
    return max(rates)


def measure(name: str, rounds: int, steps: int, overrides: list[str]) -> list[dict]:
    """Time the three loops in turn on model `name`, `rounds` times; return one row for each."""
    settings = config.plain(config.load([f"model={name}", *overrides]))
    settings["hardware"] = hardware(settings["hardware"])
    machine = Machine(settings, corpus.prepare(settings["data"], settings["corpora"]))
    with tempfile.TemporaryDirectory() as folder:
        models.save(machine.model, Path(folder) / "model")
        fresh = lambda: LlamaForCausalLM.from_pretrained(Path(folder) / "model").to(machine.device).train()  # noqa: E731
        loops = {"ours": ours(machine), "trainer": trainer(machine, fresh(), folder), "plain": plain(machine, fresh())}
        seconds: dict[str, list[float]] = {loop: [] for loop in loops}
        for turn in tqdm(range(rounds + 1), desc=name, unit="round"):
            for loop, run in loops.items():
                started = time.perf_counter()
                own = run(1 + turn * steps, steps)
                if turn:  # the first round warms up
                    seconds[loop].append(own or time.perf_counter() - started)
    tokens = steps * machine.tokens_per_step
    flops = models.flops_per_token(settings["model"], machine.text.vocab_size, settings["batch"]["length"])["exact"]
    peak = matmul_rate(machine.device, torch.bfloat16 if machine.bf16 else torch.float32)
    ratio = {
        loop: statistics.median(theirs / mine for theirs, mine in zip(seconds["trainer"], seconds[loop], strict=True))
        for loop in loops
    }
    return [
        {
            "model": name,
            "loop": loop,
            "device": machine.device.type,
            "threads": settings["hardware"]["threads"],
            "tokens_per_step": machine.tokens_per_step,
            "tokens_per_second": round(tokens / statistics.median(times)),
            "speed_over_trainer": round(ratio[loop], 3),
            "flops_per_second": float(f"{flops * tokens / statistics.median(times):.3g}"),
            "share_of_matmul_rate": round(flops * tokens / statistics.median(times) / peak, 3),
        }
        for loop, times in seconds.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["llama-0.1m", "llama-0.3m", "llama-0.6m", "llama-1m"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="optimiser steps per round")
    parser.add_argument("overrides", nargs="*", help="config overrides, e.g. batch.length=512")
    args = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    rows = [row for name in args.models for row in measure(name, args.rounds, args.steps, args.overrides)]
    table = pd.DataFrame(rows)
    with atomic(RESULT) as temporary:
        table.to_csv(temporary, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    exit_on_input_error(main)
