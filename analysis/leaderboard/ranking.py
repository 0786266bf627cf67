"""What the page says of the whole board, from its tables.

ranking(table) -> DataFrame     one row for every procedure, best first: errors over all cells, on new points
halves(table) -> DataFrame      the same for the data sets on which settings were chosen, and for the others
answers(splits, one_cosine, oracle) -> DataFrame   what the best procedure errs by on the questions of a reader
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.leaderboard.procedures import BEST, PROCEDURES, SELECTION, procedure

CELL = ["dataset", "size", "protocol"]
BASELINES = ("annealing", "multi-power")
GRID = (5e-4, 1e-3, 2e-3)  # peak rates of the SlimPajama grid with runs of every kind


def ranking(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for every procedure: median and 90th percentile over the cells that all of them answered.

    Cells that some procedure cannot answer are left out for all, but `cells` counts what each answered.
    """
    new = table[table["scored"] == "new"]
    wide = new.pivot_table(index=CELL, columns="law", values="final_error", sort=False)
    common = wide.dropna(axis="columns", thresh=int(0.95 * len(wide))).dropna().index
    rows = []
    for law, cells in new.groupby("law", sort=False):
        cells = cells.set_index(CELL)
        shared = cells[cells.index.isin(common)]
        rows.append(
            {
                "law": law,
                "about": procedure(law).about,
                "cells": len(cells),
                "final_median": shared["final_error"].median(),
                "final_p90": shared["final_error"].quantile(0.9),
                "PredE_median": shared["PredE"].median(),
                "PredE_p90": shared["PredE"].quantile(0.9),
                "rank_accuracy": cells.loc[cells.index.get_level_values("protocol") == "rank", "rank_accuracy"].mean(),
                "fit_ms": cells["fit_ms"].median(),
                "complete": len(shared) == len(common),
            }
        )
    return pd.DataFrame(rows).sort_values(["complete", "final_median"], ascending=[False, True], ignore_index=True)


def halves(table: pd.DataFrame) -> pd.DataFrame:
    """Return median and 90th percentile of the final error of the best procedure and the baselines, by half of the data sets."""
    new = table[(table["scored"] == "new") & table["law"].isin([BEST, *BASELINES, "annealing-full"])]
    where = {
        "all": new["dataset"].notna(),
        "chosen on": new["dataset"].isin(SELECTION),
        "shown on": ~new["dataset"].isin(SELECTION),
    }
    where |= {name: new["dataset"] == name for name in new["dataset"].unique()}
    return pd.DataFrame(
        [
            {
                "where": name,
                "law": law,
                "cells": len(cells),
                "final_median": cells["final_error"].median(),
                "final_p90": cells["final_error"].quantile(0.9),
            }
            for name, mask in where.items()
            for law, cells in new[mask].groupby("law", sort=False)
        ]
    )


def answers(splits: pd.DataFrame, one_cosine: pd.DataFrame, oracle: pd.DataFrame) -> pd.DataFrame:
    """Return the mean final error of the best procedure on single questions: columns question, final_error, own_error.

    own_error is what its law errs by at the ends when fitted to all points of the very runs that are asked about.
    """
    rows = [*on_grid(splits, oracle), *from_cosine(one_cosine)]
    return pd.DataFrame(rows, columns=["question", "final_error", "own_error"])


def on_grid(splits: pd.DataFrame, oracle: pd.DataFrame) -> Iterator[tuple]:
    """Yield the errors on the SlimPajama grid, for fits at each peak rate: at that rate, and at the others of the full grid."""
    grid = splits[(splits["dataset"] == "slimpajama-124m") & (splits["law"] == BEST) & (splits["scored"] == "all")]
    law = PROCEDURES[BEST].parts[0].law.name
    own = oracle[(oracle["dataset"] == "slimpajama-124m") & (oracle["law"] == law)].set_index("peak")["final_error"]
    for row in grid[grid["protocol"] == "published"].itertuples():
        question = f"slimpajama-124m, fitted on {row.split}: all other runs of that peak rate"
        yield question, row.final_error, own.get(row.test_peak, np.nan)
    across = grid[(grid["protocol"] == "peak") & grid["test_peak"].isin(GRID)]
    for split, rows in across.groupby("split", sort=False):
        peaks = " and ".join(f"{peak:g}" for peak in rows["test_peak"])
        error = np.average(rows["final_error"], weights=rows["curves"])
        yield f"slimpajama-124m, fitted on {split}: all runs at {peaks}", error, own.reindex(rows["test_peak"]).mean()


def from_cosine(one_cosine: pd.DataFrame) -> Iterator[tuple]:
    """Yield the mean error over all decayed runs that are predicted from one cosine of their peak rate, and over those of each data set."""
    own = one_cosine[one_cosine["law"] == BEST]
    sets = {"all data sets": own} | dict(iter(own.groupby("dataset", sort=False)))
    for name, rows in sets.items():
        if len(rows):
            errors = np.average(rows[["final_error", "own_error"]], axis=0, weights=rows["curves"])
            yield f"from one cosine, decayed runs of its peak rate: {name}", *errors
