"""How far forecasts are off, measured on public runs whose authors taught neither the priors nor the widths: prior.json, calibration.csv.

Every case of `cases.py` is forecast with priors learned from other groups of authors. The interval of a forecast is so many times as wide as
the spread that the fit states, to either side: a number for every stage of what was seen, `width`, and one for differences. Coverage is checked twice removed: for every group
of authors, the widths come from cases of the others, each forecast with priors that neither its own authors nor the group checked taught.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.calibration.cases import MOST, Case, cases, models, parts, rivals
from losslaws.curves.files import write_table, write_text
from losslaws.forecast.calibration import INTERVALS, PRIOR, UNRELATED
from losslaws.forecast.fitted import Fitted, fit_runs
from losslaws.forecast.prior import ADAM, Told, adams, learn, tell

LEVEL = 0.9
MANY = 20  # cases of a group of authors, from which on it may ask for a width of its own
SHORTER = 0.9  # times as long as what was seen, below which a run is a kind of its own
RIVALS = 3  # runs of equal length that a case is compared with


def taught() -> list[Told]:
    """Return what the models of the public groups say: those of several runs, or of another optimiser."""
    every = [part for group in models() for part in parts(group)]
    return tell(
        part for part in tqdm(every, desc="models", leave=False) if len(part.curves) > 1 or part.optimiser not in ADAM
    )


def without(told: Sequence[Told], *authors: str) -> dict:
    """Return the priors that all but these authors teach."""
    return learn([one for one in told if one.authors not in authors])


def errors(
    told: Sequence[Told], twice: bool = True, change: Callable[[dict], dict] | None = None, most: int = MOST
) -> pd.DataFrame:
    """Return a row for every case and every choice of authors left out: its own, and with `twice` its own and one other group.

    Columns authors, also (the other authors left out, or ""), dataset, size, kind, stage (by which widths are taken: that of Fitted, or
    "difference"), adam (whether the optimiser is one that public runs had), seen, target, horizon; error, the relative error of the final loss; spread, which the fit stated; reach and unlike, of Fitted (losses only). `change` is done to
    what is learned; `most` cases of a kind are taken of a model.
    """
    groups = models()
    names = list(dict.fromkeys(group.authors for group in groups))
    left_out = [(name,) for name in names] + (list(combinations(names, 2)) if twice else [])
    rows = []
    for out in tqdm(left_out, desc="authors left out", leave=False):
        learned = (change or dict)(without(told, *out))
        for group in (group for group in groups if group.authors in out):
            also = "".join(name for name in out if name != group.authors)
            rows += [row | {"also": also} for row in forecast(cases(group, most), learned)]
    return pd.DataFrame(rows)


def forecast(cases: Iterable[Case], learned: dict, most: int = RIVALS) -> Iterator[dict]:
    """Yield the rows of `cases`, and of differences to `most` runs of equal length; runs that are seen more than once are fitted once."""
    fitted: dict[tuple, Fitted] = {}
    for case in cases:
        key = case.seen.name, int(case.seen.step[-1])
        if key not in fitted:
            fitted[key] = fit_runs([case.seen], learned, case.optimiser)
        about = {
            "authors": case.group.authors,
            "dataset": case.group.dataset,
            "size": case.group.size,
            "adam": adams(case.optimiser),
            "seen": case.seen.name,
            "target": case.target.name,
            "horizon": case.horizon,
        }
        to = case.target.schedule, case.target.step[-1:]
        loss, spread = fitted[key].losses(*to)
        error = float(loss[0] / case.target.final_loss - 1)
        far = {"reach": float(fitted[key].reach(*to)[0]), "unlike": float(fitted[key].unlike(*to)[0])}
        stage = {"kind": kind_of(case), "stage": fitted[key].stage}
        yield about | stage | {"error": error, "spread": float(spread[0])} | far
        for rival in rivals(case)[:most]:
            apart, spread = fitted[key].difference(rival.schedule, case.target.schedule)
            error = apart - (rival.final_loss / case.target.final_loss - 1)
            stage = {"kind": "difference", "stage": "difference", "rival": rival.name}
            yield about | stage | {"error": error, "spread": spread}


def kind_of(case: Case) -> str:
    """Return the kind of a case; a run that is shorter than what was seen is "shorter" whatever else it is."""
    return "shorter" if case.kind != "constant" and case.horizon < SHORTER else case.kind


def width(cases: pd.DataFrame) -> float:
    """Return how many spreads wide an interval is, to each side: what LEVEL of the cases need, groups of authors counting alike, and what LEVEL
    of every group of MANY cases or more does.

    Where no public run had the optimiser, UNRELATED times as many are taken already.
    """
    ratio = cases["error"].abs() / half(cases, 1.0)
    size = ratio.groupby(cases["authors"]).transform("size")
    groups = [ratio[cases["authors"] == name] for name in cases.loc[size >= MANY, "authors"].unique()]
    return max([needed(ratio, 1 / size), *(needed(group, group * 0 + 1) for group in groups)])


def needed(ratio: pd.Series, weight: pd.Series) -> float:
    """Return the least of `ratio` below or at which LEVEL of the `weight` lies."""
    order = np.argsort(ratio.to_numpy())
    enough = np.cumsum(weight.to_numpy()[order]) >= LEVEL * weight.sum() * (1 - 1e-12)
    return float(ratio.to_numpy()[order][np.argmax(enough)])


def half(cases: pd.DataFrame, spreads: float) -> pd.Series:
    """Return the half-width of the interval of every case, relative."""
    return cases["spread"] * spreads * np.where(cases["adam"], 1, UNRELATED)


def checked(table: pd.DataFrame) -> pd.DataFrame:
    """Return the cases of `table` with their own authors left out, with `half`, the half-width that others give, and `inside`."""
    own = table[table["also"] == ""].copy()
    for (authors, stage), rows in own.groupby(["authors", "stage"]):
        others = table[(table["also"] == authors) & (table["stage"] == stage)]
        own.loc[rows.index, "half"] = half(rows, width(others))
    return own.assign(inside=own["error"].abs() <= own["half"])


def widths(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every stage: cases, groups of authors, `spreads` wide to each side; and of the check, per cent, over all groups of
    authors alike, mean error, mean half-width and coverage."""
    rows = []
    for stage, own in checked(table).groupby("stage", sort=False):
        by = own.groupby("authors")
        rows.append(
            {
                "stage": stage,
                "cases": len(own),
                "authors": own["authors"].nunique(),
                "spreads": width(own),
                "mean_error": 100 * by["error"].apply(lambda error: error.abs().mean()).mean(),
                "half_width": 100 * by["half"].mean().mean(),
                "coverage": 100 * by["inside"].mean().mean(),
            }
        )
    return pd.DataFrame(rows)


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every group of authors and kind, checked: cases, mean error, bias, half-width and coverage, per cent."""
    check = checked(table)
    check = check.assign(absolute=check["error"].abs())
    by = check.groupby(["authors", "kind"], sort=False)
    out = by.agg(
        cases=("error", "size"), mean_error=("absolute", "mean"), bias=("error", "mean"), half_width=("half", "mean")
    )
    return (
        (100 * out.assign(cases=out["cases"] / 100, coverage=by["inside"].mean())).astype({"cases": int}).reset_index()
    )


def write(told: Sequence[Told], table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write prior.json and calibration.csv, and into `folder` coverage.csv; return their paths."""
    write_text(PRIOR, json.dumps(learn(told), indent=1) + "\n")
    write_table(widths(table), INTERVALS, digits=4)
    write_table(coverage(table), folder / "coverage.csv", digits=4)
    return [PRIOR, INTERVALS, folder / "coverage.csv"]
