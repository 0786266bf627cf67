"""The coordinate check of our models over widths, from results/mup/coordinates.csv (`python -m training.coordinates mup`).

Under muP the mean |x| of every activation stays the same over widths in the first steps of training (Yang et al. 2022,
arXiv 2203.03466, App. D.1). A flat check is necessary, not sufficient.
"""

import pandas as pd

from analysis.papers.transfer import BASIN_RATIO, MUP, STANDARD


def shared(sizes: pd.DataFrame) -> pd.DataFrame:
    """Cut the table to widths up to BASIN_RATIO times the smallest, and give every control the smallest width's sizes under muP."""
    base = sizes["width"].min()
    near = sizes[sizes["width"] <= BASIN_RATIO * base]
    controls = [role for role in near["role"].unique() if role not in (MUP, STANDARD)]
    same = near[(near["role"] == MUP) & (near["width"] == base)]
    return pd.concat([near, *(same.assign(role=control) for control in controls)], ignore_index=True)


def spreads(sizes: pd.DataFrame) -> pd.DataFrame:
    """How far from flat each activation is at the last step: role, activation, spread, the largest size over the least, less 1."""
    last = sizes[sizes["step"] == sizes["step"].max()]
    found = last.groupby(["role", "activation"], sort=False)["size"]
    return (found.max() / found.min() - 1).rename("spread").reset_index()
