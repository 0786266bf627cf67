"""Other people's training logs as LossCurves: `logs.read("trainer_state.json")`.

    read(path) -> LossCurve
    look(path) -> Reading      the same, with all that was seen on the way; both take the same options
    look_at(rows) -> Reading   of rows that a trainer keeps in memory
    read("log.csv", columns={"val_loss": "nll"}, schedule=schedules.build("cosine", 20_000, peak=3e-4, warmup=500))

One file a format: `matches(source)` says whether the file looks like it, `read(source)` gives its Table. From there on all formats take
one path, so that a fault is mended once:

    rows.py    which rows are of the run: ranks, several runs, train and validation told apart by a column
    names.py   what the words of a name mean;  roles.py  which column is step, rate, training and validation loss
    steps.py   the step of every row: epochs, micro-steps, rows without one; restarts and abandoned branches
    losses.py  NaN, impossible and implausible losses, perplexities;  rates.py  the rate of every step;  smoothing.py  training losses

Nothing is unpickled or executed. What was done on the way to the curve stands in `LossCurve.source`: "columns" by role, "used", the role of its losses,
and "notes", a line for everything that the reader of a forecast should know. Limits of size stand in source.py.
"""

from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.logs import wandb_service
from losslaws.curves.logs.losses import SHORT, checked, note_empty, note_perplexity, usable, without_stays
from losslaws.curves.logs.names import split
from losslaws.curves.logs.rates import every_step, in_unit
from losslaws.curves.logs.reading import Reading
from losslaws.curves.logs.roles import Picked, pick
from losslaws.curves.logs.rows import of_one_run
from losslaws.curves.logs.smoothing import blocks
from losslaws.curves.logs.source import HEAD, Source
from losslaws.curves.logs.steps import MEAN, MICRO, Order, of_rows, parts_of, rank_of
from losslaws.curves.logs.table import Column, Table, collect
from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.schedule import Schedule

# a file or folder may match several; the first counts
FORMATS = (
    "run_folder", "folders", "tensorboard", "wandb", "mlflow", "trackio", "parquet", "json", "csv", "text", "single",
)  # fmt: skip
GAP, WIDE = 10, 0.02  # a gap is so many times as long as usual, and so much of the run
ARCHIVE = b"PK\x03\x04"  # a zip file begins so
END = 0.95  # share of the steps up to which losses should be logged
COVERED = 0.2  # share of a given schedule that a log covers, below which that is noted
Columns = Mapping[str, str | Sequence[str]]


def read(path: Path | str, **options) -> LossCurve:
    """Return the loss curve of a log, up to the last step that it has; options as of `look`.

    Of steps that occur twice, as after a resume, the last value counts. Step 0 is left out. A log without validation loss gives its
    training loss, smoothed as `smoothing.blocks` says. Raises InputError, one line naming file, field and remedy.
    """
    return look(path, **options).whole()


def look(
    path: Path | str,
    *,
    columns: Columns | None = None,
    schedule: Schedule | None = None,
    warmup: int | None = None,
    step_unit: Fraction | None = None,
    part: str | None = None,
    unit: str | None = None,
    repeats: str | None = None,
) -> Reading:
    """Return what is read of a log: a file, a folder, or `wandb:ENTITY/PROJECT/RUN`.

    columns    which column is the "step", "lr", "val_loss" or "train_loss", where the names do not say so; several are pieces to be joined
    schedule   the rates that were applied, if the log does not hold them; at least as long as the log
    warmup     steps of the linear warm-up; default: where the rates stop rising
    step_unit  optimiser steps that one count of the step column stands for: steps of an epoch, 1/tokens of a step, ...
    part       of a log with several runs, which: a name, "1", "2", ..., "last"; "all": the epochs of one run
    unit       of the losses, "nats", "bits" or "perplexity"; default: as their names say
    repeats    which of several values at one step counts: "mean", as of micro-batches, "first" or "last"

    Raises InputError for what cannot be read, and for what can be read in two ways that differ.
    """
    columns, notes = dict(columns or {}), []
    named = frozenset(name for some in columns.values() for name in ([some] if isinstance(some, str) else some))
    if str(path).startswith(wandb_service.MARK):
        where, table, form = Path(str(path)), wandb_service.read(str(path)), "wandb_service"
    else:
        where = Path(path)
        source = Source(where, named)
        form = format_of(source)
        try:
            table = form.read(source)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
        notes, form = list(source.notes), form.__name__.rpartition(".")[2]
    reading = Reading(where, form.replace("_", " "), table.rows, notes=notes)
    return complete(
        reading, of_one_run(table, where, part, notes), columns, schedule, warmup, step_unit, part, unit, repeats
    )


def look_at(rows: Iterable[Mapping], name: str = "run") -> Reading:
    """Return what is read of rows in memory, as a trainer keeps them: a mapping each, "step" and what was logged there.

    Raises InputError as `look`, naming `name`.
    """
    path, notes = Path(name), []
    table = collect(path, rows)
    reading = Reading(path, "rows", table.rows, notes=notes)
    return complete(reading, of_one_run(table, path, None, notes), {}, None, None, None, None, None)


