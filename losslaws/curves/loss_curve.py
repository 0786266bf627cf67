"""LossCurve: the record of one training run, whole and checked."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from losslaws.curves.about import read_about
from losslaws.curves.errors import InputError
from losslaws.curves.files import write_table, write_text
from losslaws.curves.names import check_name
from losslaws.curves.schedule import Schedule

if TYPE_CHECKING:
    import pandas as pd  # imported where a table is read or written: it takes longer than a whole forecast

__all__ = ["ALSO", "COLUMNS", "LossCurve", "evaluated", "read_record"]

COLUMNS = ("step", "lr", "train_loss", "grad_norm", "val_loss")
EACH_STEP = ("train_loss", "grad_norm")  # columns that hold a value for every step
ALSO = "val_loss_"  # begins the columns of losses on other validation sets; the set's name follows
END = "end"  # the set, among these, that more of the own validation text makes, evaluated at a run's last step only


@dataclass(frozen=True, eq=False)
class LossCurve:
    """One run's record.

    name             what the run is called in tables and figures
    schedule         the rates that were applied, [T]
    step             int64 [n], the steps at which the validation loss was taken, rising, 1 <= step <= T
    loss             float64 [n], validation loss there, nats per token, > 0
    train_loss       float64 [T] or None, loss of every step's own batch before its update, nats per token (NaN: not logged)
    tokens_per_step  global batch in tokens
    parameters       counts under each convention: "total", "non_embedding" (Kaplan's N), ...
    flops_per_token  training FLOPs per token, forward and backward, exact with attention and logits; None: unknown
    seed             of initialisation and data order
    role             what an experiment uses the run for: "fit", "unseen", "noise", ... ; empty: nothing special
    source           provenance: where the numbers come from; of our own runs also "config", and "line", the line of the sweep
    also             by name, float64 [n], the loss on other validation sets at the same steps (NaN: not taken)
    grad_norm        float64 [T] or None, global norm of every step's gradient before it was clipped (NaN: not logged)

    Raises InputError for unsorted, repeated or out-of-range steps, and for losses that are not finite and positive.
    """

    name: str
    schedule: Schedule
    step: np.ndarray
    loss: np.ndarray
    train_loss: np.ndarray | None = None
    tokens_per_step: int | None = None
    parameters: dict[str, int] = field(default_factory=dict)
    flops_per_token: float | None = None
    seed: int = 0
    role: str = ""
    source: dict = field(default_factory=dict)
    also: dict[str, np.ndarray] = field(default_factory=dict)
    grad_norm: np.ndarray | None = None

    def __post_init__(self):
        step = np.asarray(self.step)
        loss = np.asarray(self.loss, dtype=np.float64)
        if step.ndim != 1 or step.shape != loss.shape or step.size == 0:
            raise InputError(
                f"curve '{self.name}': needs one loss per step and at least one point, got {step.shape} and {loss.shape}"
            )
        whole = step.astype(np.int64)
        self._refuse(step, whole != step, "step {0} is not a whole number")
        self._refuse(
            step,
            np.diff(step, prepend=step[0] - 1) < 0,
            "step {0} comes after a later step; sort the rows by step",
        )
        self._refuse(step, np.diff(step, prepend=step[0] - 1) == 0, "step {0} occurs twice; keep one row per step")
        self._refuse(step, step < 1, "step {0} lies before the first optimiser step, 1")
        self._refuse(
            step,
            step > self.schedule.steps,
            f"step {{0}} lies beyond the {self.schedule.steps} steps whose learning rate is known; give the rate of every step",
        )
        self._refuse(step, ~np.isfinite(loss) | (loss <= 0), "the loss at step {0} is not a finite positive number")
        object.__setattr__(self, "step", whole)
        object.__setattr__(self, "loss", loss)
        for name in EACH_STEP:
            if getattr(self, name) is None:
                continue
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if values.shape != (self.schedule.steps,):
                raise InputError(
                    f"curve '{self.name}': {name} needs one value for each of the {self.schedule.steps} steps, got {values.shape}"
                )
            object.__setattr__(self, name, values)
        also = {name: np.asarray(values, dtype=np.float64) for name, values in self.also.items()}
        for name, values in also.items():
            if values.shape != loss.shape:
                raise InputError(
                    f"curve '{self.name}': the losses on '{name}' need one value per evaluated step, got {values.shape}"
                )
            self._refuse(
                step,
                np.isinf(values) | (values <= 0),
                f"the loss on '{name}' at step {{0}} is not a finite positive number",
            )
        object.__setattr__(self, "also", also)

    def _refuse(self, step, bad, message):
        if bad.any():
            raise InputError(f"curve '{self.name}': {message.format(step[np.argmax(bad)])}")

    @property
    def origin(self) -> str:
        """What an error calls the curve: the log that it was read from, else its name."""
        return self.source["file"] if "columns" in self.source else self.name

    @property
    def config(self) -> dict:
        """The resolved config of the run, as far as it bears on the record: model, data, schedule, ...; empty for others' runs."""
        return self.source.get("config", {})

    @property
    def final_loss(self) -> float:
        """Validation loss at the last evaluated step."""
        return float(self.loss[-1])

    @property
    def end_loss(self) -> float:
        """The finest validation loss of the last step: on more text than elsewhere where that was asked for."""
        finer = self.also.get(END)
        return float(finer[-1]) if finer is not None and np.isfinite(finer[-1]) else self.final_loss

    @property
    def flops(self) -> float:
        """Training FLOPs of the whole run. Raises InputError where the size or batch is not known."""
        if self.flops_per_token is None or self.tokens_per_step is None:
            raise InputError(
                f"curve '{self.name}': tokens_per_step or flops_per_token is not known, so neither are its FLOPs"
            )
        return self.flops_per_token * self.tokens_per_step * self.schedule.steps

    def at(self, step: int) -> float:
        """Validation loss at `step`. Raises InputError when it was not evaluated there."""
        hit = np.flatnonzero(self.step == step)
        if not hit.size:
            raise InputError(f"curve '{self.name}': was not evaluated at step {step}")
        return float(self.loss[hit[0]])

    def on(self, name: str) -> "LossCurve":
        """Return the curve with the losses on another validation set for its own. Raises InputError where they were not taken."""
        if name not in self.also or np.isnan(self.also[name]).any():
            raise InputError(
                f"curve '{self.name}': was not evaluated on '{name}' (also: {', '.join(self.also) or 'none'})"
            )
        return replace(self, loss=self.also[name], also={})

    def save(self, folder: Path | str) -> Path:
        """Write `folder`/NAME.csv (one row per step: COLUMNS that are known) and NAME.json beside it; return the former."""
        path = Path(folder) / f"{check_name(self.name, 'curve')}.csv"
        write_table(self.table(), path)
        write_text(path.with_suffix(".json"), json.dumps(self.about(), indent=1) + "\n")
        return path

    def table(self) -> "pd.DataFrame":
        """The record, one row for every step: the columns COLUMNS that are known, and those of further validation sets."""
        import pandas as pd

        table = pd.DataFrame({"step": np.arange(1, self.schedule.steps + 1), "lr": self.schedule.lr})
        for name in EACH_STEP:
            if getattr(self, name) is not None:
                table[name] = getattr(self, name)
        for column, losses in {"val_loss": self.loss, **{ALSO + name: v for name, v in self.also.items()}}.items():
            table.loc[self.step - 1, column] = losses
        return table

    def about(self) -> dict:
        """What is known besides the record, ready for JSON."""
        return {
            "schedule": self.schedule.name,
            "warmup": self.schedule.warmup,
            "tokens_per_step": self.tokens_per_step,
            "parameters": self.parameters,
            "flops_per_token": self.flops_per_token,
            "seed": self.seed,
            "role": self.role,
            "source": self.source,
        }

    @classmethod
    def of(cls, name: str, table: "pd.DataFrame", about: dict) -> "LossCurve":
        """Build the curve of a `table` and what is known `about` it. Raises InputError as the class does."""
        return cls(
            name=name,
            schedule=Schedule(table["lr"].to_numpy(), about["warmup"], about["schedule"]),
            **evaluated(table),
            **{column: table[column].to_numpy() for column in EACH_STEP if column in table},
            **{key: value for key, value in about.items() if key not in ("schedule", "warmup")},
        )

    @classmethod
    def load(cls, path: Path | str) -> "LossCurve":
        """Read a curve written by `save`. Raises InputError that names the file and the field."""
        path = Path(path)
        try:
            return cls.of(path.stem, read_record(path), read_about(path.with_suffix(".json")))
        except InputError as error:
            raise (
                error if str(error).startswith(str(path.with_suffix(""))) else InputError(f"{path}: {error}")
            ) from None


def read_record(path: Path | str) -> "pd.DataFrame":
    """Read a per-step record: one row for every step from 1, columns step, lr, val_loss and what else was logged."""
    import pandas as pd

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a curve with the columns {', '.join(COLUMNS)}")
    try:
        table = pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not a CSV table ({str(error).splitlines()[0]})") from None
    if table.empty:
        raise InputError(f"{path}: has no rows; write one for every step")
    for column in ("step", "lr", "val_loss"):
        if column not in table:
            raise InputError(f"{path}: has no column '{column}'")
    for column in table:
        if (column in COLUMNS or column.startswith(ALSO)) and not pd.api.types.is_numeric_dtype(table[column]):
            raise InputError(f"{path}: column '{column}' holds something that is not a number")
    wrong = np.flatnonzero(table["step"].to_numpy() != np.arange(1, len(table) + 1))
    if wrong.size:
        raise InputError(
            f"{path}: column 'step' must count 1, 2, 3, ... without a gap, but row {wrong[0] + 1} holds {table['step'][wrong[0]]:g}; "
            "sort the rows and keep one for every step"
        )
    return table


def evaluated(table: "pd.DataFrame") -> dict:
    """Return `step`, `loss` and `also` of a LossCurve from a per-step record."""
    seen = table[table["val_loss"].notna()]
    others = [column for column in table if column.startswith(ALSO)]
    return {
        "step": seen["step"].to_numpy(),
        "loss": seen["val_loss"].to_numpy(),
        "also": {column.removeprefix(ALSO): seen[column].to_numpy() for column in others},
    }
