"""What a finished sweep leaves for the analysis."""

from pathlib import Path

import pandas as pd

from losslaws.curves import InputError
from losslaws.curves.files import atomic
from training.sweep import Sweep


def collect(sweep: Sweep, results: Path) -> None:
    """Write every finished cell's LossCurve to RESULTS/curves and a table of the runs to RESULTS/runs.csv.

    Curves that belong to no cell, as of an earlier form of the sweep, are removed: the analysis reads all that lie there.
    """
    rows = []
    for name, cell in sweep.cells.items():
        end = cell.folder.complete
        if end is None:
            raise InputError(
                f"sweep '{sweep.name}': cell '{name}' is not complete; run `python -m training run {sweep.name}` first"
            )
        if end["final_loss"] is not None:
            cell.folder.curve(name, cell.role, cell.line).save(results / "curves")
        rows.append(
            {
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
            }
        )
    for path in (results / "curves").glob("*.csv"):
        if path.stem not in sweep.cells:
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)
    with atomic(results / "runs.csv") as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
