"""This project's own records: run folders, also while the run goes on, and the curves in `results/`: NAME.csv with NAME.json beside it."""

from dataclasses import replace
from pathlib import Path

from losslaws.curves.about import REQUIRED, read_about
from losslaws.curves.logs import csv
from losslaws.curves.logs.source import Source
from losslaws.curves.logs.table import Table


def matches(source: Source) -> bool:
    record, about = files(source.path)
    return record.suffix == ".csv" and record.is_file() and about.is_file()


def files(path: Path) -> tuple[Path, Path]:
    """Return where the per-step record and what is known of the run lie."""
    return (path / "curve.csv", path / "run.json") if path.is_dir() else (path, path.with_suffix(".json"))


def read(source: Source) -> Table:
    """Return the record, with what else is known of the run. Raises InputError for a folder with a part missing or damaged."""
    record, beside = files(source.path)
    about = read_about(beside)
    return replace(csv.read(source.inside(record)), about={key: about[key] for key in REQUIRED})
