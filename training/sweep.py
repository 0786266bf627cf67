"""Sweeps: cells, and the plan that trains every shared stretch once."""

import itertools
import json
import shlex
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

import models
from curves import InputError, Schedule
from curves.errors import nearest
from training import checkpoint, config
from training.compose import Composer
from training.loop import folder_of, hardware
from training.run_folder import RunFolder

SWEEPS = config.CONF / "sweep"
KEYS = {"about", "workers", "flops_per_second", "common", "cells"}


@dataclass(frozen=True)
class Cell:
    """One run of a sweep.

    overrides  what `train.py` is called with
    parent     the cell that trains the first `branch` steps of this one too; None: it starts by itself
    branch     steps shared with the parent
    """

    name: str
    role: str
    overrides: tuple[str, ...]
    settings: dict
    schedule: Schedule
    parent: str | None = None
    branch: int = 0

    @cached_property
    def folder(self) -> RunFolder:
        return folder_of(self.settings | {"init_from": None}, self.schedule)

    @property
    def trained_steps(self) -> int:
        """Optimiser steps that this cell adds to those of its parent."""
        return self.schedule.steps - self.branch

    @property
    def tokens_per_step(self) -> int:
        return self.settings["batch"]["sequences"] * self.settings["batch"]["length"]

    @property
    def counts(self) -> dict[str, int]:
        """Parameter counts, as if the vocabulary had the size that the config asks for."""
        return models.parameter_counts(
            self.settings["model"], self.settings["data"]["vocab_size"], self.settings["batch"]["length"]
        )

    @cached_property
    def flops_per_step(self) -> float:
        per_token = models.flops_per_token(
            self.settings["model"], self.settings["data"]["vocab_size"], self.settings["batch"]["length"]
        )
        return per_token["exact"] * self.tokens_per_step

    def origin(self, cells: dict[str, "Cell"]) -> str | None:
        """RUN_FOLDER@STEP of the latest checkpoint on the shared stretch; None when there is none."""
        if self.parent is None:
            return None
        parent = cells[self.parent].folder
        steps = [step for step in checkpoint.steps_in(parent.checkpoints) if step <= self.branch]
        return f"{parent.path}@{max(steps)}" if steps else None


@dataclass(frozen=True)
class Sweep:
    """A planned sweep: cells in the order of the file, by name."""

    name: str
    workers: int
    flops_per_second: float
    cells: dict[str, Cell]

    def kept_steps(self, cell: Cell) -> list[int]:
        """The steps of `cell` from which others branch."""
        return sorted({other.branch for other in self.cells.values() if other.parent == cell.name})

    def totals(self) -> dict[str, float]:
        """Steps asked for and trained, training FLOPs, and the seconds expected at the sweep's rate."""
        flops = sum(cell.flops_per_step * cell.trained_steps for cell in self.cells.values())
        return {
            "steps_asked": sum(cell.schedule.steps for cell in self.cells.values()),
            "steps_trained": sum(cell.trained_steps for cell in self.cells.values()),
            "flops": flops,
            "seconds": flops / self.flops_per_second / self.workers,
        }


def load(name: str, extra: list[str] | None = None) -> Sweep:
    """Read conf/sweep/NAME.yaml (or a file of that format) and plan it; `extra` overrides go to every cell.

    Raises InputError for a missing file, an unknown key, and cells whose overrides do not compose.
    """
    path = Path(name) if name.endswith(".yaml") else SWEEPS / f"{name}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in SWEEPS.glob("*.yaml"))
        raise InputError(f"sweep '{name}': there is no {path}{nearest(name, known)} (known: {', '.join(known)})")
    content = yaml.safe_load(path.read_text())
    if not isinstance(content, dict) or not isinstance(content.get("cells"), dict):
        raise InputError(f"{path}: needs the key 'cells', a mapping from names to overrides")
    for key in content:
        if key not in KEYS:
            raise InputError(f"{path}: unknown key '{key}'{nearest(key, KEYS)}")
    common = [*shlex.split(content.get("common", "")), *(extra or [])]
    make = CellMaker()
    cells = {}
    for entry, line in content["cells"].items():
        role, _, overrides = str(line).partition("|")
        for suffix, chosen in product(shlex.split(overrides)):
            name = entry + suffix
            try:
                cells[name] = make(name, role.strip(), [*common, *chosen, f"name={name}"])
            except InputError as error:
                raise InputError(f"{path}: cell '{name}': {error}") from None
    return Sweep(path.stem, content.get("workers", 1), float(content["flops_per_second"]), plan(cells))


