"""Our own run folders, also while the run goes on, and the curves in `results/`: NAME.csv with NAME.json beside it."""

from dataclasses import replace
from pathlib import Path

from losslaws.curves.about import REQUIRED, read_about
from losslaws.curves.logs import csv
from losslaws.curves.logs.table import Table


def matches(path: Path) -> bool:
    record, about = files(path)
    return record.suffix == ".csv" and record.is_file() and about.is_file()


def files(path: Path) -> tuple[Path, Path]:
    """Return where the per-step record and what is known of the run lie."""
    return (path / "curve.csv", path / "run.json") if path.is_dir() else (path, path.with_suffix(".json"))


def read(path: Path) -> Table:
    """Return the record, with what else is known of the run. Raises InputError for a folder with a part missing or damaged."""
    record, source = files(path)
    about = read_about(source)
    return replace(csv.read(record), about={key: about[key] for key in REQUIRED})
