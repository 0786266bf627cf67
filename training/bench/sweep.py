"""A whole sweep four ways: with shared stretches, compiled and not, every cell by itself, and through transformers' Trainer.

Each way has as many processes of one thread as the sweep has workers, and they take turns, several times over.

Measured on a copy of the sweep with the same cells and every length (steps, warm-up, cycle, distance of evaluations and
checkpoints) divided by the same number, so that what is shared, and how often is evaluated, stay as they are. What a
process costs at its start does not shrink. Compiling does not either, so it is done once, in a copy that is shorter still and not
timed: the compiled way finds its graphs in the cache. The finer evaluation at the end, which Trainer has no like of, is left out.
"""

import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm
from transformers import LlamaForCausalLM, Trainer, TrainingArguments

import models
from training import corpus, engines
from training.bench.loops import forkserver
from training.corpus.batches import train_batch, val_batches
from training.sweep import Cell, CellMaker, Sweep, load, plan

# how much shorter the copy is in which graphs are compiled; a decay of a tenth still has a step in it
COMPILED_BEFORE = 4


def measure(name: str, shorter: int, repeats: int, overrides: list[str]) -> list[dict]:
    """Time the four ways of sweep `name` with lengths divided by `shorter`, in turn; return one row for each time."""
    rows = []
    for turn in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            whole = load(name, overrides)
            sweep = scaled(whole, shorter, f"{folder}/shared")
            alone = {
                name: replace(cell, parent=None, branch=0)
                for name, cell in scaled(sweep, 1, f"{folder}/alone").cells.items()
            }
            data = next(iter(sweep.cells.values())).settings
            corpus.prepare(data["data"], data["corpora"])
            if turn == 0:
                engines.run(scaled(whole, COMPILED_BEFORE * shorter, f"{folder}/before", compiled=True))
            ways = {
                "shared stretches, compiled": (
                    scaled(whole, shorter, f"{folder}/compiled", compiled=True),
                    engines.run,
                ),
                "shared stretches": (sweep, engines.run),
                "every cell by itself": (replace(sweep, cells=alone), engines.run),
                "Trainer": (sweep, train_cells),
            }
            found = [{"turn": turn + 1, **row(way, *what, shorter)} for way, what in ways.items()]
        for one in found:
            one["speed_over_trainer"] = round(found[-1]["seconds"] / one["seconds"], 2)
        rows += found
    return rows


def row(way, sweep, run, shorter):
    load_before = os.getloadavg()[0]
    started = time.perf_counter()
    run(sweep)
    seconds = time.perf_counter() - started
    totals, by_trainer = sweep.totals(), way == "Trainer"
    return {
        "sweep": sweep.name,
        "lengths_divided_by": shorter,
        "way": way,
        "cells": len(sweep.cells),
        "cells_that_share": 0 if by_trainer else sum(cell.parent is not None for cell in sweep.cells.values()),
        "segments": len(sweep.cells) if by_trainer else len(sweep.segments()),
        "steps_asked": totals["steps_asked"],
        "steps_trained": totals["steps_asked"] if by_trainer else totals["steps_trained"],
        "processes": sweep.workers,
        "threads": next(iter(sweep.cells.values())).settings["hardware"]["threads"],
        "load_before": round(load_before, 1),
        "seconds": round(seconds, 1),
    }


def scaled(sweep: Sweep, shorter: int, runs: str, compiled: bool = False) -> Sweep:
    """The sweep with every length divided by `shorter`, in run folders below `runs`."""
    make, cells = CellMaker(), {}
    also = [f"hardware.compile={str(compiled).lower()}", "eval.end=null", f"runs={runs}"]
    for name, cell in sweep.cells.items():
        settings = cell.settings
        lengths = {
            "steps": settings["steps"],
            "schedule.warmup": settings["schedule"]["warmup"],
            "schedule.cycle": settings["schedule"].get("cycle"),
            "eval.every": settings["eval"]["every"],
            "checkpoint.every": settings["checkpoint"]["every"],
        }
        changed = [f"{key}={max(round(value / shorter), 1)}" for key, value in lengths.items() if value]
        cells[name] = make(name, cell.role, [*cell.overrides, *changed, *also])
    return replace(sweep, cells=plan(cells))


def train_cells(sweep: Sweep) -> None:
    """Train the cells with Trainer, the costliest first, in as many processes as the sweep has workers."""
    cells = sorted(sweep.cells.values(), key=lambda cell: -cell.flops_per_step * cell.schedule.steps)
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(sweep.workers, mp_context=forkserver()) as pool:
        each = [pool.submit(train_cell, cell, f"{folder}/{cell.name}") for cell in cells]
        for one in tqdm(as_completed(each), desc="Trainer", unit="cell", total=len(cells)):
            one.result()


def train_cell(cell: Cell, folder: str) -> None:
    """On one process: the steps and evaluations of a cell through Trainer: same model, batches, optimiser and rates; nothing is saved."""
    torch.set_num_threads(cell.settings["hardware"]["threads"])
    settings, batch, adam = cell.settings, cell.settings["batch"], cell.settings["optimizer"]
    text = corpus.prepare(settings["data"], settings["corpora"])
    models.save(
        models.build(settings["model"], text.vocab_size, batch["length"], settings["seed"]), Path(folder) / "model"
    )
    model = LlamaForCausalLM.from_pretrained(Path(folder) / "model")
    sizes = batch["sequences"], batch["length"]
    steps = range(1, cell.schedule.steps + 1)
    train = np.concatenate([train_batch(text.train, step, settings["seed"], *sizes) for step in steps])
    val = np.concatenate(list(val_batches(text.val, *sizes)))[: settings["eval"]["sequences"]]
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=1.0,
        betas=(adam["beta1"], adam["beta2"]),
        eps=adam["eps"],
        weight_decay=adam["weight_decay"],
        fused=True,
    )
    rates = [*cell.schedule.lr, 0.0]  # the scheduler looks one step beyond the end
    arguments = TrainingArguments(
        folder,
        max_steps=cell.schedule.steps,
        per_device_train_batch_size=batch["sequences"],
        per_device_eval_batch_size=batch["sequences"],
        max_grad_norm=adam["clip"],
        eval_strategy="steps",
        eval_steps=settings["eval"]["every"],
        prediction_loss_only=True,
        bf16=settings["hardware"]["precision"] == "bf16",
        use_cpu=settings["hardware"]["device"] == "cpu",
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=settings["seed"],
    )
    Trainer(
        model,
        arguments,
        train_dataset=[{"input_ids": row[:-1], "labels": row[:-1]} for row in torch.from_numpy(train)],
        eval_dataset=[{"input_ids": row[:-1], "labels": row[:-1]} for row in torch.from_numpy(val)],
        optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rates.__getitem__)),
    ).train()