def format_of(source: Source) -> ModuleType:
    """Return the module that reads `source`. Raises InputError for what is empty, and for a file of no known format."""
    if not (
        any(source.path.iterdir())
        if source.is_dir
        else source.head.removeprefix(BOM_UTF8).strip() or len(source.head) == HEAD
    ):
        raise InputError(
            f"{source.path}: is empty; give a log that holds losses, or wait until the run has written some"
        )
    if source.start.startswith(ARCHIVE):
        raise InputError(f"{source.path}: is an archive; unpack it and give the log in it")
    for name in FORMATS:
        form = import_module(f"{__name__}.{name}")
        if form.matches(source):
            return form
    raise InputError(
        f"{source.path}: is of no known format; give a .csv, .jsonl, .parquet, .log or .wandb file, a trainer_state.json, "
        "a TensorBoard event file, or a folder that holds one of these"
    )


def complete(
    reading: Reading,
    table: Table,
    columns: Columns,
    schedule: Schedule | None,
    warmup: int | None,
    step_unit: Fraction | None,
    part: str | None,
    unit: str | None,
    repeats: str | None = None,
) -> Reading:
    """Fill in what the table of the log says, checked."""
    path, notes, about = reading.path, reading.notes, dict(table.about)
    known, family = about.pop("warmup", None), about.pop("schedule", "logged")
    picked = pick(table, path, columns, schedule is not None)
    step = of_rows(table, picked, path, step_unit, part, notes)
    used = {role: joined(table, names_of, step, path, notes) for role, names_of in roles_of(picked).items()}
    used, step = one_part(used, step, path, part, notes)
    if repeats is None and any(rank_of(name) == MICRO for name in picked.steps[1:]):
        repeats = MEAN  # of micro-batches
    order = Order(step, {picked.used[role]: column for role, column in used.items()}, path, part, repeats, notes)
    reading.columns, reading.others = picked.used, {k: v for k, v in picked.others.items() if v}
    losses = losses_of(reading, order, picked, unit)
    reading.restarts, reading.repeated = order.restarts, order.repeated
    last = int(max(at[-1] for at, _ in losses.values()))
    until = np.nanmax(step[order.last_row([picked.used[role] for role in losses]) :], initial=0)
    if last < END * until and not reading.diverged:
        notes.append(f"no loss was logged after step {last}, though the log goes on to step {until:.0f}")
    reading.first, reading.last = int(min(at[0] for at, _ in losses.values())), last
    reading.losses = {role: at.size for role, (at, _) in losses.items()}
    reading.gaps = gaps(np.unique(np.concatenate([at for at, _ in losses.values()])))
    if reading.gaps:
        a, b = reading.gaps[0]
        notes.append(
            f"nothing was logged between steps {a} and {b}"
            + (f", and {len(reading.gaps) - 1} times more" if reading.gaps[1:] else "")
        )
    if schedule is None and "lr" not in used:
        reading.wanting = f"{path}: has no column for the learning rate; name it (lr=COLUMN) or give the schedule that was applied (--ran)"
        reading.used = "val_loss" if "val_loss" in losses else "train_loss"
        reading.unit = unit or picked.unit[reading.used]
        return reading
    if schedule is None:
        at, rate = order.series(picked.used["lr"])
        at, rate = at[~np.isnan(rate)], in_unit(rate[~np.isnan(rate)], picked.used["lr"], notes)
        schedule = every_step(at, rate, last, known if warmup is None else warmup, family, path, notes)
    elif last < COVERED * schedule.steps:
        notes.append(
            f"the log ends at step {last} of the {schedule.steps} of the schedule that was given; are its steps updates?"
        )
    schedule = first_steps(schedule, last, path)
    reading.used = role_used(losses, columns, schedule.warmup, last, notes)
    reading.unit = unit or picked.unit[reading.used]
    at, loss = losses[reading.used]
    if reading.used == "train_loss":
        if "val_loss" not in losses:
            notes.append("the log has no validation loss")
        at, loss = blocks(at, loss, schedule.warmup, notes)
    reading.usable = usable(at, schedule.warmup, last)
    if not reading.usable:
        notes.append(
            f"every loss lies within twice the warm-up of {schedule.warmup} steps; a forecast needs later ones, so log on"
        )
    reading.warmup, reading.peak, reading.last_rate = schedule.warmup, schedule.peak, float(schedule.lr[-1])
    reading.curve = LossCurve(
        name=name_of(path),
        schedule=schedule,
        step=at,
        loss=loss,
        train_loss=spread(*losses["train_loss"], last) if "train_loss" in losses else None,
        source={"file": str(path), "columns": picked.used, "used": reading.used, "notes": notes},
        **about,
    )
    return reading


def roles_of(picked: Picked) -> dict[str, list[str]]:
    """Return the columns of each role that has a value in a row of its own."""
    return {role: getattr(picked, role) for role in ("val_loss", "train_loss", "lr") if getattr(picked, role)}


