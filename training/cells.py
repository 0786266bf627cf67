"""Cells: the runs that a sweep lists."""

from dataclasses import dataclass, field
from functools import cached_property

import models
from losslaws.curves import InputError, Schedule
from training import config
from training.compose import Composer
from training.loop import folder_of, hardware
from training.run_folder import RunFolder
from training.shards import SHARD


@dataclass(frozen=True)
class Cell:
    """One run of a sweep.

    overrides       what `train.py` is called with
    parent          the cell that trains the first `branch` steps of this one too; None: it starts by itself
    branch          steps shared with the parent
    line            the line of the sweep file that it comes from; several cells where that holds lists of values
    flat            of a large sweep: the run folders that lie in RUNS itself; all others lie in RUNS/ab/, by the hash that ends their names
    counted         FLOPs of a token by what they hang on, shared by the cells of a sweep
    """

    name: str
    role: str
    overrides: tuple[str, ...]
    settings: dict
    schedule: Schedule
    parent: str | None = None
    branch: int = 0
    line: str = ""
    flat: frozenset[str] | None = None
    counted: dict[tuple, tuple[dict, float]] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def folder(self) -> RunFolder:
        folder = folder_of(self.settings | {"init_from": None}, self.schedule)
        run = folder.path.name
        if self.flat is None or run in self.flat:
            return folder
        return RunFolder(f"{self.settings['runs']}/{run.rpartition('-')[2][:SHARD]}/{run}")

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

    @property
    def memory(self) -> float:
        """Bytes that training takes, about."""
        batch = self.settings["batch"]
        return models.training_bytes(
            self.settings["model"],
            self.settings["data"]["vocab_size"],
            batch["length"],
            batch["micro"] or batch["sequences"],
            self.settings["hardware"]["precision"],
        )

    @property
    def flops_per_step(self) -> float:
        """FLOPs of training, all matrix products counted, attention and logits included."""
        asked = self.settings["model"], self.settings["data"]["vocab_size"], self.settings["batch"]["length"]
        # cells of one model share its settings, which are kept here so that the id stays theirs
        key = (id(asked[0]), *asked[1:])
        if key not in self.counted:
            self.counted[key] = asked[0], models.flops_per_token(*asked)["exact"]
        return self.counted[key][1] * self.tokens_per_step


class CellMaker:
    """Makes cells; those with the same schedule share its array, those with the same hardware its settings, those with the same model
    and text their count of FLOPs."""

    def __init__(self):
        self.compose = Composer()
        self.hardware: dict[str, dict] = {}
        self.schedules: dict[str, Schedule] = {}
        self.counted: dict[tuple, tuple[dict, float]] = {}

    def __call__(self, name: str, role: str, overrides: list[str], line: str = "") -> Cell:
        settings = self.compose(overrides)
        if settings["hardware"]["parallel"] != "ddp":
            raise InputError(
                "hardware.parallel: a cell of a sweep is one process on one device; one run on several is "
                "`torchrun ... train.py` (docs/sweeps.md)"
            )
        asked = repr(settings["hardware"])
        if asked not in self.hardware:
            self.hardware[asked] = hardware(settings["hardware"])
        settings = settings | {"hardware": self.hardware[asked]}
        key = repr((settings["steps"], settings["schedule"]))
        if key not in self.schedules:
            self.schedules[key] = config.schedule(settings)
        return Cell(
            name,
            role,
            tuple(overrides),
            settings,
            self.schedules[key],
            line=line or name,
            counted=self.counted,
        )
