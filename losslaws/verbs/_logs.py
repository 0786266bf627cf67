"""What verbs that read a person's own logs share."""

import argparse
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from losslaws.curves import InputError, LossCurve, logs
from losslaws.curves.logs.losses import UNITS
from losslaws.curves.logs.steps import REPEATS
from losslaws.curves.runs import same_model
from losslaws.curves.schedule import LONGEST
from losslaws.curves.store import holds_curves, load_folder
from losslaws.forecast import specs
from losslaws.forecast.plans import each
from losslaws.verbs import whole, wholes


def add_logs(parser: argparse.ArgumentParser, least: str = "+") -> None:
    """Add what is asked about logs; `least`: "+" for one at least, "*" for none."""
    parser.add_argument(
        "log",
        nargs=least,
        metavar="LOG",
        help="a log of any kind (docs/logs.md), a folder that holds one, or wandb:ENTITY/PROJECT/RUN",
    )
    parser.add_argument(
        "--columns",
        nargs="+",
        default=[],
        metavar="ROLE=COLUMN",
        help="which column is step, lr, val_loss, train_loss; a role given twice: pieces of one run, to be joined",
    )
    parser.add_argument(
        "--step-unit",
        metavar="N",
        help="optimiser steps that one count of the step column is: steps of an epoch, 1/TOKENS, updates between two calls of log",
    )
    parser.add_argument(
        "--part", help="which run of a log that holds several: a name, 1, 2, ..., last; all: the epochs of one run"
    )
    parser.add_argument(
        "--repeats", choices=REPEATS, help="which of several losses at one step counts (mean: of micro-batches)"
    )
    parser.add_argument("--unit", choices=UNITS, help="of the losses (default: as their names say, or nats)")
    parser.add_argument(
        "--ran",
        metavar="NAME",
        help="schedule that the log ran, if it has no rates: cosine:steps=20000,peak=3e-4,warmup=500",
    )
    parser.add_argument(
        "--warmup", type=whole(0, LONGEST), help="steps of the log's warm-up (default: seen in its rates)"
    )
    parser.add_argument(
        "--batch",
        type=wholes(1),
        metavar="TOKENS",
        help="tokens per step, which narrows the interval; of logs that differ: one each, 500000,1000000",
    )


def read_logs(args) -> list[LossCurve]:
    """Return the curves of the logs that the command names. Raises InputError where one has no rates."""
    return [reading.whole() for reading in look_at_logs(args)]


def look_at_logs(args) -> list[logs.Reading]:
    """Return what the logs that the command names are read as."""
    columns: dict[str, list[str]] = {}
    for pair in args.columns:
        role, sign, column = pair.partition("=")
        if not sign:
            raise InputError(f"--columns {pair}: write ROLE=COLUMN, e.g. lr=rate")
        columns.setdefault(role, []).append(column)
    applied = specs.parse(args.ran, {"warmup": args.warmup or 0}) if args.ran else None
    options = {
        "columns": columns,
        "schedule": applied,
        "warmup": args.warmup,
        "step_unit": fraction(args.step_unit),
        "part": args.part,
        "unit": args.unit,
        "repeats": args.repeats,
    }
    readings = [logs.look(openable(path), **options) for path in args.log]
    for reading, batch in zip(
        readings, each(args.batch, readings, "batch") if args.batch else [None] * len(readings), strict=True
    ):
        if reading.curve is not None and batch:
            reading.curve = replace(reading.curve, tokens_per_step=batch)
    return readings


def fraction(text: str | None) -> Fraction | None:
    """Return a number written as 100, 0.125 or 1/8. Raises InputError for what is not positive."""
    try:
        value = None if text is None else Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value is not None and value <= 0:
        raise InputError(f"--step-unit {text}: write a positive number, e.g. 100 or 1/8")
    return value


def openable(path: Path | str) -> Path | str:
    """Return `path`. Raises InputError for a name that is not UTF-8, which the readers cannot open."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"{path}: its name is not UTF-8 text; rename it") from None
    return path


def read(path: Path | str, **how) -> LossCurve:
    """Return `logs.read(path)`, the name checked."""
    return logs.read(openable(path), **how)


def whole_folders(paths: list[str]) -> list[LossCurve]:
    """Return the curves of logs; a results folder stands for all of its runs."""
    found = []
    for path in map(Path, paths):
        found += load_folder(path).values() if holds_curves(path) else [read(path)]
    return found


def curves_of(paths: list[str]) -> list[LossCurve]:
    """Return the curves of logs; a results folder stands for the runs of its base model."""
    found = []
    for path in map(Path, paths):
        found += base_runs(path) if holds_curves(path) else [read(path)]
    return found


def base_runs(folder: Path) -> list[LossCurve]:
    """Return the runs of a results folder that trained the model of its fitted ones."""
    curves = list(load_folder(folder).values())
    base = next((curve for curve in curves if curve.role == "fit"), curves[0])
    return [curve for curve in curves if same_model(curve, base)]
