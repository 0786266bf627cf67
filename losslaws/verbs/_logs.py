"""What verbs that read a person's own logs share."""

import argparse
from dataclasses import replace
from pathlib import Path

from losslaws.curves import InputError, LossCurve, logs
from losslaws.curves.loss_curve import load_folder
from losslaws.curves.runs import same_model
from losslaws.curves.schedule import LONGEST
from losslaws.forecast import specs
from losslaws.verbs import whole


def add_logs(parser: argparse.ArgumentParser) -> None:
    """Add what is asked about logs."""
    parser.add_argument(
        "log",
        nargs="+",
        metavar="LOG",
        help="csv, jsonl, parquet, trainer_state.json, event file, .wandb, text, run folder",
    )
    parser.add_argument(
        "--columns", nargs="+", default=[], metavar="ROLE=COLUMN", help="which column is step, lr, val_loss, train_loss"
    )
    parser.add_argument(
        "--ran",
        metavar="NAME",
        help="schedule that the log ran, if it has no rates: cosine:steps=20000,peak=3e-4,warmup=500",
    )
    parser.add_argument(
        "--warmup", type=whole(0, LONGEST), help="steps of the log's warm-up (default: seen in its rates)"
    )
    parser.add_argument("--batch", type=whole(1), metavar="TOKENS", help="tokens per step, which narrows the interval")


def read_logs(args) -> list[LossCurve]:
    """Return the curves of the logs that the command names."""
    columns = {}
    for pair in args.columns:
        role, sign, column = pair.partition("=")
        if not sign:
            raise InputError(f"--columns {pair}: write ROLE=COLUMN, e.g. lr=rate")
        columns[role] = column
    applied = specs.parse(args.ran, {"warmup": args.warmup or 0}) if args.ran else None
    curves = [read(path, columns=columns, schedule=applied, warmup=args.warmup) for path in args.log]
    return [replace(curve, tokens_per_step=args.batch or curve.tokens_per_step) for curve in curves]


def read(path: Path | str, **how) -> LossCurve:
    """Return `logs.read(path)`. Raises InputError also for a name that is not UTF-8, which the readers cannot open."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"{path}: its name is not UTF-8 text; rename it") from None
    return logs.read(path, **how)


def whole_folders(paths: list[str]) -> list[LossCurve]:
    """Return the curves of logs; a results folder stands for all of its runs."""
    found = []
    for path in map(Path, paths):
        found += load_folder(path / "curves").values() if (path / "curves").is_dir() else [read(path)]
    return found


def curves_of(paths: list[str]) -> list[LossCurve]:
    """Return the curves of logs; a results folder stands for the runs of its base model."""
    found = []
    for path in map(Path, paths):
        found += base_runs(path) if (path / "curves").is_dir() else [read(path)]
    return found


def base_runs(folder: Path) -> list[LossCurve]:
    """Return the runs of a results folder that trained the model of its fitted ones."""
    curves = list(load_folder(folder / "curves").values())
    base = next((curve for curve in curves if curve.role == "fit"), curves[0])
    return [curve for curve in curves if same_model(curve, base)]
