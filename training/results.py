"""What a sweep leaves for the analysis."""

import sys
from pathlib import Path

import pandas as pd

from losslaws.curves import InputError
from losslaws.curves.files import write_table
from losslaws.curves.names import NAME
from losslaws.curves.store import FILE, FOLDER, kept_names, load_folder, save_folder
from training.cells import Cell
from training.sweep import Sweep

SHOWN = 10  # cells that are named where some are left out, or their curves removed


def collect(sweep: Sweep, results: Path) -> dict[str, str]:
    """Write every finished cell's LossCurve to RESULTS/curves.parquet and a table of these runs to RESULTS/runs.csv.

    Returns why each other cell was left out. What an earlier collection of this sweep left of such a cell stays; of other
    files only curves that an earlier table of this sweep lists are removed, with a warning that names them. Raises InputError where nothing is
    complete, and for the results of another sweep.
    """
    before = listed(sweep, results)
    kept = load_folder(results) if (results / FILE).exists() else {}
    curves = {name: curve for name, curve in kept.items() if name in sweep.cells}
    rows, left = [], {}
    for name, cell in sweep.cells.items():
        try:
            end = cell.folder.complete
            if end is None:
                left[name] = "is not complete"
                continue
            if end["final_loss"] is not None:
                curves[name] = cell.folder.curve(name, cell.role, cell.line)
            rows.append(row(sweep.name, name, cell, end))
        except InputError as error:
            left[name] = str(error)
    if not rows:
        name, why = next(iter(left.items()))
        raise InputError(
            f"sweep '{sweep.name}': cell '{name}' {why}, nor can any other be collected; run `python -m training run {sweep.name}` first"
        )
    older = before & {path.stem for path in (results / FOLDER).glob("*.csv")}  # as curves were kept before
    say_gone(sweep, results, sorted((kept.keys() | older) - sweep.cells.keys()))
    save_folder(results, curves.values())
    for name in before:
        for ending in (".csv", ".json"):
            (results / FOLDER / f"{name}{ending}").unlink(missing_ok=True)
    if (results / FOLDER).is_dir() and not any((results / FOLDER).iterdir()):
        (results / FOLDER).rmdir()
    write_table(pd.DataFrame(rows), results / "runs.csv")
    return left


def say_gone(sweep: Sweep, results: Path, gone: list[str]) -> None:
    """Name the curves that are removed, of many the first."""
    if gone:
        names = ", ".join(gone[:SHOWN]) + (f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else "")
        line = f"curves of cells that sweep '{sweep.name}' no longer has are removed ({names})"
        print(f"warning: {results}: {line}", file=sys.stderr)


def row(sweep: str, name: str, cell: Cell, end: dict) -> dict:
    """A cell's line of the table."""
    return {
        "cell": name,
        "role": cell.role,
        "model": cell.settings["model"]["name"],
        "non_embedding": cell.counts["non_embedding"],
        "schedule": cell.schedule.name,
        "peak_lr": cell.schedule.peak,
        "seed": cell.settings["seed"],
        "steps": cell.schedule.steps,
        "trained_steps": cell.trained_steps,
        "parent": cell.parent or "",
        "branch": cell.branch,
        "tokens_per_step": cell.tokens_per_step,
        "flops": cell.flops_per_step * cell.schedule.steps,
        "status": end["status"],
        "final_loss": end["final_loss"],
        "sweep": sweep,
    }


def listed(sweep: Sweep, results: Path) -> set[str]:
    """The cells of the table that this sweep has left in `results` before.

    Raises InputError for the table of another sweep, whose curves must not be mixed with these, and for curves that are in
    no table, which would be lost. Another sweep may have the same name, and older tables do not say whose they are: a table is
    this sweep's where any of its cells has the same name and steps.
    """
    path = results / "runs.csv"
    names = table_of(sweep, path) if path.exists() else set()
    if others := kept_names(results) - names - sweep.cells.keys():
        raise InputError(
            f"{results}: {FILE} holds curves that no table of this sweep lists ({ascii(min(others))[1:-1][:80]}); choose another --results"
        )
    return names


def table_of(sweep: Sweep, path: Path) -> set[str]:
    """The cells of a table, which must be one of this sweep."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError as error:  # no UTF-8, or no table
        raise InputError(f"{path}: is not a CSV table ({str(error).splitlines()[0]}); remove it") from None
    if not {"cell", "steps"} <= set(table):
        raise InputError(f"{path}: is no table of a sweep's runs; choose another --results")
    others = set(table["sweep"]) - {sweep.name} if "sweep" in table else set()
    ours = {(name, str(cell.schedule.steps)) for name, cell in sweep.cells.items()}
    if not others and not ours & set(zip(table["cell"], table["steps"], strict=True)):
        others = {f"none of its cells is one of '{sweep.name}'"}
    if others:
        raise InputError(
            f"{path.parent}: holds the runs of another sweep ({ascii(min(others))[1:-1][:80]}); choose another --results"
        )
    return {name for name in table["cell"] if NAME.fullmatch(name)}
