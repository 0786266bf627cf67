"""Which column of a log is which: by the names that training libraries give them, or as named by the user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError, nearest
from losslaws.curves.logs import names
from losslaws.curves.logs.table import Column, Table

ROLES = ("step", "lr", "val_loss", "train_loss")
SOME = 0.05  # of the entries of the fullest column alike; one with fewer, as a summary at the end, is no choice
EQUAL, EQUAL_RATES = 1e-4, 6e-3  # relative; columns that differ by less are the same, since logs round


@dataclass(frozen=True)
class Picked:
    """The columns of a log by what they are.

    steps            candidates for the count of steps, the best first; one where the user names it
    epoch, val_step  the column of epochs; a count of steps of validation's own
    lr, val_loss, train_loss  columns; several are pieces of one run to be joined
    others           by role, columns that could have been taken
    unit             of the losses taken: "nats", "perplexity" or "bits", by their names
    perplexity       by role, a column of perplexities of the same losses, with its name
    """

    steps: list[str]
    epoch: str | None
    val_step: str | None
    lr: list[str]
    val_loss: list[str]
    train_loss: list[str]
    others: dict[str, list[str]] = field(default_factory=dict)
    unit: dict[str, str] = field(default_factory=dict)
    perplexity: dict[str, tuple[str, Column]] = field(default_factory=dict)

    @property
    def used(self) -> dict[str, str]:
        """The column of every role that the log has."""
        found = {"step": self.steps[:1], "lr": self.lr, "val_loss": self.val_loss, "train_loss": self.train_loss}
        return {role: " + ".join(columns) for role, columns in found.items() if columns}


def pick(table: Table, path: Path, named: Mapping[str, str | Sequence[str]], given: bool) -> Picked:
    """Return the columns by role. `given`: the rates are known otherwise. Raises InputError where the log has no step or loss, or
    two of a kind that differ."""
    columns = dict.fromkeys([*table.columns, *table.odd])
    wanted = {}
    for role, column in named.items():
        if role not in ROLES:
            raise InputError(f"columns: '{role}' is unknown{nearest(role, ROLES)} (known: {', '.join(ROLES)})")
        wanted[role] = [column] if isinstance(column, str) else list(column)
        for one in wanted[role]:
            if one not in columns:
                raise InputError(f"{path}: has no column '{one}'{nearest(one, columns)} (it has {some(columns)})")
    known = {column: role for column in columns if (role := names.role(column))}
    rates = [role for role in known.values() if role.kind == "lr"]
    if rates and all(rate.rank == 2 for rate in rates):
        # beside rates of other groups, "lr_decay" is that of the group with weight decay
        known |= {column: names.Role("lr", rank=2, name="decay") for column in columns if names.decayed(column)}
    kinds = lambda kind, side="": [c for c, r in known.items() if r.kind == kind and r.side == side]  # noqa: E731
    steps = wanted.get("step") or sorted(kinds("step"), key=lambda column: known[column].rank)
    others, unit = {"step": steps[1:]}, {}
    found = {"lr": wanted.get("lr", []) or ([] if given else best(table, path, kinds("lr"), known, "lr", others))}
    for side in ("val", "train"):
        role = f"{side}_loss"
        for kind, called in (("loss", "nats"), ("bits", "bits"), ("perplexity", "perplexity")):
            if role in wanted or found.get(role):
                break
            found[role] = best(table, path, kinds(kind, side), known, role, others, soft=bool(found.get("val_loss")))
            unit[role] = called
        found[role] = wanted.get(role, found.get(role, []))
        if role in wanted:
            first = known.get(found[role][0])
            unit[role] = first.kind if first and first.kind in ("bits", "perplexity") else "nats"
    losses = found["val_loss"] or found["train_loss"]
    val_steps = kinds("step", "val")
    if not losses and columns:
        raise InputError(f"{path}: no column is a loss among {some(columns)}; name it (val_loss=COLUMN)")
    if not steps and not val_steps:
        raise InputError(no_steps(path, columns, kinds("epoch"), kinds("tokens")))
    return Picked(
        steps or val_steps,
        *(next(iter(c), None) for c in (kinds("epoch"), val_steps)),
        **found,
        others=others,
        unit=unit,
        perplexity={
            f"{side}_loss": (name, table.columns[name])
            for side in ("train", "val")
            for name in kinds("perplexity", side)[:1]
            if name in table.columns
        },
    )


def no_steps(path: Path, columns, epochs: list[str], tokens: list[str]) -> str:
    """Return what to say of a log without a count of steps."""
    for column, unit in ((epochs, "steps of an epoch"), (tokens, "1/TOKENS, the tokens of a step")):
        if column:
            return (
                f"{path}: counts no steps of the optimiser, but '{column[0]}'; say how many steps one of it is, e.g. "
                f"--columns step={column[0]} --step-unit N ({unit})"
            )
    if not columns:
        return f"{path}: no column holds a number; is it a log, and has the run begun?"
    return f"{path}: no column counts the steps among {some(columns)}; name it (step=COLUMN)"


def best(
    table: Table, path: Path, columns: list[str], known, role: str, others: dict[str, list[str]], soft: bool = False
) -> list[str]:
    """Return the best of columns that may play `role`, or none; `soft`: the choice is of no consequence.

    Raises InputError where several are as good, and differ.
    """
    full = [c for c in columns if c in table.columns]
    if not full:
        return columns[:1]
    most = max(table.columns[c].row.size for c in full)
    rank = min(known[c].rank for c in full)
    alike = [c for c in full if known[c].rank == rank and table.columns[c].row.size >= SOME * most] or [
        c for c in full if known[c].rank == rank
    ]
    alike.sort(key=lambda c: (known[c].name, -table.columns[c].row.size))
    if role == "train_loss" and len({names.run(c) for c in alike}) == 1:
        alike.sort(key=lambda c: -table.columns[c].row.size)
        overlap = [c for c in alike[1:] if np.intersect1d(table.columns[c].row, table.columns[alike[0]].row).size]
        alike = alike[:1] + ([] if soft else overlap)
    first, *rest = alike
    step, near = steps_of(table), EQUAL_RATES if role == "lr" else EQUAL
    of_first = table.columns[first]
    if any(differ(of_first, table.columns[c], step, near) or piece(c, first, table) for c in rest):
        pieces = f", or all pieces of one run ({role}=COLUMN {role}=COLUMN)" if names.run(first) else ""
        raise InputError(
            f"{path}: {len(alike)} columns may be the {role}: {some(alike)}; name one ({role}=COLUMN){pieces}"
        )
    others[role] = [c for c in columns if c != first]
    return [first]


def piece(name: str, first: str, table: Table) -> bool:
    """Whether a column is of another run than column `first`, and has values where that has none, as pieces of one run have."""
    return names.run(name) != names.run(first) and bool(
        np.setdiff1d(table.columns[name].row, table.columns[first].row).size
    )


def steps_of(table: Table) -> np.ndarray:
    """Return the step of every row as the best of its counters says, of a row without one the step last named."""
    ranked = [(role.rank, name) for name in table.columns if (role := names.role(name)) and role.kind == "step"]
    if not ranked:
        return np.arange(table.rows, dtype=float)
    step = table.columns[min(ranked)[1]].dense(table.rows)
    known = np.flatnonzero(np.isfinite(step))
    return (
        step[known[np.maximum(np.searchsorted(known, np.arange(step.size), side="right") - 1, 0)]]
        if known.size
        else step
    )


def differ(a: Column, b: Column, step: np.ndarray, near: float) -> bool:
    """Whether two columns are not the same where both have a value, in one row or at one step, or have none in common."""
    rows, i, j = np.intersect1d(a.row, b.row, return_indices=True)
    if not rows.size:
        rows, i, j = np.intersect1d(step[a.row], step[b.row], return_indices=True)
    with np.errstate(invalid="ignore"):
        return not rows.size or not np.allclose(a.value[i], b.value[j], rtol=near, atol=0, equal_nan=True)


def some(columns, most: int = 8) -> str:
    """Return the first names in words."""
    shown = [name[:40] for name in columns]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "") or "no columns"
