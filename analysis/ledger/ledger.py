"""What the forecasts of our own runs, registered before these were trained, came to.

    outcomes(lines) -> DataFrame     a row for every forecast whose log is kept
    again(table) -> DataFrame        the same, with what today's library says from the same logs: hindsight
    write_ledger(folder) -> [Path]   ledger.csv and the page beside FOLDER's ledger.jsonl

The lines are those of `losslaws.forecast.ledger.entries`.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis import RESULTS
from analysis.pages.page import TEMPLATES
from analysis.pages.writer import write_page, write_tables
from losslaws.curves import LossCurve
from losslaws.curves.runs import same_training
from losslaws.curves.store import load_folder
from losslaws.forecast import ledger
from losslaws.forecast.calibration import STRANGE
from losslaws.forecast.predict import SIZES, Forecaster
from losslaws.words import markdown


@dataclass(frozen=True)
class Registered:
    """Forecasts that were registered together.

    sweep  that trained the runs
    logs   folder below results/ with the curves of what was seen
    runs   folder with those that were forecast
    """

    sweep: str
    logs: str
    runs: str


# the latest first
REGISTERED = (
    Registered("forecasts", "forecasts", "forecasts"),
    Registered("night", "annealing/tuning", "annealing/night"),
)
FACTORS = sorted({1, 2, 3, 4, STRANGE, 5})  # by which intervals might be wider for models far from the public sizes
ROW = ["sweep", "log", "schedule", "steps", "forecast", "low", "high", "run", "came_to", "error", "inside"]
AGAIN = ["again_error", "again_inside", "again_factor"]
COLUMNS = {
    "log": ("log", str),
    "schedule": ("schedule", str),
    "steps": ("steps", ",d"),
    "forecast": ("forecast", ".4f"),
    "interval": ("90 % interval", str),
    "came_to": ("came to", ".4f"),
    "error": ("error", "+.2%"),
    "inside": ("", lambda inside: "" if inside else "outside"),
    "again_error": ("again: error", "+.2%"),
    "again_inside": ("again", lambda inside: "" if inside else "outside"),
}


def outcomes(lines: list[dict]) -> pd.DataFrame:
    """Hold every forecast against the run of the model and the seed of its log: same initialisation, same order of the text.

    Forecasts whose logs are not kept, those of a former experiment, are left out.
    """
    return pd.DataFrame([row for one in REGISTERED for row in held(one, lines)], columns=ROW)


def held(registered: Registered, lines: list[dict]) -> list[dict]:
    """Return a row for every line that is of these forecasts."""
    logs = {ledger.identity(curve): curve for curve in curves(registered.logs)}
    runs = curves(registered.runs)
    rows = []
    for entry in lines:
        log = logs.get(entry["logs"][0]["sha256"])
        if log is None:
            continue
        (found,) = ledger.scored([entry], [run for run in runs if same_training(run, log)])
        low, high = entry["interval_90"]
        rows.append(
            {
                "sweep": registered.sweep,
                "log": log.name,
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
    return rows


def again(table: pd.DataFrame) -> pd.DataFrame:
    """Ask today's library for every run that is over, from the same log; return `table` with three columns more.

    again_error   relative error of the forecast
    again_inside  whether the run ended within its 90 % interval
    again_factor  so many times as wide as for a model of a public size this would have to be to hold the outcome
    """
    found = {}
    for one in REGISTERED:
        logs, runs = ({curve.name: curve for curve in curves(folder)} for folder in (one.logs, one.runs))
        over = table[(table["sweep"] == one.sweep) & (table["run"] != "")]
        for name, asked in over.groupby("log"):
            today = Forecaster([logs[name]], logs[name].config["optimizer"]["name"])
            found |= {row.Index: hindsight(today, runs[row.run]) for row in asked.itertuples()}
    return table.join(pd.DataFrame.from_dict(found, orient="index", columns=AGAIN))


def hindsight(today: Forecaster, run: LossCurve) -> tuple[float, bool, float]:
    """Return the columns of `again` for a run."""
    loss, low, high = today.forecast(run.schedule).final
    beyond = abs(run.final_loss - loss) / (high - loss)  # an interval is as wide to either side
    return loss / run.final_loss - 1, low <= run.final_loss <= high, beyond * today.apart


def curves(folder: str) -> list:
    """Return the curves of a folder below results/, none where it has none yet."""
    return list(load_folder(RESULTS / folder).values()) if (RESULTS / folder).is_dir() else []


def summary(table: pd.DataFrame) -> dict:
    """Return what forecasts registered together came to, for the page."""
    over = table[table["run"] != ""]
    shown = over.assign(interval=[f"{row.low:.4f} to {row.high:.4f}" for row in over.itertuples()])
    return {
        "over": len(over),
        "waiting": len(table) - len(over),
        "logs": over["log"].nunique(),
        "error": over["error"].abs().mean(),
        "bias": over["error"].mean(),
        "inside": int(over["inside"].sum()),
        "half_width": ((over["high"] - over["low"]) / 2 / over["forecast"]).mean(),
        "again_error": over["again_error"].abs().mean(),
        "again_inside": int(over["again_inside"].sum()),
        "table": markdown(shown, COLUMNS),
    }


def factors(table: pd.DataFrame) -> str:
    """Write how many outcomes intervals of today would hold, were they so many times as wide as for a model of a public size."""
    over = table[table["run"] != ""]
    rows = [{"factor": factor, "inside": int((over["again_factor"] <= factor).sum())} for factor in FACTORS]
    held = pd.DataFrame(rows).assign(over=len(over))
    return markdown(held, {"factor": ("times as wide", "g"), "inside": ("inside", "d"), "over": ("of", "d")})


def write_ledger(folder: Path) -> list[Path]:
    """Write the table and its page; return the paths."""
    lines = ledger.entries(folder / "ledger.jsonl")
    table = again(outcomes(lines))
    text = TEMPLATES.get_template("ledger/ledger.md.j2").render(
        **{one.sweep: summary(table[table["sweep"] == one.sweep]) for one in REGISTERED},
        former=len(lines) - len(table),
        least=SIZES[0],
        strange=STRANGE,
        factors=factors(table),
    )
    write_tables(folder, {"ledger": table}, digits=6)
    return write_page(folder, "ledger", text)
