"""What the page says of the whole board, from its tables.

ranking(table) -> DataFrame     one row for every procedure, best first: errors over all cells, on new points
medians(splits) -> DataFrame    the median final error by what is asked, group of authors and procedure
by_authors(medians) -> DataFrame   the same over groups of authors on whom nothing was chosen, with intervals
verdict(by), place(by, law)     whether the best entry, or a new one, is ahead of its best rival with the same information, in a sentence
halves(table) -> DataFrame      the same for the data sets on which settings were chosen, and for the others
answers(splits, one_cosine, oracle) -> DataFrame   what the best procedure errs by on the questions of a reader
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.leaderboard.procedures import BEST, PROCEDURES, SEEN, SELECTION, procedure

CELL = ["dataset", "size", "protocol"]
BASELINES = ("annealing", "multi-power")
EQUAL_TERMS = 0.85  # times the best rival's error: at least 15 % below it
GRID = (5e-4, 1e-3, 2e-3)  # peak rates of the SlimPajama grid with runs of every kind


def ranking(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row for every procedure: median and 90th percentile over the cells that all of them answered.

    Cells that some procedure cannot answer are left out for all, but `cells` counts what each answered.
    """
    new = table[table["scored"] == "new"]
    ranked, new = (
        new[new["protocol"] == "rank"],
        new[new["protocol"] != "rank"],
    )  # `rank` asks the splits' fits once more
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
                "rank_accuracy": ranked.loc[ranked["law"] == law, "rank_accuracy"].mean(),
                "fit_ms": cells["fit_ms"].median(),
                "prior_ms": cells["prior_ms"].median(),
                "prior_fraction": cells["prior_fraction"].median(),
                "complete": len(shared) == len(common),
            }
        )
    return pd.DataFrame(rows).sort_values(["complete", "final_median"], ascending=[False, True], ignore_index=True)


def medians(splits: pd.DataFrame) -> pd.DataFrame:
    """Return the median final error on new points, a row for every kind of question (and "all"), group of authors and procedure.

    SELECTION's authors, on whom settings were chosen, and SEEN's are left out.
    """
    chosen_on = splits.loc[splits["dataset"].isin((*SELECTION, *SEEN)), "authors"].unique()
    use = (splits["scored"] == "new") & (splits["protocol"] != "rank") & ~splits["authors"].isin(chosen_on)
    asked = pd.concat([splits[use].assign(asks="all"), splits[use]])
    return asked.groupby(["asks", "authors", "law"], sort=False)["final_error"].median().reset_index()


def by_authors(medians: pd.DataFrame, best: str = BEST, rounds: int = 2000) -> pd.DataFrame:
    """Return a row for every kind of question and procedure: the final error, groups of authors counting alike.

    Columns asks, law, authors (how many groups), median: the geometric mean over the groups of authors of their median errors; low and high, its
    90 % interval, and median_over_best, low_over_best, high_over_best: the same of the quotient to that of `best`, from `rounds` draws of as many
    groups with replacement.
    """
    rows = []
    for asks, own in medians.groupby("asks", sort=False):
        wide = np.log(own.pivot(index="authors", columns="law", values="final_error").clip(lower=np.finfo(float).tiny))
        drawn = np.random.default_rng(0).integers(len(wide), size=(rounds, len(wide)))
        for law in wide:
            if wide[law].isna().any():
                continue
            found = {"asks": asks, "law": law, "authors": len(wide)}
            over = wide[law] - wide[best] if best in wide else wide[law] * np.nan
            for name, value in (("", wide[law]), ("_over_best", over)):
                means = np.exp(value.to_numpy()[drawn].mean(axis=1))
                low, high = np.quantile(means, [0.05, 0.95])
                found |= {f"median{name}": float(np.exp(value.mean())), f"low{name}": low, f"high{name}": high}
            rows.append(found)
    return pd.DataFrame(rows)


def informed(law: str) -> bool:
    """Whether an entry has priors."""
    return any(part.known for part in procedure(law).parts)


def verdict(by: pd.DataFrame) -> str:
    """Return in a sentence whether BEST is below its best rival with the same information, where nothing was chosen."""
    everywhere = by[by["asks"] == "all"].set_index("law")
    rivals = everywhere[[informed(law) and law != BEST for law in everywhere.index]]
    if rivals.empty or BEST not in everywhere.index:
        return "No rival with priors answered every group of authors on whom nothing was chosen."
    rival, own = rivals["median"].idxmin(), everywhere.loc[BEST]
    low, middle, high = (1 / rivals.loc[rival, f"{end}_over_best"] for end in ("high", "median", "low"))
    said = "is reached" if middle <= EQUAL_TERMS and high < 1 else "is not reached"
    return (
        f"**The aim {said}**: the best entry was to err by at most {EQUAL_TERMS:g} times as much as the best rival with the same information, on groups of "
        f"authors on whom nothing was chosen, the whole interval below 1. On {int(own['authors'])} such groups {BEST} errs by {100 * own['median']:.2f} % in the "
        f"median, {rival} by {100 * rivals.loc[rival, 'median']:.2f} %: {middle:.2f} times as much, 90 % interval {low:.2f} to {high:.2f}."
    )


def place(medians: pd.DataFrame, law: str) -> str:
    """Return in a sentence how `law` stands to the best of the others with the same information, and whether that makes it the first."""
    alike = medians["law"].map(informed) == informed(law)
    medians = medians[(medians["asks"] == "all") & alike]
    others = by_authors(medians[medians["law"] != law], best=law)
    means = "with priors" if informed(law) else "without priors"
    if others.empty:
        return f"No other entry {means} answered every group of authors on whom nothing was chosen."
    rival = others.loc[others["median"].idxmin(), "law"]
    row = by_authors(medians, best=rival).query("law == @law")
    if row.empty:
        return f"{law} does not answer every group of authors on whom nothing was chosen, so that it has no place."
    low, middle, high = (float(row[f"{end}_over_best"].iloc[0]) for end in ("low", "median", "high"))
    first = (
        "takes the first place" if high < 1 else "takes no first place, for which the whole interval must lie below 1"
    )
    return (
        f"On {int(row['authors'].iloc[0])} groups of authors on whom nothing was chosen {law} errs {middle:.2f} times as much as {rival}, the best other "
        f"entry {means} (90 % interval {low:.2f} to {high:.2f}): among those it {first}."
    )


def halves(table: pd.DataFrame) -> pd.DataFrame:
    """Return median and 90th percentile of the final error of the best procedure and the baselines, by half of the data sets."""
    new = table[(table["scored"] == "new") & table["law"].isin([BEST, *BASELINES, "annealing-full"])]
    where = {
        "all": new["dataset"].notna(),
        "chosen on": new["dataset"].isin(SELECTION),
        "seen": new["dataset"].isin(SEEN),
        "shown on": ~new["dataset"].isin((*SELECTION, *SEEN)),
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
    for row in grid[grid["protocol"] == "chosen"].itertuples():
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
