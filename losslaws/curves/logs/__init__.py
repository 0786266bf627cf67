"""Other people's training logs as LossCurves: `logs.read("trainer_state.json")`.

    read(path, *, columns=None, schedule=None, warmup=None) -> LossCurve
    read("log.csv", columns={"val_loss": "nll"}, schedule=schedules.build("cosine", 20_000, peak=3e-4, warmup=500))

One file a format: `matches(path)` says whether the file looks like it, by its name, and `read(path)` gives its Table. Nothing
is unpickled or executed. What was done on the way to the curve stands in `LossCurve.source`: "columns" by role, and "notes",
a line for everything that the reader of a forecast should know.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.logs.rates import every_step
from losslaws.curves.logs.roles import pick
from losslaws.curves.logs.smoothing import blocks
from losslaws.curves.logs.table import Table, series
from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.schedule import LONGEST, Schedule

# a folder may match several; the first counts
FORMATS = ("run_folder", "trainer_state", "tensorboard", "wandb", "parquet", "jsonl", "csv", "nanogpt")


def read(
    path: Path | str,
    *,
    columns: Mapping[str, str] | None = None,
    schedule: Schedule | None = None,
    warmup: int | None = None,
) -> LossCurve:
    """Return the loss curve of a log, up to the last step that it has.

    columns   which column is the "step", "lr", "val_loss" or "train_loss", where the names do not say so
    schedule  the rates that were applied, if the log does not hold them; at least as long as the log
    warmup    steps of the linear warm-up; default: where the rates stop rising

    Of steps that occur twice, as after a resume, the last value counts. Step 0 is left out. A log without validation loss gives its
    training loss, smoothed as `smoothing.blocks` says. Raises InputError, one line naming file, field and remedy.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    try:
        table = format_of(path).read(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    return curve_of(table, path, dict(columns or {}), schedule, warmup)


def format_of(path: Path) -> ModuleType:
    """Return the module that reads `path`. Raises InputError for a file of no known format."""
    for name in FORMATS:
        form = import_module(f"{__name__}.{name}")
        if form.matches(path):
            return form
    raise InputError(
        f"{path}: is of no known format; give a .csv, .jsonl, .parquet, .log or .wandb file, a trainer_state.json, "
        "a TensorBoard event file, or a folder that holds one of these"
    )


def curve_of(
    table: Table, path: Path, columns: dict[str, str], schedule: Schedule | None, warmup: int | None
) -> LossCurve:
    """Return the curve that `table` holds, checked."""
    chosen, notes, about = pick(table, path, columns), list(table.notes), dict(table.about)
    known, family = about.pop("warmup", None), about.pop("schedule", "logged")
    step = table.numbers(chosen["step"], path)
    refuse_odd_steps(step, chosen["step"], path)
    losses = {
        role: losses_of(step, table, chosen[role], path, notes) for role in ("val_loss", "train_loss") if role in chosen
    }
    losses = {role: (at, loss) for role, (at, loss) in losses.items() if at.size}
    if not losses:
        raise InputError(f"{path}: no row after step 0 has a loss, in none of its columns; give a log with losses")
    last = int(max(at[-1] for at, _ in losses.values()))
    if schedule is None:
        rates = series(step, table.numbers(column_of_rates(chosen, path), path), notes, chosen["lr"])
        schedule = every_step(*rates, last, known if warmup is None else warmup, family, path, notes)
    at, loss = losses.get("val_loss") or blocks(*losses["train_loss"], schedule.warmup, notes)
    return LossCurve(
        name=name_of(path),
        schedule=first_steps(schedule, last, path),
        step=at,
        loss=loss,
        train_loss=spread(*losses["train_loss"], last) if "train_loss" in losses else None,
        source={"file": str(path), "columns": chosen, "notes": notes},
        **about,
    )


def losses_of(
    step: np.ndarray, table: Table, column: str, path: Path, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps after 0 at which `column` has a loss, and the losses. Raises InputError for impossible ones."""
    at, loss = series(step, table.numbers(column, path), notes, column)
    odd = np.flatnonzero(~np.isfinite(loss) | (loss <= 0))
    if odd.size:
        raise InputError(
            f"{path}: column '{column}' holds {loss[odd[0]]:g} at step {at[odd[0]]}; a loss is a finite positive number, so cut the log before it"
        )
    return at[at > 0], loss[at > 0]


def spread(at: np.ndarray, loss: np.ndarray, steps: int) -> np.ndarray:
    """Return the loss of every step 1..`steps`, nan where it was not logged."""
    every = np.full(steps, np.nan)
    every[at - 1] = loss
    return every


def first_steps(schedule: Schedule, steps: int, path: Path) -> Schedule:
    """Return `schedule` up to `steps`. Raises InputError where it ends before."""
    if schedule.steps < steps:
        raise InputError(
            f"{path}: logs step {steps}, but the given schedule '{schedule.name}' ends at {schedule.steps}; give all steps"
        )
    return Schedule(schedule.lr[:steps], min(schedule.warmup, steps), schedule.name)


def column_of_rates(chosen: dict[str, str], path: Path) -> str:
    """Return the column of the rates. Raises InputError where the log has none."""
    if "lr" not in chosen:
        raise InputError(
            f"{path}: has no column for the learning rate; name it (lr=COLUMN) or give the schedule that was applied"
        )
    return chosen["lr"]


def refuse_odd_steps(step: np.ndarray, column: str, path: Path) -> None:
    """Raise InputError for steps that are not whole numbers from 0 to LONGEST; a row without a step is left out later."""
    known = step[~np.isnan(step)]
    if not known.size:
        raise InputError(f"{path}: column '{column}' holds no step at all")
    with np.errstate(invalid="ignore"):
        odd = known[(known < 0) | (known > LONGEST) | (known != np.floor(known))]
    if odd.size:
        raise InputError(
            f"{path}: column '{column}' holds {odd[0]:g}; steps are whole numbers from 0 to {LONGEST}, counted in updates of the optimiser"
        )


def name_of(path: Path) -> str:
    """Return what the curve is called: the file's name, or the folder's where all files of a kind have one name."""
    same = path.stem in ("trainer_state", "curve", "metrics", "log") or "tfevents" in path.name
    return path.parent.name or path.stem if same else path.stem
