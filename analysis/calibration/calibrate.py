"""How far forecasts are off, measured on public runs whose family the priors never saw: calibration.csv and prior.json.

Every case of `cases.py` is forecast with priors learned from the other families. The error, in units of the standard
deviation that the fit states, has a 90 % quantile over the families, which count alike, whatever their number of cases; this is the half-width
of an interval in standard deviations. That these grow with the horizon and with what a decay may change is the fit's part. Coverage is
checked on each family with the widths that the others give.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.calibration.cases import Case, constant_cases, decayed_cases, models
from losslaws.curves.files import write_table, write_text
from losslaws.forecast.calibration import INTERVALS, PRIOR
from losslaws.forecast.fitted import Fitted, fit_runs
from losslaws.forecast.prior import learn

LEVEL = 0.9
HORIZONS = (1.2, 2.0, 4.0, np.inf)  # upper ends of the bins in which errors and coverage are shown
LEAST_CASES = 5  # cases that a family needs to have a say


def write(table: pd.DataFrame) -> list[Path]:
    """Write prior.json and calibration.csv, from the errors of `errors()`; return both paths."""
    write_text(PRIOR, json.dumps(learn(models()), indent=1) + "\n")
    write_table(widths(table), INTERVALS, digits=4)
    return [PRIOR, INTERVALS]


def widths(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every kind and bin of the horizon.

    Columns seen, horizon (upper end), cases, families, mean_error and worst_error in per cent; spreads, the half-width of
    the interval in standard deviations; coverage, the share of outcomes within intervals whose width other families gave, in per
    cent.
    """
    rows = []
    for kind, cases in table.groupby("kind"):
        spreads, inside, error = width(cases), covered(cases), 100 * cases["error"].abs()
        place = np.searchsorted(HORIZONS, cases["horizon"])
        for k, end in enumerate(HORIZONS):
            own = place == k
            if own.any():
                rows.append(
                    {
                        "seen": kind,
                        "horizon": end,
                        "cases": int(own.sum()),
                        "families": cases["dataset"][own].nunique(),
                        "mean_error": error[own].mean(),
                        "worst_error": error[own].max(),
                        "spreads": spreads,
                        "coverage": 100 * inside[own].mean(),
                    }
                )
    return pd.DataFrame(rows)


def width(cases: pd.DataFrame) -> float:
    """Return the LEVEL quantile of |error| / spread over the families that have LEAST_CASES cases, which count alike."""
    size = cases.groupby("dataset")["error"].transform("size")
    ratio, size = (cases["error"].abs() / cases["spread"])[size >= LEAST_CASES], size[size >= LEAST_CASES]
    return float(np.quantile(ratio, LEVEL, weights=1 / size, method="inverted_cdf"))


def covered(cases: pd.DataFrame) -> pd.Series:
    """Return of every case whether its outcome lies within the interval whose width the other families gave."""
    inside = pd.Series(False, index=cases.index)
    for family in cases["dataset"].unique():
        own = cases["dataset"] == family
        inside[own] = cases.loc[own, "error"].abs() <= width(cases[~own]) * cases.loc[own, "spread"]
    return inside


def errors() -> pd.DataFrame:
    """Return a row for every case, forecast with priors of other families.

    Columns family, group, kind, seen, target, horizon; error, the relative error of the final loss; spread, which the fit stated.
    """
    every = models()
    rows = []
    for family in dict.fromkeys(group.dataset for group in every):
        learned = learn([group for group in every if group.dataset != family])
        own = [group for group in every if group.dataset == family]
        for group in tqdm(own, desc=family, leave=False):
            rows += [row for cases in (constant_cases, decayed_cases) for row in forecast(list(cases(group)), learned)]
    return pd.DataFrame(rows)


def forecast(cases: list[Case], learned: dict) -> list[dict]:
    """Return the rows of `cases`; runs that are seen more than once are fitted once."""
    fitted: dict[tuple, Fitted] = {}
    rows = []
    for case in cases:
        key = case.seen.name, int(case.seen.step[-1])
        if key not in fitted:
            fitted[key] = fit_runs([case.seen], learned)
        loss, spread = fitted[key].losses(case.target.schedule, case.target.step[-1:])
        rows.append(
            {
                "dataset": case.group.dataset,
                "group": case.group.name,
                "kind": case.kind,
                "seen": case.seen.name,
                "target": case.target.name,
                "horizon": case.horizon,
                "error": float(loss[0] / case.target.final_loss - 1),
                "spread": float(spread[0]),
            }
        )
    return rows