def product(overrides: list[str]):
    """Expand comma lists as Hydra's sweeps do; yield (name suffix, overrides) for every combination."""
    axes = []
    for override in OverridesParser.create().parse_overrides(overrides):
        if override.is_sweep_override():
            key = override.get_key_element()
            axes.append(
                [(f"-{key.split('.')[-1]}{value}", f"{key}={value}") for value in override.sweep_string_iterator()]
            )
        else:
            axes.append([("", override.input_line)])
    for combination in itertools.product(*axes):
        yield "".join(suffix for suffix, _ in combination), [text for _, text in combination]


class CellMaker:
    """Makes cells; those with the same schedule share its array."""

    def __init__(self):
        self.compose = Composer()
        self.schedules: dict[str, Schedule] = {}

    def __call__(self, name: str, role: str, overrides: list[str]) -> Cell:
        settings = self.compose(overrides)
        settings = settings | {"hardware": hardware(settings["hardware"])}
        key = repr((settings["steps"], settings["schedule"]))
        if key not in self.schedules:
            self.schedules[key] = config.schedule(settings)
        return Cell(name, role, tuple(overrides), settings, self.schedules[key])


def plan(cells: dict[str, Cell]) -> dict[str, Cell]:
    """Give every cell the parent with which it shares its longest prefix.

    Cells that agree in everything but the schedule are sorted by their rates, highest first, as words are in a
    dictionary: the longest prefix that a cell shares with any earlier one is the one it shares with its neighbour, so
    one pass finds the smallest number of steps to train (the edges of the prefix tree).
    """
    groups: dict[str, list[Cell]] = {}
    for cell in cells.values():
        who = config.identity(cell.settings)
        key = json.dumps({k: v for k, v in who.items() if k not in ("schedule", "steps")}, sort_keys=True)
        groups.setdefault(key, []).append(cell)
    planned = {}
    for group in groups.values():
        # Big-endian bytes of non-negative floats sort as the numbers do.
        group.sort(key=lambda cell: cell.schedule.lr.astype(">f8").tobytes(), reverse=True)
        planned[group[0].name] = group[0]
        for before, cell in itertools.pairwise(group):
            # At least one step is left, so that every cell evaluates its own last step.
            shared = min(before.schedule.common_steps(cell.schedule), cell.schedule.steps - 1)
            owner = planned[before.name]
            while owner.parent is not None and owner.branch >= shared:
                owner = planned[owner.parent]
            planned[cell.name] = replace(cell, parent=owner.name, branch=shared) if shared else cell
    return {name: planned[name] for name in cells}


def state(cell: Cell) -> tuple[str, int, str]:
    """What has become of a cell: (complete | diverged | running | failed | waiting, recorded steps, note)."""
    folder = cell.folder
    if end := folder.complete:
        return (
            end["status"],
            end["steps"],
            f"loss {end['final_loss']:.4f}" if end["final_loss"] else "the loss is not finite",
        )
    done = folder.recorded_steps()
    if folder.running():
        return "running", done, ""
    error = folder.path / "error.txt"
    if error.exists():
        return "failed", done, error.read_text().strip().splitlines()[-1][:100]
    return "waiting", done, ""


def rates(sweep: Sweep) -> dict[str, tuple[np.ndarray, int]]:
    """The rates of every cell and the step at which it branches off."""
    return {name: (cell.schedule.lr, cell.branch) for name, cell in sweep.cells.items()}