def joined(table: Table, pieces: list[str], step: np.ndarray, path: Path, notes: list[str]) -> Column:
    """Return the columns that are pieces of one run as one: from the first step of a later piece on, it counts."""
    columns = [table.numbers(name, path) for name in pieces]
    first, *later = sorted(columns, key=lambda c: np.nanmin(step[c.row], initial=np.inf))
    value = first.dense(table.rows)
    for column in later:
        begin = np.nanmin(step[column.row], initial=np.inf)
        value[step >= begin] = np.nan
        value[column.row] = column.value
    if not later:
        return first
    notes.append(f"{len(pieces)} columns are joined; from the first step of a later one on, it counts")
    row = np.flatnonzero(~np.isnan(value))
    return Column(row, value[row])


def one_part(
    used: dict[str, Column], step: np.ndarray, path: Path, part: str | None, notes: list[str]
) -> tuple[dict[str, Column], np.ndarray]:
    """Return the rows of part 1, 2, ... or "last" of a log that begins anew; all rows where that is not asked for."""
    if part is None or not (part.isdecimal() or part == "last"):
        return used, step
    starts = parts_of(step, max((c for role, c in used.items() if role != "lr"), key=lambda c: c.row.size))
    number = len(starts) if part == "last" else int(part)
    if not 1 <= number <= len(starts):
        raise InputError(f"{path}: has {len(starts)} part(s), not a part {part}")
    begin, end = starts[number - 1], [*starts, step.size][number]
    if len(starts) > 1:
        notes.append(f"part {number} of {len(starts)} is used, rows {begin + 1} to {end}")
    step = step.copy()
    step[:begin], step[end:] = np.nan, np.nan
    return used, step


def losses_of(reading: Reading, order: Order, picked: Picked, unit: str | None) -> dict:
    """Return steps and losses by role. Raises InputError where there is none."""
    losses = {}
    validation = order.columns.get(picked.used.get("val_loss"))
    evaluated = order.step[validation.row] if validation else []  # where no training loss need stand
    for role in ("train_loss", "val_loss"):
        column = picked.used.get(role)
        if column is None:
            continue
        kind = unit or picked.unit[role]
        if kind == "nats" and unit is None and in_bits(order, picked, role, reading.notes):
            picked.unit[role] = "bits"
        at, loss = order.series(column, loss=not (role == "val_loss" and "batch" in split(column)))
        note_empty(at, order.step, evaluated if role == "train_loss" else [], column, reading.notes)
        at, loss, nan, diverged = checked(at, loss, column, kind, reading.path, reading.notes)
        if nan:
            reading.not_finite[column] = nan
        if diverged:
            reading.diverged[column] = diverged
        if at.size:
            losses[role] = at, loss
    if len(losses) == 2:
        losses["val_loss"] = without_stays(
            *losses["val_loss"], losses["train_loss"][1], picked.used["val_loss"], reading.notes
        )
    if not losses:
        raise InputError(
            f"{reading.path}: no row after step 0 has a loss, in none of its columns; give a log with losses"
        )
    return losses


def in_bits(order: Order, picked: Picked, role: str, notes: list[str]) -> bool:
    """Return whether the losses of a role are in bits, by the perplexity that stands beside them."""
    column, found = picked.used[role], picked.perplexity.get(role)
    if found is None:
        return False
    mine, name = order.columns[column], found[0]
    _, i, j = np.intersect1d(mine.row, found[1].row, return_indices=True)
    return note_perplexity(mine.value[i], found[1].value[j], column, name, notes)


def role_used(losses: dict, columns: Columns, warmup: int, last: int, notes: list[str]) -> str:
    """Return which losses a forecast uses: those of validation, unless they are too few and training has more."""
    if "val_loss" not in losses or "train_loss" not in losses:
        return next(iter(losses))
    few, many = (usable(losses[role][0], warmup, last) for role in ("val_loss", "train_loss"))
    if few >= SHORT or many < SHORT or "val_loss" in columns:
        return "val_loss"
    notes.append(
        f"{few} validation losses behind the warm-up are too few for a forecast, so the training loss is used (--columns val_loss=COLUMN insists)"
    )
    return "train_loss"


def gaps(step: np.ndarray) -> list[tuple[int, int]]:
    """Return between which steps nothing was logged for unusually long."""
    apart = np.diff(step)
    wide = np.flatnonzero(apart > max(GAP * np.median(apart), WIDE * step[-1])) if apart.size else []
    return [(int(step[i]), int(step[i + 1])) for i in wide]


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


def name_of(path: Path) -> str:
    """Return what the curve is called: the file's name, or the folder's where all files of a kind have one name."""
    name = Path(path.stem) if path.suffix in (".gz", ".zst", ".bz2", ".xz") else path
    same = name.stem in ("trainer_state", "curve", "metrics", "log") or "tfevents" in path.name
    return path.parent.name or name.stem if same else name.stem
