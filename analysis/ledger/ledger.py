"""What the forecasts of our own runs, registered before these were trained, came to.

    outcomes(lines) -> DataFrame     a row for every forecast whose log is kept
    write_ledger(folder) -> [Path]   ledger.csv and the page beside FOLDER's ledger.jsonl

The lines are those of `losslaws.forecast.ledger.entries`.
"""

from pathlib import Path

import pandas as pd

from analysis import RESULTS
from analysis.pages.page import TEMPLATES
from analysis.pages.writer import write_page, write_tables
from losslaws.curves.store import load_folder
from losslaws.forecast import ledger
from losslaws.words import markdown

LOGS, RUNS = RESULTS / "annealing" / "tuning", RESULTS / "annealing" / "night"


def outcomes(lines: list[dict]) -> pd.DataFrame:
    """Hold every forecast from a log of the sweep `tuning` against the night's run of the same seed: same initialisation, same order of the text.

    Forecasts whose logs are not kept, those of a former experiment, are left out.
    """
    seeds = {ledger.identity(curve): curve.seed for curve in load_folder(LOGS).values()}
    runs = list(load_folder(RUNS).values())
    rows = []
    for entry in lines:
        seed = seeds.get(entry["logs"][0]["sha256"])
        if seed is None:
            continue
        (found,) = ledger.scored([entry], [run for run in runs if run.seed == seed])
        low, high = entry["interval_90"]
        rows.append(
            {
                "seed": seed,
                "schedule": entry["schedule"],
                "steps": entry["steps"],
                "forecast": entry["final_loss"],
                "low": low,
                "high": high,
                "run": found.run,
                "came_to": found.loss,
                "error": found.error,
                "inside": found.inside if found.run else None,
            }
        )
    return pd.DataFrame(rows)


def write_ledger(folder: Path) -> list[Path]:
    """Write the table and its page; return the paths."""
    lines = ledger.entries(folder / "ledger.jsonl")
    table = outcomes(lines)
    over = table[table["run"] != ""]
    columns = {
        "seed": ("seed", "d"),
        "schedule": ("schedule", str),
        "steps": ("steps", ",d"),
        "forecast": ("forecast", ".4f"),
        "interval": ("90 % interval", str),
        "came_to": ("came to", ".4f"),
        "error": ("error", "+.2%"),
        "inside": ("", lambda inside: "" if inside else "outside"),
    }
    shown = over.assign(interval=[f"{row.low:.4f} to {row.high:.4f}" for row in over.itertuples()])
    inside = int(over["inside"].sum())
    text = TEMPLATES.get_template("ledger/ledger.md.j2").render(
        table=markdown(shown, columns),
        over=over,
        inside=inside,
        half_width=((over["high"] - over["low"]) / 2 / over["forecast"]).mean(),
        waiting=len(table) - len(over),
        former=len(lines) - len(table),
    )
    write_tables(folder, {"ledger": table}, digits=6)
    return write_page(folder, "ledger", text)
