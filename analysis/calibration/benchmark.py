"""The final losses of the 124M grid, forecast from little, beside what is easier: `python -m analysis forecast-benchmark`.

Two tasks: "constant", from the part of a run at a constant rate alone its final loss; "decayed", from one whole decayed run the
final losses of every other run of the same peak rate that is at most twice as long. Priors and widths of intervals come
from other groups of authors. The methods beside it know none:

    persistence    the last loss seen is the final loss
    power law      Chinchilla's law in steps, E + A s^-alpha, fitted to the part seen; it knows nothing of the learning rate
    annealing law  fitted to the part seen with the paper's lambda = .999; a constant rate does not tell it what a decay does
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from analysis.calibration.calibrate import forecast, width, without
from analysis.calibration.cases import Case, constant_cases, decayed_cases
from analysis.pages.writer import write_page, write_tables
from losslaws import laws
from losslaws.curves.public import groups
from losslaws.fitting import fit
from losslaws.forecast.prior import Told, fitted_points
from losslaws.words import markdown

GRID = "slimpajama-124m"  # the data set that is forecast; priors for it are learned from all others
OURS = "this forecast"
TIMES_LONGER = 2.0  # times as long as the seen run
BASELINES = {  # law and what is fixed of it
    "power law": ("steps_power", {}),
    "annealing law": ("annealing", {"lambda": 0.999}),
}
NUMBERS = {
    "cases": ("forecasts", "d"),
    "mean_error": ("mean error", ".2f"),
    "worst_error": ("worst error", ".2f"),
}


def benchmark(told: Sequence[Told], others: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every case and method, errors relative.

    told    what the public models say, `calibrate.taught()`
    others  the table of `calibrate.errors(told)`, of which the cases of other authors, with the grid's left out too, give the widths of intervals
    Columns task, method, peak, seen, target, horizon, error, and inside: whether the outcome lies in the 90 % interval.
    """
    (group,) = groups(GRID)
    learned = without(told, group.authors)
    rows = []
    near = [case for case in decayed_cases(group) if case.horizon <= TIMES_LONGER]
    for cases in (list(constant_cases(group)), near):
        found = pd.DataFrame(row for row in forecast(tqdm(cases, leave=False), learned, most=0))
        for case, row in zip(cases, found.itertuples(), strict=True):
            same = others["stage"] == row.stage
            half = row.spread * width(others[(others["also"] == group.authors) & same])
            rows.append(described(case, OURS, row.error, abs(row.error) <= half))
        rows += [described(case, "persistence", case.seen.final_loss / case.target.final_loss - 1) for case in cases]
        for method in BASELINES:
            rows += baseline(method, cases)
    return pd.DataFrame(rows)


def baseline(method: str, cases: list[Case]) -> list[dict]:
    """Return the rows of a law that is fitted to the part seen, without priors."""
    name, fixed = BASELINES[method]
    fits, rows = {}, []
    for case in cases:
        key = case.seen.name, int(case.seen.step[-1])
        if key not in fits:
            fits[key] = fit(laws.build(name), [fitted_points(case.seen)], fixed=fixed)
        loss = fits[key].predict(case.target.schedule, case.target.step[-1:])
        rows.append(described(case, method, float(loss[0] / case.target.final_loss - 1)))
    return rows


def described(case: Case, method: str, error: float, inside: bool | None = None) -> dict:
    """Return the row of one forecast."""
    return {
        "task": case.kind,
        "method": method,
        "peak": case.target.schedule.peak,
        "seen": case.seen.name,
        "target": case.target.name,
        "horizon": case.horizon,
        "error": error,
        "inside": inside,
    }


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return mean and worst error in per cent, and the coverage of 90 % intervals, for every task and method."""
    error = 100 * table["error"].abs()
    by = [table["task"], table["method"]]
    out = error.groupby(by, sort=False).agg(cases="size", mean_error="mean", worst_error="max")
    inside = table.dropna(subset="inside")
    out["coverage"] = 100 * inside["inside"].astype(float).groupby([inside["task"], inside["method"]]).mean()
    return out.reset_index()


def by_peak(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean error in per cent of this forecast by task and peak rate."""
    own = table[table["method"] == OURS]
    error = 100 * own["error"].abs()
    return (
        error.groupby([own["task"], own["peak"]]).agg(cases="size", mean_error="mean", worst_error="max").reset_index()
    )


def write(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write benchmark.csv, benchmark_cases.csv and the page into `folder`; return the pages."""
    write_tables(folder, {"benchmark": summary(table), "benchmark_cases": table}, digits=6)
    text = [
        "# Forecasts of the 124M grid",
        __doc__.split("\n\n", 1)[1].strip(),
        "## All peak rates",
        "Errors of the final loss in per cent; coverage of the 90 % intervals in per cent.",
        markdown(
            summary(table),
            {"task": ("from", "s"), "method": ("method", "s"), **NUMBERS, "coverage": ("coverage", ".1f")},
        ),
        "## This forecast by peak rate",
        markdown(by_peak(table), {"task": ("from", "s"), "peak": ("peak rate", "g"), **NUMBERS}),
    ]
    return write_page(folder, "benchmark", "\n\n".join(text) + "\n")
