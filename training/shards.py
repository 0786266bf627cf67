"""Where the run folders of a sweep lie: in the folder of its runs or, of a large sweep, one folder down."""

import os
from pathlib import Path

SHARD = 2  # hexadecimal digits of a run's hash that name the folder of its run folder in a large sweep


def folders(runs: Path) -> dict[str, str]:
    """Every run folder below `runs`, there or one folder down, as PATH relative to it, by its name."""
    found = {}
    if runs.is_dir():
        for entry in os.scandir(runs):
            if len(entry.name) == SHARD and entry.is_dir():
                found |= {one.name: f"{entry.name}/{one.name}" for one in os.scandir(entry.path)}
            else:
                found[entry.name] = entry.name
    return found
