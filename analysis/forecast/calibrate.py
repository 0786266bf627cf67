"""How far forecasts are off, measured on public runs whose family the priors never saw: calibration.csv and prior.json.

Every case of `cases.py` is forecast with priors learned from the other families. The error, in units of the spread that the
fit states, has a 90 % quantile; the interval of a forecast is that many spreads wide to either side. The quantile depends on whether a
decay was seen and on the horizon. Families count alike, however many runs they have. Coverage is checked on each family with
quantiles of the others.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.forecast.cases import Case, constant_cases, decayed_cases
from analysis.forecast.families import Group, groups
from analysis.forecast.fitted import Fitted, fit_runs
from analysis.forecast.prior import learn

FILE = Path(__file__).parent / "calibration.csv"
LEVEL = 0.9
HORIZONS = (1.15, 1.5, 2.5, np.inf)  # upper ends of the bins of the horizon


def errors() -> pd.DataFrame:
    """Return a row for every case, forecast with priors of other families.

    Columns family, group, kind, seen, target, horizon; error, the relative error of the final loss; spread, which the fit stated.
    """
    every = groups()
    rows = []
    for family in dict.fromkeys(group.family for group in every):
        learned = learn([group for group in every if group.family != family])
        own = [group for group in every if group.family == family]
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
                "family": case.group.family,
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


if __name__ == "__main__":
    import sys

    table = errors()
    table.to_csv(sys.argv[1], index=False)
    table["e"] = 100 * table["error"].abs()
    print(table.groupby(["kind", "family"])["e"].agg(["size", "mean", "max"]).round(3))
    print(table[table.family == "124M"].groupby(["kind", "group"])["e"].agg(["size", "mean", "max"]).round(3))
