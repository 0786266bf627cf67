"""MLflow's stores: the folder of a run, of an experiment or mlruns itself, and mlflow.db."""

from collections.abc import Iterator
from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.logs import sqlite
from losslaws.curves.logs.folders import several
from losslaws.curves.logs.source import Source
from losslaws.curves.logs.table import Table, collect


def matches(source: Source) -> bool:
    if source.is_dir:
        return bool(runs_in(source.path))
    return {"key", "value", "step", "run_uuid", "timestamp"} <= sqlite.tables(source).get("metrics", set())


def runs_in(folder: Path) -> list[Path]:
    """Return the folders of runs that `folder` is or holds."""
    return [
        found.parent
        for depth in ("", "*/", "*/*/")
        for found in sorted(folder.glob(f"{depth}metrics"))
        if found.is_dir() and (found.parent / "meta.yaml").is_file()
    ]


def read(source: Source) -> Table:
    """Return the metrics of the run, or of all runs of a database. Raises InputError for a folder with several."""
    if not source.is_dir:
        return collect(source.path, stored(source))
    runs = runs_in(source.path)
    if len(runs) > 1:
        raise InputError(several(source.path, runs))
    return collect(source.path, logged(source, runs[0] / "metrics"))


def stored(source: Source) -> Iterator[dict]:
    """Yield a row for every value in a database; NaN has a column of its own there."""
    nan = "is_nan" if "is_nan" in sqlite.tables(source)["metrics"] else "0"
    query = f"SELECT run_uuid, key, value, step, {nan} FROM metrics ORDER BY run_uuid, timestamp, step"
    for run, key, value, step, is_nan in sqlite.rows(source.path, query):
        yield {"run_id": run, "step": step, str(key): float("nan") if is_nan else value}


def logged(source: Source, metrics: Path) -> Iterator[dict]:
    """Yield a row for every line "time value step" of the files of a run's folder."""
    for file in sorted(path for path in metrics.rglob("*") if path.is_file()):
        name = str(file.relative_to(metrics))
        for lines, unended in source.inside(file).lines():
            for line in lines:
                entries = line.split()
                if len(entries) == 3:
                    yield {"step": entries[2], name: entries[1]}
                elif entries and not unended:
                    raise InputError(f"{file}: holds a line that is not 'time value step'; copy the file anew")
