"""Our own run folders, also while the run goes on, and the curves in `results/`: NAME.csv with NAME.json beside it."""

from dataclasses import replace
from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.logs import csv
from losslaws.curves.logs.table import Table
from losslaws.curves.loss_curve import read_json

KEPT = ("schedule", "warmup", "tokens_per_step", "parameters", "flops_per_token", "seed")


def matches(path: Path) -> bool:
    record, about = files(path)
    return record.suffix == ".csv" and record.is_file() and about.is_file()


def files(path: Path) -> tuple[Path, Path]:
    """Return where the per-step record and what is known of the run lie."""
    return (path / "curve.csv", path / "run.json") if path.is_dir() else (path, path.with_suffix(".json"))


def read(path: Path) -> Table:
    """Return the record, with what else is known of the run. Raises InputError for a folder with a part missing or damaged."""
    record, source = files(path)
    about = read_json(source)
    missing = [key for key in KEPT if key not in about]
    if missing:
        raise InputError(f"{source}: lacks the field '{missing[0]}'")
    exact = about["flops_per_token"]
    known = {key: about[key] for key in KEPT} | {
        "flops_per_token": exact["exact"] if isinstance(exact, dict) else exact
    }
    return replace(csv.read(record), about=known)
