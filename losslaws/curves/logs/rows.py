"""Which rows of a table are of the run: one rank of several, one run of several; columns of losses told apart by a column of words."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError, nearest
from losslaws.curves.logs import names
from losslaws.curves.logs.table import Column, Table

SPLITS = names.vocabulary("split mode phase stage subset partition set kind type prefix dataset")
RUNS = frozenset(["run", "run name", "run id", "name", "experiment", "trial", "id", "exp", "experiment name"])
NUMBERED = frozenset(["run", "run id", "trial", "seed", "experiment"])
# what stands beside the name in a table that has one row for each run
OF_RUNS = names.vocabulary(
    "state status created runtime duration user tags sweep notes started ended source host hostname group"
) | {"start time", "end time", "run id", "created at", "start", "end"}
METRICS = names.vocabulary("metric tag key variable name series")


def of_one_run(table: Table, path: Path, part: str | None, notes: list[str]) -> Table:
    """Return the rows of one run, and of one rank. Raises InputError for a table of runs, and for several runs."""
    refuse_table_of_runs(table, path)
    return by_side(long_to_wide(one_rank(one_part(table, path, part, notes), notes)))


def spelled(name: str) -> str:
    return " ".join(names.split(name))


def refuse_table_of_runs(table: Table, path: Path) -> None:
    """Raise InputError for a table with one row for every run."""
    everything = [*table.columns, *table.words]
    about = {spelled(name) for name in everything} & OF_RUNS
    for name, words in table.words.items():
        several = len(words) > 1 and len(set(words.values())) > 0.5 * len(words)  # a name may have been given twice
        if spelled(name) in RUNS and several and len(about - {spelled(name)}) > 1:
            raise InputError(
                f"{path}: is a table of {len(words)} runs, one row each ('{name}', {', '.join(sorted(about)[:3])}), and no "
                "history; give the history of one run, e.g. an exported chart or wandb:ENTITY/PROJECT/RUN"
            )


def one_part(table: Table, path: Path, part: str | None, notes: list[str]) -> Table:
    """Return the rows of the run that `part` names, where a column tells several apart."""
    for name in [*table.words, *table.columns]:
        labels = dict(table.words.get(name, {}))
        if spelled(name) in NUMBERED and name in table.columns:
            column = table.columns[name]
            if np.all(column.value == np.floor(column.value)):
                labels |= {int(row): f"{value:.0f}" for row, value in zip(column.row, column.value, strict=True)}
        elif spelled(name) not in RUNS:
            continue
        runs = list(dict.fromkeys(labels.values()))
        losses = {row for n, c in table.columns.items() if names.is_loss(n) for row in c.row.tolist()}
        seen = [run for run in runs if sum(labels.get(row) == run for row in losses) > 1] if len(runs) > 1 else runs
        if len(seen) < 2 or any(names.is_loss(run) for run in seen):
            continue
        if part not in seen:
            some = ", ".join(run[:40] for run in seen[:6])
            hint = nearest(part, seen) if part else ""
            raise InputError(
                f"{path}: holds {len(seen)} runs in column '{name}': {some}; choose one with --part NAME{hint}"
            )
        notes.append(
            f"the rows of run '{part}' in column '{name}' are used, those of {len(seen) - 1} other runs left out"
        )
        return chosen(table, np.array([labels.get(row) in (part, None) for row in range(table.rows)]))
    return table


def one_rank(table: Table, notes: list[str]) -> Table:
    """Return the rows of the lowest rank where several wrote, and those that name none."""
    ranks = next((c for n, c in table.columns.items() if (r := names.role(n)) and r.kind == "rank"), None)
    if ranks is None or np.unique(ranks.value).size < 2:
        return table
    lowest = ranks.value.min()
    notes.append(f"{np.unique(ranks.value).size} ranks wrote this log; the lines of rank {lowest:.0f} are used")
    rank = ranks.dense(table.rows)
    return chosen(table, np.isnan(rank) | (rank == lowest))


def chosen(table: Table, keep: np.ndarray) -> Table:
    """Return the table without the values of rows that are not kept."""
    columns = {n: Column(c.row[keep[c.row]], c.value[keep[c.row]]) for n, c in table.columns.items()}
    words = {name: {row: word for row, word in of.items() if keep[row]} for name, of in table.words.items()}
    return replace(table, columns={n: c for n, c in columns.items() if c.row.size}, words=words)


def by_side(table: Table) -> Table:
    """Return the table with losses in columns of their own where a column of words says on which set they were taken."""
    for name, labels in table.words.items():
        sides = {word: set(names.split(word)) & names.SIDES for word in set(labels.values())}
        if spelled(name).split(" ")[-1] not in SPLITS or not any(sides.values()):
            continue
        columns = {}
        for one, column in table.columns.items():
            if not names.is_loss(one) or set(names.split(one)) & names.SIDES:
                columns[one] = column
                continue
            said = np.array([labels.get(row, "") for row in column.row.tolist()])
            for word in dict.fromkeys(said.tolist()):
                mine = said == word
                label = f"{word}/{one}" if sides.get(word) else one
                columns[label] = Column(column.row[mine], column.value[mine])
        return replace(table, columns=columns)
    return table


def long_to_wide(table: Table) -> Table:
    """Return the table with a column for every metric where each row holds one metric: its name and its "value"."""
    value = next((name for name in table.columns if spelled(name) == "value"), None)
    for name, labels in table.words.items():
        metrics = set(labels.values())
        if value is None or spelled(name) not in METRICS or not any(map(names.is_loss, metrics)):
            continue
        column, columns = table.columns[value], dict(table.columns)
        del columns[value]
        said = np.array([labels.get(row, "") for row in column.row.tolist()])
        for metric in sorted(metrics):
            columns[metric] = Column(column.row[said == metric], column.value[said == metric])
        return replace(table, columns=columns)
    return table
