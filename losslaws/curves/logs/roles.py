"""Which column of a log is which: by the names that training libraries give them, or as named by the user."""

import re
from pathlib import Path

from losslaws.curves.errors import InputError, nearest
from losslaws.curves.logs.table import Table

# in order of preference, as `plain` writes them
KNOWN = {
    "step": (
        "global_step",
        "trainer_global_step",
        "train_global_step",
        "step",
        "train_step",
        "iter",
        "iteration",
        "iterations",
        "steps",
        "optimizer_step",
        "update",
        "updates",
        "num_updates",
        "it",
        "_step",  # W&B's own, which counts the calls that log
    ),
    "lr": (
        "lr",
        "learning_rate",
        "train_lr",
        "train_learning_rate",
        "optim_lr",
        "optim_learning_rate_group0",
        "learning_rate_group0",
        "lr_adamw",
        "lr_adam",
        "rate",
    ),
    "val_loss": (
        "val_loss",
        "eval_loss",
        "valid_loss",
        "validation_loss",
        "loss_val",
        "loss_eval",
        "loss_valid",
        "loss_validation",
        "lm_loss_validation",
    ),
    "train_loss": (
        "train_loss",
        "loss",
        "training_loss",
        "loss_train",
        "lm_loss",
        "train_lm_loss",
        "train_crossentropyloss",
        "train_ce_loss",
        "step_loss",
    ),
}


def plain(name: str) -> str:
    """Return `name` in small letters, one underscore between words, without the name of the run before " - "."""
    return re.sub(r"[^a-z0-9]+", "_", name.rsplit(" - ", 1)[-1].strip().lower()).rstrip("_")


def pick(table: Table, path: Path, named: dict[str, str]) -> dict[str, str]:
    """Return the column of every role that the log has. Raises InputError where it has no step or loss, or two of a kind."""
    columns = dict.fromkeys([*table.columns, *table.odd])
    for role, column in named.items():
        if role not in KNOWN:
            raise InputError(f"columns: '{role}' is unknown{nearest(role, KNOWN)} (known: {', '.join(KNOWN)})")
        if column not in columns:
            raise InputError(f"{path}: has no column '{column}'{nearest(column, columns)} (it has {some(columns)})")
    found = {role: named.get(role) or recognise(role, columns, path) for role in KNOWN}
    found = {role: column for role, column in found.items() if column is not None}
    if "step" not in found:
        raise InputError(f"{path}: no column counts the steps among {some(columns)}; name it (step=COLUMN)")
    if "val_loss" not in found and "train_loss" not in found:
        raise InputError(f"{path}: no column is a loss among {some(columns)}; name it (val_loss=COLUMN)")
    return found


def recognise(role: str, columns, path: Path) -> str | None:
    """Return the column that plays `role`, or None. Raises InputError where several runs have one each."""
    for known in KNOWN[role]:
        match = [column for column in columns if plain(column) == known]
        if len(match) > 1:
            raise InputError(f"{path}: {len(match)} columns may be the {role}: {some(match)}; name one ({role}=COLUMN)")
        if match:
            return match[0]
    return None


def some(columns, most: int = 8) -> str:
    """Return the first names in words."""
    names = [name[:40] for name in columns]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "") or "no columns"
