"""`trainer_state.json`, which transformers' Trainer writes into every checkpoint; also the checkpoint's folder."""

import json
from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.logs.table import Table, collect

NAME = "trainer_state.json"


def matches(path: Path) -> bool:
    return (path / NAME).is_file() or (path.is_file() and path.suffix.lower() == ".json")


def read(path: Path) -> Table:
    """Return the log history. Raises InputError for a file without one."""
    path = path / NAME if path.is_dir() else path
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not valid JSON ({str(error)[:120]}); copy the file anew") from None
    history = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(history, list) or not history or not all(isinstance(row, dict) for row in history):
        raise InputError(f"{path}: has no rows in 'log_history'; give a {NAME} of transformers' Trainer")
    return collect(row for row in history if "train_runtime" not in row)  # the summary at the end repeats a step
