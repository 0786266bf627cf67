"""The training loop: one config in, one run folder out."""

import errno
import math
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import yaml
from omegaconf import DictConfig
from tqdm import tqdm

import models
from losslaws.curves import InputError, Schedule
from training import checkpoint, config, distributed, records, texts
from training import machine as machines
from training.compiled import share_cache
from training.interrupt import Interrupted, Watch
from training.run_folder import ReadOnlyFolder, RunFolder, parse_origin
from training.settings import epochs as check_epochs
from training.sinks import open_sink

ROWS = 50  # steps between reads of the device's losses: reading one waits for the device


class Diverged(Exception):
    """The loss of a step was not finite."""

    def __init__(self, step: int):
        super().__init__(step)
        self.step = step


def train(cfg: DictConfig, until: int | None = None, wait: bool = False) -> RunFolder:
    """Train the run that `cfg` describes, or go on with it, or leave it if it is complete.

    until  stop after this step's checkpoint instead of at the end
    wait   for another process that trains the run now, instead of raising

    Raises InputError for bad input, an unusable checkpoint, and a full disk, and Interrupted where a signal asked it to end;
    the same call then goes on from the newest checkpoint. A loss that is not finite ends the run as "diverged", without an error.
    """
    settings = config.plain(cfg)
    config.validate(settings)
    settings["hardware"] = hardware(settings["hardware"])
    schedule = config.schedule(cfg)
    with distributed.group(settings["hardware"]["device"]):
        folder = folder_of(settings, schedule)
        if distributed.rank():
            folder = ReadOnlyFolder(folder.path)
        with folder.lock(wait):
            if end := folder.complete:
                loss = end["final_loss"]
                print(
                    f"{folder.path}: {end['status']} already" + (f", final validation loss {loss:.4f}" if loss else "")
                )
                return folder
            try:
                _train(settings, schedule, folder, until or schedule.steps)
            except Interrupted as end:
                line = f"interrupted by {end.signal.name} at step {end.step}; the same command goes on from there"
                folder.write_text("error.txt", line + "\n")
                say(f"{folder.path}: {line}", sys.stderr)
                raise
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                raise InputError(
                    f"{folder.path}: no space left on the device; free some and give the same command again: "
                    f"it goes on from step {folder.resume_step()}"
                ) from None
    return folder


