"""The run folder: what a run leaves behind, and how it is found again."""

import json
import os
import re
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.curves.files import write_text
from losslaws.curves.loss_curve import COLUMNS, evaluated, read_record
from losslaws.curves.names import check_name
from training import checkpoint, locks, records
from training.settings import check

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

    @property
    def record(self) -> Path:
        return self.path / "curve.csv"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def complete(self) -> dict | None:
        """What the finished run says of its end; None while it has not ended."""
        return records.read(self.path / "complete.json", records.End) if self.ended else None

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return (self.path / "complete.json").is_file()

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
        content = records.read_yaml(path)
        check(content, where=str(path))
        return content

    @contextmanager
    def lock(self, wait: bool = False):
        """Hold the folder for this process; where another one holds it, `wait` for that or raise InputError."""
        check_name(re.sub("-[0-9a-f]{8}$", "", self.path.name), f"{self.path.parent}: the run folder")
        self.path.mkdir(parents=True, exist_ok=True)
        lock = self.path / "lock"
        try:
            with locks.held(lock, wait):
                for unfinished in self.checkpoints.glob(f".{16 * '[0-9a-f]'}.tmp"):  # of a process that was killed
                    unfinished.unlink()
                try:
                    yield
                finally:
                    self.leave_nothing(lock)
        except locks.Held:
            raise InputError(
                f"{self.path}: is being trained by another process; wait for it or choose another name"
            ) from None

    def leave_nothing(self, lock: Path) -> None:
        """Remove the folder where an attempt that was refused has left nothing in it but its lock, which is held."""
        if [*self.path.iterdir()] == [lock]:
            lock.unlink()
            self.path.rmdir()

    def running(self) -> bool:
        """Whether some process holds the folder."""
        return locks.is_held(self.path / "lock")

    def resume_step(self) -> int:
        """The newest checkpoint's step, 0 without one."""
        return max(checkpoint.steps_in(self.checkpoints), default=0)

    def recorded_steps(self) -> int:
        """How many steps the record holds, read from its last whole row."""
        if not self.record.is_file():
            return 0
        with open(self.record, "rb") as file:
            file.seek(max(self.record.stat().st_size - 4096, 0))
            rows = file.read().split(b"\n")[:-1]
        step = rows[-1].split(b",")[0] if rows else b""
        return int(step) if re.fullmatch(rb"[0-9]{1,15}", step) else 0

    def applied_rates(self) -> np.ndarray:
        """The learning rate of every recorded step, float64."""
        return read_record(self.record)["lr"].to_numpy() if self.record.is_file() else np.empty(0)

    def begin_record(self, origin: "RunFolder | None", step: int, more: Sequence[str] = ()) -> None:
        """Start or cut the record so that it holds exactly the steps 1..`step`, taken from `origin` (default: its own).

        Rows after the checkpoint belong to steps that are about to be trained again. `more` are columns besides
        COLUMNS; where `origin` lacks one, it is empty.
        """
        source = (origin or self).record
        (self.path / "error.txt").unlink(missing_ok=True)  # of the attempt before
        content = source.read_bytes() if step and source.is_file() else b""
        header, *lines = content.decode(errors="replace").split("\n")[: step + 1]
        rows = [dict(zip(header.split(","), line.split(","), strict=False)) for line in lines]
        if len(rows) < step or (rows and rows[-1].get("step") != str(step)):
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
            checkpoint.path_of(self.checkpoints, step).unlink(missing_ok=True)  # a launcher may remove branch points

    def curve(self, name: str, role: str = "", line: str = "") -> LossCurve:
        """The LossCurve of the run, its config with it. Raises InputError while it has no evaluated step.

        line  of the sweep file that asked for the run
        """
        table = read_record(self.record)
        about = records.read(self.path / "run.json", records.About)
        if "exact" not in about["flops_per_token"]:
            raise InputError(f"{self.path / 'run.json'}: lacks the key 'flops_per_token.exact'")
        return LossCurve(
            name=name,
            schedule=Schedule(table["lr"].to_numpy(), about["warmup"], about["schedule"]),
            **evaluated(table),
            train_loss=table["train_loss"].to_numpy(),
            grad_norm=table["grad_norm"].to_numpy(),
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
    if not folder or not re.fullmatch("[0-9]{1,15}", step):
        raise InputError(f"init_from='{text}': write RUN_FOLDER@STEP, e.g. runs/constant-1a2b3c4d@1200")
    origin = RunFolder(folder)
    origin.config()
    return origin, int(step)
