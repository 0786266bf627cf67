"""Folders that hold a log: transformers' Trainer's output or checkpoint, Lightning's, a metrics.jsonl, nested TensorBoard runs."""

import re
from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.logs.source import Source
from losslaws.curves.logs.table import Table

STATE = "trainer_state.json"
NAMES = (
    "metrics.jsonl", "metrics.csv", "trainer_log.jsonl", "log.jsonl", "train.jsonl", "log.csv", "main.log", "train.log", "log.txt", "metrics.json", "history.json",
)  # fmt: skip
CHECKPOINT = re.compile(r"checkpoint-(\d+)")
MOST = 10_000  # files that are looked at


def matches(source: Source) -> bool:
    return source.is_dir and bool(logs_in(source.path))


def logs_in(folder: Path) -> list[Path]:
    """Return the logs of a folder that hold the whole of a run; several if it is not clear which."""
    if (folder / STATE).is_file():
        return [folder / STATE]
    checkpoints = [path for path in folder.glob(f"checkpoint-*/{STATE}") if CHECKPOINT.fullmatch(path.parent.name)]
    if checkpoints:
        return [max(checkpoints, key=lambda path: int(CHECKPOINT.fullmatch(path.parent.name)[1]))]
    for name in NAMES:
        if (folder / name).is_file():
            return [folder / name]
    return sorted(folder.glob("version_*/metrics.csv")) or sorted(
        path for depth in ("*/", "*/*/") for path in folder.glob(f"{depth}version_*/metrics.csv")
    )


def read(source: Source) -> Table:
    """Return the table of the folder's log. Raises InputError where it holds several."""
    from losslaws.curves import logs

    found = logs_in(source.path)
    if len(found) > 1:
        raise InputError(several(source.path, [path.parent for path in found]))
    inside = source.inside(found[0])
    source.notes.append(f"{found[0].relative_to(source.path)} of the folder is read")
    return logs.format_of(inside).read(inside)


def several(path: Path, found: list[Path]) -> str:
    """Return what to say of a folder with several runs."""
    some = ", ".join(str(one.relative_to(path)) for one in found[:4])
    return f"{path}: holds {len(found)} runs: {some}{' and others' if len(found) > 4 else ''}; give one of them"
