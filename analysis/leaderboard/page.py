"""The leaderboard as tables, figures and one page.

    write(results) -> [Path, ...]     tables, figures, leaderboard.md and leaderboard.html into results/leaderboard
    standing(results, law) -> str     one law beside the committed board, as text; nothing is written

Numbers in the text come from the tables. Only the column fit_ms depends on the machine.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.leaderboard import figures, protocols, studies
from analysis.leaderboard.board import Board, leaderboard, spread
from analysis.leaderboard.procedures import BEST, NOISE, PROCEDURES, SEEN, SELECTION, procedure
from analysis.leaderboard.ranking import answers, by_authors, halves, medians, place, ranking, verdict
from analysis.pages.figure import save
from analysis.pages.page import TEMPLATES
from analysis.pages.writer import show, write_page, write_tables
from losslaws.words import markdown, percent

SHOWN = ("annealing", "multi-power", "annealing-progress-.7", "relaxation", BEST)
ENOUGH = 0.005  # mean final error up to which the page says that one cosine tells the ends
LOOKS = Path(__file__).with_name("looks.csv")  # every look at the errors on a data set, as LOG.md tells them
PUBLISHED = "published/published.csv"  # published numbers beside ours, where that table was made


def write(results: Path | str, names: Sequence[str] = tuple(PROCEDURES)) -> list[Path]:
    """Measure the procedures `names`, which include those of the studies, and write everything; progress on standard error."""
    results = Path(results)
    folder = results / "leaderboard"
    board = Board(results, [PROCEDURES[name] for name in names])
    splits = board.splits()
    tables = {"spread": spread(splits), **studies.tables(board)}
    table = leaderboard(splits)
    tables["ranking"] = ranking(table)
    tables["authors"] = medians(splits)
    tables["by_authors"] = by_authors(tables["authors"])
    tables["answers"] = answers(splits, tables["one_cosine"], tables["oracle"])
    write_tables(folder, {"leaderboard": table, **tables}, digits=5)
    shown = draw(splits, tables, folder / "figures")
    return write_page(folder, "leaderboard", render(board, table, tables, shown, results))


def standing(results: Path | str, name: str) -> str:
    """Return how the procedure or law `name` ranks among those of the board as it was last written to `results`.

    It alone is measured, progress on standard error. Raises InputError for a name that is neither.
    """
    board = Board(results, [procedure(name)])
    splits = board.splits()
    table = pd.concat([leaderboard(splits), committed(board.results, "leaderboard", name)], ignore_index=True)
    authors = pd.concat([medians(splits), committed(board.results, "authors", name)], ignore_index=True)
    ranks = ranking_table(ranking(table))
    return f"{ranks}\n\n{place(authors, name)}" if authors["law"].nunique() > 1 else ranks


def committed(results: Path, table: str, name: str) -> pd.DataFrame:
    """Return a table of the board as it was last written, without the entry `name`."""
    path = results / "leaderboard" / f"{table}.csv"
    return pd.read_csv(path).query("law != @name") if path.exists() else pd.DataFrame()


def draw(splits: pd.DataFrame, tables: dict[str, pd.DataFrame], folder: Path) -> dict[str, str]:
    """Write the figures; return each as Markdown, by the name of its function."""
    drawn = {
        figures.law_ranking: (tables["ranking"],),
        figures.split_spread: (splits, [law for law in SHOWN if law in set(splits["law"])]),
        figures.compute_error: (tables["compute"],),
    }
    return {
        function.__name__: show(save(function, folder, number, *arguments))
        for number, (function, arguments) in enumerate(drawn.items(), 1)
    }


def render(
    board: Board, table: pd.DataFrame, tables: dict[str, pd.DataFrame], shown: dict[str, str], results: Path
) -> str:
    """Return the page as Markdown."""
    return TEMPLATES.get_template("leaderboard/leaderboard.md.j2").render(
        best=PROCEDURES[BEST],
        law=PROCEDURES[BEST].parts[0].law,
        size=NOISE["K"][0],
        batch=NOISE["K"][1],
        protocols=protocols.PROTOCOLS,
        most=protocols.MOST,
        selection=SELECTION,
        seen=SEEN,
        datasets=datasets_table(board),
        looks=looks_table(),
        ranking=ranking_table(tables["ranking"]),
        verdict=verdict(tables["by_authors"]),
        by_authors=by_authors_table(tables["by_authors"]),
        kinds={kind: about for kind, about in protocols.KINDS.items() if kind in set(tables["by_authors"]["asks"])},
        halves=halves_table(halves(table)),
        answers=answers_table(tables["answers"]),
        cells=cells_table(table),
        oracle=oracle_table(tables["oracle"]),
        one_cosine=one_cosine_table(tables["one_cosine"]),
        cosines=tables["one_cosine"].query("law == @BEST").to_dict("records"),
        enough=ENOUGH,
        compute=compute_table(figures.grid_means(tables["compute"])),
        published=published(results / PUBLISHED),
        figure=shown,
    )


def datasets_table(board: Board) -> str:
    """The groups of curves with their noise floor."""
    rows = [
        {
            "dataset": group.dataset,
            "size": group.size,
            "curves": len(group.curves),
            "noise": group.noise,
            "steps": f"{min(lengths):,} to {max(lengths):,}",
            "published": " + ".join(group.published[0]) if group.published else "",
        }
        for group in board.groups
        for lengths in [[curve.schedule.steps for curve in group.curves.values()]]
    ]
    columns = {
        "dataset": ("data set", ""),
        "size": ("size", ""),
        "curves": ("curves", "d"),
        "steps": ("steps", ""),
        "noise": ("noise floor", lambda x: percent(x, 3)),
        "published": ("published split", ""),
    }
    return markdown(pd.DataFrame(rows), columns)


def looks_table() -> str:
    """How often each data set was looked at, and how many settings were tried on it to choose one."""
    table = pd.read_csv(LOOKS)
    table = table.assign(dataset=table["datasets"].str.split()).explode("dataset")
    rows = table.groupby("dataset", sort=False).agg(
        looks=("date", "size"), settings=("settings", "sum"), last=("date", "max")
    )
    columns = {
        "dataset": ("data set", ""),
        "looks": ("times looked at", "d"),
        "settings": ("settings tried on it", "d"),
        "last": ("last", ""),
    }
    return markdown(rows.reset_index(), columns)


def ranking_table(frame: pd.DataFrame) -> str:
    """The laws, best first."""
    columns = {
        "law": ("entry", ""),
        "about": ("what it is", ""),
        "final_median": ("final error, median", percent),
        "final_p90": ("90th percentile", percent),
        "PredE_median": ("PredE, median", percent),
        "PredE_p90": ("90th percentile ", percent),
        "rank_accuracy": ("better schedule told", lambda x: percent(x, 0)),
        "fit_ms": ("ms per fit", ".0f"),
        "prior_ms": ("ms for the priors", ".0f"),
        "prior_fraction": ("compute of the priors", lambda x: percent(x, 0)),
        "cells": ("cells", "d"),
    }
    return markdown(frame, columns)


def by_authors_table(frame: pd.DataFrame) -> str:
    """Median errors with their intervals over groups of authors, a kind of question per column; those with priors first."""
    frame = frame.assign(
        text=[
            f"{percent(m)} ({percent(a)} to {percent(b)})"
            for m, a, b in zip(frame["median"], frame["low"], frame["high"], strict=True)
        ]
    )
    wide = frame.pivot_table(index="law", columns="asks", values="text", aggfunc="first", sort=False).reset_index()
    wide = wide.sort_values("law", key=lambda law: ~law.str.endswith("-known"), kind="stable").fillna("")
    return markdown(wide, {column: (column, "") for column in wide.columns})


def halves_table(frame: pd.DataFrame) -> str:
    """Errors by half of the data sets, an entry per column."""
    frame = frame.assign(
        text=[f"{percent(a)} / {percent(b)}" for a, b in zip(frame["final_median"], frame["final_p90"], strict=True)]
    )
    wide = frame.pivot_table(index=["where"], columns="law", values="text", aggfunc="first", sort=False)
    wide.insert(0, "cells", frame.groupby("where", sort=False)["cells"].max())
    wide = wide.reset_index()
    return markdown(wide, {column: (column, "") for column in wide.columns})


def answers_table(frame: pd.DataFrame) -> str:
    """What the best entry errs by on single questions."""
    columns = {
        "question": ("question", ""),
        "final_error": ("error at the ends", lambda x: percent(x, 2)),
        "own_error": ("fitted to these runs", lambda x: percent(x, 2)),
    }
    return markdown(frame, columns)


def cells_table(table: pd.DataFrame) -> str:
    """Final error of the entries that the page compares, over new points: mean over the sizes of each data set."""
    rows = table[(table["scored"] == "new") & table["law"].isin(SHOWN)]
    wide = rows.pivot_table(index=["dataset", "protocol"], columns="law", values="final_error", sort=False)
    wide = wide[[law for law in SHOWN if law in wide]].reset_index()
    names = {"dataset": ("data set", ""), "protocol": ("protocol", "")}
    return markdown(wide, names | {law: (law, percent) for law in wide.columns[2:]})


def oracle_table(frame: pd.DataFrame) -> str:
    """Errors of fits to all curves of one peak rate."""
    wide = frame.pivot_table(
        index=["dataset", "size", "peak", "curves", "noise"], columns="law", values="final_error", sort=False
    )
    wide = wide.reset_index()
    names = {
        "dataset": ("data set", ""),
        "size": ("size", ""),
        "peak": ("peak rate", "g"),
        "curves": ("curves", "d"),
        "noise": ("noise floor", lambda x: percent(x, 3)),
    }
    return markdown(wide, names | {law: (law, percent) for law in wide.columns[5:]})


def one_cosine_table(frame: pd.DataFrame) -> str:
    """Errors at the end of decayed runs, predicted from one cosine."""
    wide = frame.pivot_table(
        index=["dataset", "size", "fit", "curves"], columns="law", values="final_error", sort=False
    )
    entries = {law: (law, percent) for law in wide.columns}
    best = frame[frame["law"] == BEST].set_index(["dataset", "size", "fit", "curves"])
    wide = wide.join(best[["worst_final_error", "own_error", "noise", "times_longer"]]).reset_index()
    names = {"dataset": ("data set", ""), "size": ("size", ""), "fit": ("the cosine", ""), "curves": ("predicted", "d")}
    bounds = {
        "worst_final_error": (f"worst of {BEST}", percent),
        "own_error": ("fitted to these runs", percent),
        "noise": ("noise floor", lambda x: percent(x, 3)),
        "times_longer": ("times as long", ".1f"),
    }
    return markdown(wide, names | entries | bounds)


def compute_table(frame: pd.DataFrame) -> str:
    """Compute against error, means over the targets."""
    columns = {
        "law": ("entry", ""),
        "runs": ("runs fitted", "d"),
        "compute_fraction": ("compute", lambda x: percent(x, 0)),
        "prior_fraction": ("of which for the priors", lambda x: percent(x, 0)),
        "error": ("error of the final loss", percent),
        "targets": ("targets", "d"),
    }
    return markdown(frame, columns)


def published(path: Path) -> str:
    """Published numbers beside ours as a table; nothing where the table was not made."""
    if not path.exists():
        return ""
    frame = pd.read_csv(path)
    return markdown(frame, {column: (column, "") for column in frame.columns})