@contextmanager
def memory_said() -> Iterator[None]:
    """A block in which memory that does not suffice is an InputError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        raise InputError(
            f"the memory does not suffice ({(str(error).splitlines() or ['MemoryError'])[0][:150]}); "
            "lower batch.micro, which changes no result but its rounding, or take a smaller model"
        ) from None


def hardware(chosen: dict) -> dict:
    """Resolve "auto" in a hardware config. A device that is named need not be here: a plan may be for another machine."""
    device = chosen["device"]
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    precision = chosen["precision"]
    if precision == "auto":
        able = device == "cuda" and (not torch.cuda.is_available() or torch.cuda.is_bf16_supported())
        precision = "bf16" if able else "fp32"
    return chosen | {"device": device, "precision": precision}


def folder_of(settings: dict, schedule: Schedule) -> RunFolder:
    """The folder of a run. What it was initialised from counts only where it changes the record."""
    who = config.identity(settings)
    if settings["init_from"] and not shares_prefix(who, schedule, *parse_origin(settings["init_from"])):
        who["init_from"] = settings["init_from"]
    return RunFolder(Path(settings["runs"]) / f"{settings['name']}-{config.digest(who)}")


def shares_prefix(who: dict, schedule: Schedule, origin: RunFolder, step: int) -> bool:
    """Whether the run `who` would itself have come to the state of `origin` at `step`."""
    other = config.identity(origin.config())
    if any(who[key] != other.get(key) for key in who if key not in ("schedule", "steps")):
        return False
    applied = origin.applied_rates()[:step]
    return len(applied) == step and np.array_equal(applied, schedule.lr[:step])


def _train(settings, schedule, folder, last):
    called = time.perf_counter()
    if settings["hardware"]["device"] == "cuda" and not torch.cuda.is_available():
        raise InputError("hardware.device=cuda: this machine has no usable GPU; set hardware.device=cpu")
    share_cache(settings["runs"])
    if settings["model"]["family"] == "hf":  # what transformers refuses, before minutes go into a text
        models.parameter_counts(settings["model"], settings["data"]["vocab_size"], settings["batch"]["length"])
    text, also = texts.prepare(settings)
    machine = machines.of(settings, text, also)
    describe(settings, schedule, folder, machine, text, also)
    start = begin(settings, schedule, folder, machine)
    started = time.perf_counter()
    cost = {"ready": round(started - called, 1), "compile": round(machine.compiling, 1)}
    try:
        run_steps(settings, schedule, folder, machine, start, last)
    except Diverged as end:
        folder.finish(
            status="diverged",
            steps=end.step,
            final_loss=None,
            seconds=time.perf_counter() - started,
            trained=end.step - start,
            **cost,
        )
        if not settings["checkpoint"].get("final", True):
            folder.trim_checkpoints(settings["checkpoint"]["keep"], newest=0)
        say(f"{folder.path}: diverged at step {end.step} (the loss is not finite); its record is kept")
        return
    seconds = time.perf_counter() - started
    if last < schedule.steps:
        say(f"{folder.path}: step {last} of {schedule.steps} is reached ({seconds:.0f} s)")
    elif not distributed.rank():
        cost |= machine.peak()
        conclude(settings, schedule, folder, machine, seconds, schedule.steps - start, cost)


def conclude(settings, schedule, folder, machine, seconds, trained, cost):
    """Write the model, unless nothing is to be kept of it, and mark the run as complete.

    seconds  of the steps that this process `trained`
    cost     what else is known of it: seconds until it was ready, those of them that compiling took, and the GPU memory that it took
    """
    final = folder.curve(settings["name"]).final_loss
    model, saving = machine.model, settings["checkpoint"]
    keeps = saving.get("final", True)
    if keeps and distributed.is_sharded(model):
        model = models.build(settings["model"], machine.text.vocab_size, settings["batch"]["length"], settings["seed"])
        checkpoint.load(checkpoint.path_of(folder.checkpoints, schedule.steps), model)
    if keeps:
        models.save(model, folder.model)
    rate = trained * machine.tokens_per_step / seconds
    flops = models.flops_per_token(settings["model"], machine.text.vocab_size, settings["batch"]["length"])["exact"]
    mfu = machine.utilisation(flops * rate)
    cost |= {"seconds": seconds, "tokens_per_second": round(rate)} | ({} if mfu is None else {"mfu": mfu})
    folder.finish(status="complete", steps=schedule.steps, final_loss=final, trained=trained, **cost)
    folder.trim_checkpoints([*saving["keep"], *([schedule.steps] if keeps else [])], newest=0)
    print(
        f"{folder.path}: complete, {schedule.steps} steps, final validation loss {final:.4f} ({seconds:.0f} s, {rate:,.0f} tokens/s)"
    )


def say(line, file=None):
    """Print `line` once, however many processes share the run."""
    if not distributed.rank():
        print(line, file=file)


def begin(settings, schedule, folder, machine) -> int:
    """Load the newest checkpoint, or the one to branch from, or start anew; return the steps that are done."""
    step = distributed.first(lambda: checkpoint.newest_sound(folder.checkpoints))
    more, state = machine.columns[1:], (machine.model, machine.optimizer, machine.extra)
    if step:
        checkpoint.load(checkpoint.path_of(folder.checkpoints, step), *state, sound=True)  # rank 0 has read it through
        folder.begin_record(folder, step, more)
    elif settings["init_from"]:
        origin, step = parse_origin(settings["init_from"])
        if step >= schedule.steps:
            raise InputError(
                f"init_from={settings['init_from']}: the run has only {schedule.steps} steps; set steps above {step}"
            )
        checkpoint.load(checkpoint.path_of(origin.checkpoints, step), *state)
        folder.begin_record(origin, step, more)
    else:
        folder.begin_record(folder, 0, more)
    return step


def run_steps(settings, schedule, folder, machine, start, last):
    """Train from step `start` + 1 to step `last`, recording every step. Raises Diverged and Interrupted."""
    every, saving = settings["eval"]["every"], settings["checkpoint"]
    silent = distributed.rank() > 0
    sink = open_sink(folder.path, settings | ({"logger": {"sink": "none"}} if silent else {}), start)
    pending = []
    bar = tqdm(total=schedule.steps, initial=start, desc=settings["name"], unit="step", disable=silent or None)
    writer = checkpoint.Writer(folder.checkpoints)
    trim = partial(folder.trim_checkpoints, saving["keep"], newest=2)
    ends = last < schedule.steps or saving.get("final", True)
    with bar, closing(sink), folder.append() as append, writer, Watch(saving.get("minutes")) as watch:
        for step in range(start + 1, last + 1):
            rate = float(schedule.lr[step - 1])
            loss, norm = machine.step(step, rate)
            val = machine.evaluate(step == schedule.steps) if step % every == 0 or step == schedule.steps else {}
            val = machine.rates(rate) | val
            pending.append((step, rate, loss, norm, val))
            due = watch.due(step) or step % saving["every"] == 0
            saves = step in saving["keep"] or (ends if step == last else due)
            if saves or step == last or len(pending) >= ROWS:
                flush(pending, machine.columns, append, sink, bar)
            if saves:
                writer.save(step, trim, machine.model, machine.optimizer, machine.extra)
                watch.has_saved(step, writer.wait)


def flush(pending, columns, append, sink, bar):
    """Fetch the pending steps' losses from the device and record them, those of evaluations in `columns`.

    Raises Diverged after the first bad one.
    """
    losses = distributed.add(torch.stack([row[2] for row in pending]).float() / distributed.ranks()).cpu().numpy()
    norms = torch.stack([row[3] for row in pending]).float().cpu().numpy()
    vals = [{column: float(value) for column, value in row[4].items()} for row in pending]
    finite = np.isfinite(losses) & [all(map(math.isfinite, val.values())) for val in vals]
    count = len(pending) if finite.all() else int(np.argmin(finite)) + 1
    rows = []
    for (step, rate, *_), loss, norm, val in zip(pending[:count], losses, norms, vals, strict=False):
        shown = {column: value for column, value in val.items() if math.isfinite(value)}
        evaluated = [repr(shown[column]) if column in shown else "" for column in columns]
        rows.append([str(step), repr(rate), str(loss), str(norm), *evaluated])
        sink.log(step, {"lr": rate, "train_loss": float(loss), "grad_norm": float(norm)} | shown)
    append(rows)
    bar.update(count)
    bar.set_postfix_str(f"loss {losses[count - 1]:.3f}")
    last = pending[count - 1][0]
    pending.clear()
    if not finite.all():
        raise Diverged(last)


def describe(settings, schedule, folder, machine, text, also):
    """Write config.yaml and run.json; refuse to go on with a run that was trained on other text."""
    counts = models.parameter_counts(settings["model"], text.vocab_size, settings["batch"]["length"])
    flops = models.flops_per_token(settings["model"], text.vocab_size, settings["batch"]["length"])
    before = folder.path / "run.json"
    epochs = check_epochs(settings, text.train.size)
    about = {
        "schedule": schedule.name,
        "warmup": schedule.warmup,
        "steps": schedule.steps,
        "seed": settings["seed"],
        "model": settings["model"].get("name", settings["model"]["family"]),
        "parameters": counts,
        "flops_per_token": flops,
        "tokens_per_step": machine.tokens_per_step,
        "data": settings["data"]["source"],
        "corpus": text.id,
        **({"also": {name: other.id for name, other in also.items()}} if also else {}),
        "train_tokens": int(text.train.size),
        "epochs": round(epochs, 4),
        "micro": machine.micro,
        "compiled": machine.compiled,
        "rate_scales": sorted({group["scale"] for group in machine.optimizer.param_groups}, reverse=True),
        "device": torch.cuda.get_device_name() if machine.device.type == "cuda" else "cpu",
        "versions": {"python": platform.python_version(), "torch": version("torch")},
        "git": git_state(),
        "init_from": settings["init_from"],
    }
    old = records.read(before, records.About) if before.exists() else about
    for known, now in ((old["corpus"], text.id), (old.get("also", {}), about.get("also", {}))):
        if known != now:
            raise InputError(
                f"{folder.path}: was begun on other text (corpus {known}, now {now}); delete it or choose another name"
            )
    folder.write_text("config.yaml", yaml.safe_dump(settings, sort_keys=False))
    folder.write("run.json", about)
    batch = settings["batch"]
    say(
        f"{folder.path}: {counts['total']:,} parameters ({counts['non_embedding']:,} non-embedding), "
        f"{batch['sequences']} sequences x {batch['length']} tokens = {machine.tokens_per_step:,} tokens per step, "
        f"{schedule.steps:,} steps, {machine.device.type}"
    )


def git_state() -> str | None:
    """The commit that this code is at, "-dirty" added when files differ from it; None outside a repository."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=config.CONF.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None
