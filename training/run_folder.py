"""The run folder: what a run leaves behind, and how it is found again."""

import fcntl
import json
import os
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import yaml

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.curves.files import write_text
from losslaws.curves.loss_curve import COLUMNS, evaluated, read_json, read_record
from training import checkpoint

# what of a config bears on no record, or is told better by run.json
ELSEWHERE = ("name", "runs", "corpora", "logger", "checkpoint", "init_from", "hardware")
SOURCE = ("model", "data", "corpus", "train_tokens", "also", "device", "versions")  # of run.json, kept with the curve


class RunFolder:
    """The files of one run.

    config.yaml     the resolved config
    run.json        versions, device, counts, tokens per step, FLOPs, corpus
    curve.csv       the per-step record, columns COLUMNS, val_loss_NAME of `eval.also` and of an average, lr_LABEL, appended in whole rows
    checkpoints/    to resume and to branch from
    model/          the final weights, as transformers loads them
    complete.json   written last: {"status": "complete" | "diverged", ...}
    error.txt       the line that the last attempt ended with, if it failed
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.record = self.path / "curve.csv"
        self.checkpoints = self.path / "checkpoints"
        self.model = self.path / "model"

    @property
    def complete(self) -> dict | None:
        """What the finished run says of its end; None while it has not ended."""
        marker = self.path / "complete.json"
        return read_json(marker) if marker.exists() else None

    def finish(self, **about) -> None:
        """Mark the run as ended; it is never run again."""
        self.write("complete.json", about)
        (self.path / "error.txt").unlink(missing_ok=True)

    def write(self, name: str, content: dict) -> None:
        """Write `content` as JSON."""
        self.write_text(name, json.dumps(content, indent=1) + "\n")

    def write_text(self, name: str, content: str) -> None:
        """Write the file `name`, whole or not at all."""
        write_text(self.path / name, content)

    def config(self) -> dict:
        """The resolved config. Raises InputError where there is none."""
        path = self.path / "config.yaml"
        if not path.is_file():
            raise InputError(f"{self.path}: is not a run folder (it has no config.yaml)")
        return yaml.safe_load(path.read_text())

    @contextmanager
    def lock(self, wait: bool = False):
        """Hold the folder for this process; where another one holds it, `wait` for that or raise InputError."""
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / "lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise InputError(
                    f"{self.path}: is being trained by another process; wait for it or choose another name"
                ) from None
            yield

    def running(self) -> bool:
        """Whether some process holds the folder."""
        if not (self.path / "lock").exists():
            return False
        with open(self.path / "lock") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def resume_step(self) -> int:
        """The newest checkpoint's step, 0 without one."""
        return max(checkpoint.steps_in(self.checkpoints), default=0)

    def recorded_steps(self) -> int:
        """How many steps the record holds, read from its last whole row."""
        if not self.record.exists():
            return 0
        with open(self.record, "rb") as file:
            file.seek(max(self.record.stat().st_size - 4096, 0))
            rows = file.read().decode().split("\n")[:-1]
        return int(rows[-1].split(",")[0]) if rows and rows[-1][:1].isdigit() else 0

    def applied_rates(self) -> np.ndarray:
        """The learning rate of every recorded step, float64."""
        return read_record(self.record)["lr"].to_numpy() if self.record.exists() else np.empty(0)

    def begin_record(self, origin: "RunFolder | None", step: int, more: Sequence[str] = ()) -> None:
        """Start or cut the record so that it holds exactly the steps 1..`step`, taken from `origin` (default: its own).

        Rows after the checkpoint belong to steps that are about to be trained again. `more` are columns besides
        COLUMNS; where `origin` lacks one, it is empty.
        """
        source = (origin or self).record
        header, *lines = source.read_text().split("\n")[: step + 1] if step else [""]
        rows = [dict(zip(header.split(","), line.split(","), strict=False)) for line in lines]
        if len(rows) < step or (rows and int(rows[-1]["step"] or 0) != step):
            raise InputError(
                f"{source}: holds fewer than the {step} steps of its checkpoint; delete {self.path} to train it anew"
            )
        columns = [*COLUMNS, *more]
        kept = [",".join(row.get(column, "") for column in columns) for row in rows]
        write_text(self.record, "\n".join([",".join(columns), *kept]) + "\n")

    @contextmanager
    def append(self):
        """Yield a function that appends rows (lists of strings) and syncs them to disk."""
        with open(self.record, "a", encoding="ascii", newline="") as file:

            def write(rows):
                file.writelines(",".join(row) + "\n" for row in rows)
                file.flush()
                os.fsync(file.fileno())

            yield write

    def trim_checkpoints(self, keep: list[int], newest: int) -> None:
        """Delete checkpoints but the `newest` latest and those of the steps in `keep`."""
        steps = checkpoint.steps_in(self.checkpoints)
        for step in set(steps[: len(steps) - newest]) - set(keep):
            checkpoint.path_of(self.checkpoints, step).unlink()

    def curve(self, name: str, role: str = "", line: str = "") -> LossCurve:
        """The LossCurve of the run, its config with it. Raises InputError while it has no evaluated step.

        line  of the sweep file that asked for the run
        """
        table = read_record(self.record)
        about = read_json(self.path / "run.json")
        return LossCurve(
            name=name,
            schedule=Schedule(table["lr"].to_numpy(), about["warmup"], about["schedule"]),
            **evaluated(table),
            train_loss=table["train_loss"].to_numpy(),
            tokens_per_step=about["tokens_per_step"],
            parameters=about["parameters"],
            flops_per_token=about["flops_per_token"]["exact"],
            seed=about["seed"],
            role=role,
            source={
                "run": self.path.name,
                **{key: about[key] for key in SOURCE if key in about},
                **({"line": line} if line else {}),
                "config": {key: value for key, value in self.config().items() if key not in ELSEWHERE},
            },
        )


class ReadOnlyFolder(RunFolder):
    """A run folder as those processes of a run see it that write nothing."""

    def nothing(self, *args, **kwargs) -> None:
        pass

    finish = write = write_text = begin_record = trim_checkpoints = nothing

    @contextmanager
    def lock(self, wait=False):
        yield

    @contextmanager
    def append(self):
        yield self.nothing


def parse_origin(text: str) -> tuple[RunFolder, int]:
    """Split RUN_FOLDER@STEP. Raises InputError where it is not that or names no run."""
    folder, _, step = str(text).rpartition("@")
    if not folder or not step.isdigit():
        raise InputError(f"init_from='{text}': write RUN_FOLDER@STEP, e.g. runs/constant-1a2b3c4d@1200")
    origin = RunFolder(folder)
    origin.config()
    return origin, int(step)
