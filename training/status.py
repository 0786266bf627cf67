"""What has become of the cells of a sweep, without planning it anew and, of a large one, without a look into each run folder."""

import re
from pathlib import Path

from training import events
from training.shards import folders


def planned(name: str, extra: list[str]) -> tuple[Path, str, dict[str, events.Planned]]:
    """Folder of the runs, name, and cells of a sweep: the plan that was kept where nothing of it has changed, else made anew.

    Raises InputError as `training.sweep.load` does.
    """
    path = events.sweep_file(name)
    if path.is_file():
        said = re.findall(r"(?<![\w.])runs=([^\s\"']+)", path.read_text(errors="replace")) + [
            line.partition("=")[2] for line in extra if line.startswith("runs=")
        ]
        runs = Path(said[-1] if said else "runs")
        if kept := events.kept_plan(runs, path.stem, events.key(path, extra)):
            return runs, path.stem, kept
    from training.sweep import keep_plan, load  # which import torch

    sweep = load(name, extra)
    keep_plan(sweep, name, extra)
    return sweep.runs, sweep.name, sweep.planned()


def states(runs: Path, name: str, cells: dict[str, events.Planned]) -> dict[str, tuple[str, int, str]]:
    """`training.sweep.state` of every cell: by the log of events where that tells its end, else by its run folder if it has one."""
    ends, there = events.Events(runs, name).ends(), folders(runs)
    found = {}
    for cell, plan in cells.items():
        run = plan.run.rpartition("/")[2]
        if run not in there:
            found[cell] = "waiting", 0, ""
        elif run in ends:
            found[cell] = events.outcome(ends[run])
        else:
            from training.run_folder import RunFolder
            from training.sweep import state_of

            found[cell] = state_of(RunFolder(runs / plan.run))
    return found
