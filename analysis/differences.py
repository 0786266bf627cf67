"""Runs that were reproduced beside the committed ones of the same names.

    differences(reproduced, committed) -> DataFrame     a row for every run that both have

Processors round differently, so a run that is trained again elsewhere ends at the same loss to about five digits, not bit for bit.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis import RESULTS
from losslaws.curves import InputError
from losslaws.curves.store import FILE, FOLDER, holds_curves, load_folder

COLUMNS = ("sweep", "run", "committed", "reproduced", "difference", "largest")


def differences(reproduced: Path, committed: Path = RESULTS) -> pd.DataFrame:
    """Return COLUMNS: final losses in nats per token, how far the reproduced one is off, relative, and the most at any common step.

    Raises InputError where no run was reproduced.
    """
    rows = []
    folders = [path.parent for kind in (FILE, FOLDER) for path in Path(reproduced).glob(f"**/{kind}")]
    for folder in sorted(folders):
        sweep = folder.relative_to(reproduced)
        theirs = load_folder(committed / sweep) if holds_curves(committed / sweep) else {}
        for name, curve in load_folder(folder).items():
            if name not in theirs:
                rows.append((str(sweep), name, np.nan, curve.final_loss, np.nan, np.nan))
                continue
            _, mine, other = np.intersect1d(curve.step, theirs[name].step, return_indices=True)
            off = np.abs(curve.loss[mine] / theirs[name].loss[other] - 1)
            final = theirs[name].final_loss
            rows.append((str(sweep), name, final, curve.final_loss, curve.final_loss / final - 1, off.max(initial=0.0)))
    if not rows:
        raise InputError(f"{reproduced}: holds no curves; `make reproduce` puts them there")
    return pd.DataFrame(rows, columns=COLUMNS)
