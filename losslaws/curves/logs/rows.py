"""Which rows of a table are of the run: one rank of several, one run of several; columns of losses told apart by a column of words.

A column tells things apart where the log holds several values at most steps, but one value for each step and each entry of that column:
ranks, of which one is read; sets, whose losses get columns of their own; runs, of which one must be chosen.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError, nearest
from losslaws.curves.logs import names
from losslaws.curves.logs.roles import steps_of
from losslaws.curves.logs.table import Column, Table

SPLITS = names.vocabulary("split mode phase stage subset partition set kind type prefix dataset event loop section")
RUNS = frozenset(["run", "run name", "run id", "name", "experiment", "trial", "id", "exp", "experiment name"])
NUMBERED = frozenset(["run", "run id", "trial", "seed", "experiment"])
# what names a run; where every row has another one, rows are runs
OF_ONE = RUNS - {"id"} | {"trial id", "trial name", "model", "model name", "config", "seed"}
# what stands beside the name in a table that has one row for each run
OF_RUNS = names.vocabulary(
    "state status created runtime duration user tags sweep notes started ended source host hostname group"
) | {"start time", "end time", "run id", "created at", "start", "end"}
METRICS = names.vocabulary("metric tag key variable name series")
FLAG = names.SIDES | {"is", "in", "mode", "step", "phase"}  # words of a column that is true of rows of one side
LINES, FIRST = "lines begin with", "first number"  # columns of text logs, see text.py
SEVERAL = 3  # rows of a table of runs
MANY = 64  # ranks, sets or runs that a column tells apart at most
REPEATED, FEW = (
    0.2,
    0.02,
)  # share of steps with several values from which on it is asked what they are; where a column says so
SPREAD = 0.1  # share of those that may be left within one entry


def of_one_run(table: Table, path: Path, part: str | None, notes: list[str]) -> Table:
    """Return the rows of one run, and of one rank. Raises InputError for a table of runs, and for several runs."""
    refuse_table_of_runs(table, path)
    table = by_flag(long_to_wide(one_part(table, path, part, notes)))
    return told_apart(by_side(table), path, part, notes)


def spelled(name: str) -> str:
    return " ".join(names.split(name))


def refuse_table_of_runs(table: Table, path: Path) -> None:
    """Raise InputError for a table with one row for every run."""
    everything = [*table.columns, *table.words]
    about = {spelled(name) for name in everything} & OF_RUNS
    for name in everything:
        kind = spelled(name)
        if kind not in OF_ONE | RUNS:
            continue
        entries = list(entries_of(table, name).values())
        different = len(set(entries))
        several = len(entries) > 1 and different > 0.5 * len(entries)  # a name may have been given twice
        one_each = kind in OF_ONE and len(entries) >= SEVERAL and different == len(entries) == table.rows
        if one_each or (kind in RUNS and name in table.words and several and len(about - {kind}) > 1):
            beside = ", ".join(sorted(about - {kind})[:3])
            raise InputError(
                f"{path}: is a table of {len(entries)} runs, one row each ('{name}'{beside and ', '}{beside}), and no "
                "history; give the history of one run, e.g. an exported chart or wandb:ENTITY/PROJECT/RUN"
            )


def entries_of(table: Table, name: str) -> dict[int, str]:
    """Return what a column says of each row, as text; of numbers only where they are whole, and few or of a column that numbers runs."""
    found = dict(table.words.get(name, {}))
    if name not in table.columns:
        return found
    column, labels = table.columns[name], table.labels.get(name)
    value = column.value[:: max(column.value.size // 1000, 1)]
    if spelled(name) not in NUMBERED | OF_ONE and np.unique(value).size > MANY:
        return found
    texts = {v: labels[int(v)] if labels else f"{v:g}" for v in np.unique(column.value).tolist()}
    return found | {row: texts[v] for row, v in zip(column.row.tolist(), column.value.tolist(), strict=True) if v == v}


def one_part(table: Table, path: Path, part: str | None, notes: list[str]) -> Table:
    """Return the rows of the run that `part` names, where a column named as such tells several apart."""
    for name in [*table.words, *table.columns]:
        if spelled(name) not in (RUNS if name in table.words else NUMBERED):
            continue
        labels = entries_of(table, name)
        runs = list(dict.fromkeys(labels.values()))
        losses = {row for n, c in table.columns.items() if names.is_loss(n) for row in c.row.tolist()}
        seen = [run for run in runs if sum(labels.get(row) == run for row in losses) > 1] if len(runs) > 1 else runs
        if len(seen) < 2 or any(names.is_loss(run) for run in seen):
            continue
        return of_run(table, path, name, labels, seen, part, notes)
    return table


def of_run(table: Table, path: Path, name: str, labels: dict, runs: list[str], part: str | None, notes: list) -> Table:
    """Return the rows of the run `part` of those in column `name`. Raises InputError where it is none of them."""
    if part not in runs:
        some = ", ".join(run[:40] for run in runs[:6])
        hint = nearest(part, runs) if part else ""
        raise InputError(
            f"{path}: holds {len(runs)} runs in column '{name}': {some}; choose one with --part NAME{hint}"
        )
    notes.append(f"the rows of run '{part}' in column '{name}' are used, those of {len(runs) - 1} other runs left out")
    return chosen(table, np.array([labels.get(row) in (part, None) for row in range(table.rows)]))


def chosen(table: Table, keep: np.ndarray) -> Table:
    """Return the table without the values of rows that are not kept."""
    columns = {n: Column(c.row[keep[c.row]], c.value[keep[c.row]]) for n, c in table.columns.items()}
    words = {name: {row: word for row, word in of.items() if keep[row]} for name, of in table.words.items()}
    return replace(table, columns={n: c for n, c in columns.items() if c.row.size}, words=words)


def by_flag(table: Table) -> Table:
    """Return the table with a column "split" in place of one that is true of rows of one side: "is_eval", "val", "training"."""
    for name in [*table.words, *table.columns]:
        words = set(names.split(name))
        if not words <= FLAG or not words & names.SIDES or "split" in table.words:
            continue
        said = {row: word.lower() for row, word in table.words.get(name, {}).items()}
        if name in table.columns:
            column = table.columns[name]
            said |= {r: f"{v:g}" for r, v in zip(column.row.tolist(), column.value.tolist(), strict=True)}
        if not said or not set(said.values()) <= {"true", "false", "1", "0"}:
            continue
        here, there = ("val", "train") if words & names.VALIDATION else ("train", "val")
        columns = {n: c for n, c in table.columns.items() if n != name}
        odd = {n: entry for n, entry in table.odd.items() if n != name}
        split = {row: here if word in ("true", "1") else there for row, word in said.items()}
        return replace(table, columns=columns, odd=odd, words=table.words | {"split": split})
    return table


def by_side(table: Table) -> Table:
    """Return the table with losses in columns of their own where a column of words says on which set they were taken."""
    for name, labels in table.words.items():
        sides = {word: set(names.split(word)) & names.SIDES for word in set(labels.values())}
        both = (len(sides) > 1 and not all(sides.values())) or len(set(map(frozenset, sides.values()))) > 1
        named = spelled(name).split(" ")[-1] in SPLITS
        if not any(sides.values()) or not (named or (both and len(sides) <= MANY)):
            continue
        return with_sets(
            table, labels, lambda one: not set(names.split(one)) & names.SIDES, set(filter(sides.get, sides))
        )
    return table


def with_sets(table: Table, labels: dict[int, str], which, named: set[str]) -> Table:
    """Return the table with a column "LABEL/LOSS" for every label in `named` and every column of losses that `which` takes."""
    columns = {}
    for one, column in table.columns.items():
        if not names.is_loss(one) or not which(one):
            columns[one] = column
            continue
        said = np.array([labels.get(row, "") for row in column.row.tolist()])
        for word in dict.fromkeys(said.tolist()):
            mine = said == word
            columns[f"{word}/{one}" if word in named else one] = Column(column.row[mine], column.value[mine])
    return replace(table, columns=columns)


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


def told_apart(table: Table, path: Path, part: str | None, notes: list[str]) -> Table:
    """Return the table of one rank, with a column for each set. Raises InputError for several runs."""
    step = steps_of(table)
    for name, labels, losses in telling(table, step):
        different = list(dict.fromkeys(labels.values()))
        if is_rank(name, different):
            first = min(different, key=lambda label: [int(digits) for digits in re.findall(r"\d+", label)])
            notes.append(
                f"{len(different)} ranks wrote this log, told apart by '{name}'; the lines of {first} are used"
            )
            return chosen(table, np.array([labels.get(row) in (first, None) for row in range(table.rows)]))
        if all(names.role(metric).side == "val" for metric in losses):
            return with_sets(table, labels, losses.__contains__, set(different))
        return of_run(table, path, name, labels, different, part, notes)
    return table


def telling(table: Table, step: np.ndarray) -> Iterator[tuple[str, dict[int, str], list[str]]]:
    """Yield columns that tell apart values at one step, with their entries and the losses that they tell apart."""
    shares = {n: repeats(step[c.row], c.value) for n, c in table.columns.items() if names.is_loss(n)}
    if not any(share > FEW for share in shares.values()):
        return
    known = {name: names.role(name) for name in [*table.words, *table.columns]}
    names_of = [n for n, role in known.items() if role is None or role.kind == "rank" or n == FIRST]
    for name in sorted(names_of, key=lambda name: known[name] is None):
        if set(names.split(name)) & (names.SMALL - {"local"} | {"accum", "accumulation"}):
            continue  # micro-batches of one step
        labels = entries_of(table, name)
        if not 1 < len(set(labels.values())) <= min(MANY, len(labels) - 1):
            continue
        least = FEW if spelled(name).split(" ")[-1] in SPLITS else REPEATED
        here = [one for one, share in shares.items() if share > least and apart(table.columns[one], step, labels)]
        if here:
            yield name, labels, here


def repeats(step: np.ndarray, value: np.ndarray) -> float:
    """Return the share of steps with several values that differ."""
    some = np.isfinite(step) & np.isfinite(value)
    step, value = step[some], value[some]
    if step.size < 2 or np.all(np.diff(step) > 0):
        return 0.0
    order = np.lexsort([value, step])
    new_step, new_value = np.diff(step[order]) > 0, np.diff(value[order]) != 0
    return float(np.unique(step[order][1:][~new_step & new_value]).size / (new_step.sum() + 1))


def apart(column: Column, step: np.ndarray, labels: dict[int, str]) -> bool:
    """Whether every entry of a column of `labels` has one value a step, as `column` has not."""
    said = np.array([labels.get(row, "") for row in column.row.tolist()])
    within = [repeats(step[column.row[said == label]], column.value[said == label]) for label in set(said.tolist())]
    return len(within) > 1 and max(within) <= SPREAD


def is_rank(name: str, labels: list[str]) -> bool:
    """Whether labels differ only in their numbers, in a column that names ranks or in what lines begin with."""
    role = names.role(name)
    if not (role and role.kind == "rank") and name not in (LINES, FIRST):
        return False
    return len({re.sub(r"\d+", "0", label) for label in labels}) == 1 and bool(re.search(r"\d", labels[0]))
