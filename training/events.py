"""What is known of a large sweep without a look into every run folder.

    RUNS/.NAME.cells.json     the plan as it was last made: steps and run folder of every cell
    RUNS/.NAME.events.jsonl   how cells ended, one line each, appended by the launcher as it finds out

Both follow from the sweep and the run folders, which decide; either may be deleted.
"""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from losslaws.curves.files import write_text
from training.records import Event, KeptPlan

ROOT = Path(__file__).parents[1]
SWEEPS = ROOT / "conf" / "sweep"


@dataclass(frozen=True)
class Planned:
    """A cell of a plan that was made before: its steps and its run folder, relative to the folder of the runs."""

    steps: int
    run: str


def sweep_file(name: str) -> Path:
    """The file of a sweep that is called by its name in conf/sweep or by its path."""
    return Path(name) if name.endswith(".yaml") else SWEEPS / f"{name}.yaml"


def outcome(end: dict) -> tuple[str, int, str]:
    """State, steps and note of a run that has ended, from its complete.json or its line in the log of events."""
    note = f"loss {end['final_loss']:.4f}" if end["final_loss"] else "the loss is not finite"
    return end["status"], end["steps"], note


def key(sweep: Path, overrides: list[str]) -> str:
    """What a plan depends on: the sweep's file, the overrides, the configs and the code that names runs."""
    about = sha256(json.dumps(overrides).encode())
    code = [*ROOT.glob("training/*.py"), *ROOT.glob("losslaws/curves/schedules/*.py")]
    for path in [sweep, *sorted([*ROOT.glob("conf/**/*.yaml"), *code])]:
        about.update(path.read_bytes() + b"\0")
    return about.hexdigest()


def keep_plan(runs: Path, name: str, key: str, cells: dict[str, Planned]) -> None:
    """Leave a plan for `kept_plan`."""
    content = {"key": key, "cells": {cell: [plan.steps, plan.run] for cell, plan in cells.items()}}
    write_text(runs / f".{name}.cells.json", json.dumps(content))


def kept_plan(runs: Path, name: str, key: str) -> dict[str, Planned] | None:
    """The plan that was kept under the same key; None where there is none."""
    path = runs / f".{name}.cells.json"
    try:
        kept = KeptPlan.model_validate_json(path.read_bytes() if path.is_file() else b"")
    except (OSError, ValueError):
        return None
    return {cell: Planned(*plan) for cell, plan in kept.cells.items()} if kept.key == key else None


class Events:
    """The log of a sweep's ends. One process writes it, the one that holds the sweep's lock."""

    def __init__(self, runs: Path, name: str):
        self.path = runs / f".{name}.events.jsonl"

    def ends(self) -> dict[str, dict]:
        """What the newest line says of each run that has ended, by the name of its folder."""
        found = {}
        for line in self.path.read_bytes().splitlines() if self.path.is_file() else ():
            with suppress(ValueError):  # a line that was cut short by a crash
                event = Event.model_validate_json(line)
                found[event.run] = event
        return {run: event.model_dump() for run, event in found.items() if event.status != "gone"}

    def append(self, events: Iterable[dict]) -> None:
        """Add lines, each begun on a line of its own though the one before was cut short."""
        lines = [json.dumps(event) for event in events]
        if not lines:
            return
        with open(self.path, "ab+") as file:
            if file.tell() and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
                lines.insert(0, "")
            file.write("".join(f"{line}\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())
