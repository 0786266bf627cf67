"""The figures of the page; each takes a table and returns a matplotlib Figure."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, NullLocator

from analysis.leaderboard.procedures import BEST
from losslaws.style import BLUE, GREEN, INK, LINES, MUTED, ORANGE, PURPLE, VERMILLION, canvas, headline

PERCENT = "error of the final loss (%)"
WIDE = 4.0  # times the median 90th percentile, beyond which the axis of the ranking does not reach


def law_ranking(ranking: pd.DataFrame):
    """Every entry of the board, what it is in the ranking below: median (dot) and 90th percentile (end of the line) over the cells of
    all data sets and protocols, on new points. An arrow: the percentile lies beyond the axis, at the number beside it."""
    rows = ranking[ranking["complete"]][::-1].reset_index()
    out = canvas(height=0.17 * len(rows) + 0.9)
    axis = out.subplots()
    most = WIDE * 100 * rows["final_p90"].median()  # one entry that fails does not set the axis
    for i, row in rows.iterrows():
        colour, end = VERMILLION if row["law"] == BEST else BLUE, 100 * row["final_p90"]
        axis.plot([100 * row["final_median"], min(end, most)], [i, i], color=colour, linestyle="-")
        axis.plot(100 * row["final_median"], i, "o", color=colour, markersize=4)
        axis.plot(min(end, most), i, "|" if end <= most else ">", color=colour, markersize=5)
        if end > most:
            axis.annotate(
                f"{end:.0f} %", (most, i), xytext=(5, -2.5), textcoords="offset points", fontsize=6, color=INK
            )
    axis.set_yticks(range(len(rows)), rows["law"])
    axis.set_xscale("log")
    axis.set_xlim(80 * rows["final_median"].min(), 1.3 * most)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_xlabel(f"{PERCENT}: median, and 90th percentile at the bar")
    axis.grid(axis="y", visible=False)
    first = rows.iloc[-1]
    return headline(out, f"{first['law']} errs least: median {100 * first['final_median']:.2f} % over all cells")


def split_spread(splits: pd.DataFrame, laws: list[str]):
    """How much a law's error depends on which curves it is fitted to: all choices of one, two and three fit curves, by data set.
    Box: quartiles and median; whiskers: 5th and 95th percentile."""
    rows = splits[splits["protocol"].str.startswith("splits") & (splits["scored"] == "new") & splits["law"].isin(laws)]
    names = list(rows["dataset"].unique())
    columns = 3
    out = canvas(height=0.3 + 1.55 * -(-len(names) // columns))
    axes = out.subplots(-(-len(names) // columns), columns, squeeze=False, sharey=True)
    for axis, name in zip(axes.flat, names, strict=False):
        of = rows[rows["dataset"] == name]
        for j, law in enumerate(laws):
            for k in (1, 2, 3):
                errors = 100 * of.loc[(of["law"] == law) & (of["protocol"] == f"splits-{k}"), "final_error"]
                if len(errors):
                    box(axis, errors, k + 0.8 * ((j + 0.5) / len(laws) - 0.5), 0.6 / len(laws), j)
        axis.set_title(name)
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.set_xticks((1, 2, 3))
        axis.set_xlim(0.5, 3.5)
        axis.grid(axis="x", visible=False)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel(PERCENT)
    for axis in axes[-1]:
        axis.set_xlabel("fit curves")
    handles = [
        axes[0, 0].plot([], [], color=tone(j), linestyle="-", linewidth=4, label=law)[0] for j, law in enumerate(laws)
    ]
    spread = [
        axes[0, 0].plot([], [], color=MUTED, linestyle="-", linewidth=4, alpha=0.5, label="quartiles")[0],
        axes[0, 0].plot([], [], color=MUTED, linestyle="-", linewidth=0.8, label="5th to 95th percentile")[0],
    ]
    out.legend(handles=[*handles, *spread], loc="outside lower center", ncols=4)
    one, three = (100 * rows.loc[rows["protocol"] == f"splits-{k}", "final_error"].median() for k in (1, 3))
    return headline(out, f"From one fit curve the laws err by {one:.2f} % in the median, from three by {three:.2f} %")


def tone(j: int) -> str:
    return (VERMILLION, BLUE, GREEN, PURPLE, ORANGE, MUTED)[j % 6]


def box(axis, errors, at: float, width: float, j: int) -> None:
    """Draw the quartiles of `errors` as a bar around the median, and 5th to 95th percentile as a line."""
    low, quarter, middle, upper, high = np.quantile(errors, [0.05, 0.25, 0.5, 0.75, 0.95])
    axis.plot([at, at], [low, high], color=tone(j), linewidth=0.8, linestyle="-")
    axis.bar(at, upper - quarter, width, bottom=quarter, color=tone(j), alpha=0.5)
    axis.plot([at - width / 2, at + width / 2], [middle, middle], color=tone(j), linestyle="-")


def compute_error(compute: pd.DataFrame):
    """Compute that the fitted runs took and, of an entry with priors, the runs of other authors that taught these (hollow: without
    them, for whom they are there already), as a share of that of the predicted run, against the error of the predicted final loss; mean over
    all schedules and peak rates of the SlimPajama grid whose 50K run is predicted from shorter runs of the same schedule."""
    grid = grid_means(compute)
    out = canvas(width=4.5, height=2.6)
    axis = out.subplots()
    noted: set[tuple[int, int]] = set()
    for j, (law, rows) in enumerate(grid.groupby("law", sort=False)):
        colour = VERMILLION if law == BEST else INK if law == "chinchilla" else BLUE
        style = LINES[j % len(LINES)]
        axis.plot(100 * rows["compute_fraction"], 100 * rows["error"], "o", linestyle=style, color=colour, label=law)
        own = 100 * (rows["compute_fraction"] - rows["prior_fraction"])
        if rows["prior_fraction"].any():
            axis.plot(own, 100 * rows["error"], "o", linestyle=style, color=colour, markerfacecolor="none")
        for at, row in zip(own, rows.itertuples(), strict=True):
            place = (row.runs, round(at))
            if place not in noted:  # once for all entries that are fitted to the same runs
                note = f"{row.runs} run{'s' * (row.runs > 1)}"
                spot = (at, 100 * row.error)
                axis.annotate(note, spot, textcoords="offset points", xytext=(4, 3), fontsize=6, color=MUTED)
            noted.add(place)
    axis.set_xscale("log")
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_xlabel("compute (% of the predicted run)")
    axis.set_ylabel(f"mean {PERCENT}")
    axis.set_ylim(bottom=0)
    axis.legend()
    return headline(out, f"Error at the least compute: {', '.join(cheapest(grid))}")


def cheapest(grid: pd.DataFrame) -> Iterator[str]:
    """Yield of every entry what its cheapest fit reaches, in words."""
    for law, rows in grid.groupby("law", sort=False):
        row = rows.loc[rows["compute_fraction"].idxmin()]
        yield f"{law} {100 * row['error']:.2f} % at {100 * row['compute_fraction']:.0f} %"


def grid_means(compute: pd.DataFrame) -> pd.DataFrame:
    """Return mean cost and error over the series of three shorter runs, which Chinchilla can be asked about too, by law and runs."""
    keys = ["dataset", "size", "schedule"]
    asked = compute.loc[compute["law"] == "chinchilla", keys]
    rows = compute.merge(asked, on=keys)
    by = rows.groupby(["law", "runs"], sort=False)
    means = {name: (name, "mean") for name in ("compute_fraction", "prior_fraction", "error")}
    return by.agg(**means, targets=("error", "size")).reset_index()
