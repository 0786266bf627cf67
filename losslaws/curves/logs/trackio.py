"""trackio's store: a SQLite database for every project, a row with an object for every logged step."""

import json
from collections.abc import Iterator

from losslaws.curves.errors import InputError
from losslaws.curves.logs import sqlite
from losslaws.curves.logs.source import Source
from losslaws.curves.logs.table import Table, collect


def matches(source: Source) -> bool:
    return {"run_name", "step", "metrics"} <= sqlite.tables(source).get("metrics", set())


def read(source: Source) -> Table:
    """Return what all runs of the project logged. Raises InputError for a damaged database."""
    return collect(source.path, records(source))


def records(source: Source) -> Iterator[dict]:
    """Yield {"run_name": ..., "step": ..., metric: value, ...} for every logged step."""
    query = "SELECT run_name, step, metrics FROM metrics ORDER BY run_name, id"
    if "id" not in sqlite.tables(source)["metrics"]:
        query = "SELECT run_name, step, metrics FROM metrics ORDER BY run_name, timestamp"
    for run, step, metrics in sqlite.rows(source.path, query):
        try:
            logged = json.loads(metrics)
        except (TypeError, ValueError, RecursionError):
            logged = None
        if not isinstance(logged, dict):
            raise InputError(f"{source.path}: holds a row of 'metrics' that is no JSON object; copy the database anew")
        yield {"run_name": run, **logged, "step": step}
