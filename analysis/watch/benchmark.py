"""How often `losslaws watch` raises a false alarm, and what it notices: `python -m analysis watch-benchmark`.

Healthy public runs are watched from their first losses to their end; an alarm at any loss counts as one false alarm of the run. Then each is
damaged from the middle of its losses on, in several ways and sizes, and watched again. The rule was chosen on some groups of authors (CHOSEN_ON):
of RULES, each with its own allowance and limit, the one that notices most of the damages among those without a false alarm there. The others
had no part in it.

Not in the tables, because they are no matter of chance: a loss that is NaN from some step on, and a logged rate that is not the plan's, are told by
equality. The priors of the fits are the library's, which these models, among others, taught; widths likewise.
"""

import random
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import beta
from tqdm import tqdm

from analysis.pages.writer import write_page, write_tables
from analysis.watch.damage import DAMAGES, Run, begin, damaged, runs
from losslaws.curves import LossCurve
from losslaws.forecast.watch import RULE, Rule, Watcher
from losslaws.words import markdown

CHOSEN_ON = ("Schaipp, Hägele et al.", "Jordan et al.")
RULES = [replace(RULE, allowance=a, limit=b) for a, b in product((1.0, 1.25, 1.5, 2.0), (6.0, 9.0, 12.0, 16.0))]
HEALTHY = "none"  # kind of a run that was left as it is
NO_DAMAGE = "spike that recovers"  # after which the run is as it would have been


class Keeping(Watcher):
    """A watcher that keeps every band, since all rules ask for most of them again."""

    def band(self, curve: LossCurve, seen: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        key = hash((curve.loss.tobytes(), seen.tobytes(), k))
        if key not in self.fits:
            self.fits[key] = super().band(curve, seen, k)
        return self.fits[key]


def rows(run: Run, rules: Iterable[Rule] = (RULE,), damages: bool = True) -> list[dict]:
    """Return a row for every rule and every damage of `run`: side, delay and place of the first alarm after the damage began."""
    watcher, found = Keeping(run.optimiser), []
    cases = [(HEALTHY, 0.0, run.curve)]
    if damages:
        cases += [(kind, size, damaged(run, kind, size)) for kind, (sizes, _) in DAMAGES.items() for size in sizes]
    for (kind, size, curve), rule in product(cases, rules):
        watcher.rule = rule
        about = {"authors": run.authors, "group": run.group, "run": run.curve.name, "kind": kind, "size": size}
        found.append(about | {"allowance": rule.allowance, "limit": rule.limit} | outcome(watcher, curve, kind))
    return found


def outcome(watcher: Watcher, curve: LossCurve, kind: str) -> dict:
    """Return whether an alarm was raised, of which side, and how many losses after the damage began; of a healthy run, at which of its losses."""
    watched, k = watcher.watch(curve), 0 if kind == HEALTHY else begin(curve)
    inside = float(np.mean(np.abs(watched.loss - watched.expected) <= watched.half))
    after = [one for one in watched.episodes if one.noticed >= curve.step[k]]
    if not after:
        return {
            "alarm": False,
            "side": "",
            "delay": np.nan,
            "since": np.nan,
            "inside": inside,
            "losses": watched.step.size,
        }
    place = int(np.searchsorted(curve.step, after[0].noticed))
    since = int(np.searchsorted(curve.step, after[0].since))
    return {
        "alarm": True,
        "side": after[0].side,
        "delay": place - k + 1,
        "since": since - k,
        "inside": inside,
        "losses": watched.step.size,
    }


def measured(healthy: int | None = None, harmed: int | None = None) -> pd.DataFrame:
    """Return the rows under all RULES of the first `healthy` runs in an order drawn once, the first `harmed` of them damaged too; None: of all."""
    every = list(runs())
    random.Random(0).shuffle(every)
    some = tqdm(every[:healthy], desc="runs", leave=False)
    return pd.DataFrame(
        row for i, run in enumerate(some) for row in rows(run, RULES, damages=harmed is None or i < harmed)
    )


def choose(table: pd.DataFrame, authors: Iterable[str] = CHOSEN_ON) -> tuple[float, float]:
    """Return allowance and limit of the rule that notices most among those without a false alarm, on runs of `authors`.

    A spike that recovers is no damage. Where every rule raises false alarms, the one that raises the fewest.
    """
    own = table[table["authors"].isin(list(authors))]
    by = ["allowance", "limit"]
    false = own[own["kind"] == HEALTHY].groupby(by)["alarm"].sum()
    hits = own[~own["kind"].isin([HEALTHY, NO_DAMAGE])].groupby(by)["alarm"].mean()
    return max(hits[false == false.min()].items(), key=lambda item: item[1])[0]


def under(table: pd.DataFrame, rule: tuple[float, float]) -> pd.DataFrame:
    """Return the rows of one rule."""
    return table[(table["allowance"] == rule[0]) & (table["limit"] == rule[1])]


def upper(alarms: int, runs: int) -> float:
    """Return the upper end of the one-sided 95 % interval of a rate (Clopper and Pearson)."""
    return float(beta.ppf(0.95, alarms + 1, runs - alarms)) if alarms < runs else 1.0


def false_alarms(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each group of authors, and for those that had a part in the choice and those that had none."""
    healthy = table[table["kind"] == HEALTHY]
    parts = {name: healthy[healthy["authors"] == name] for name in healthy["authors"].unique()}
    chosen = healthy["authors"].isin(CHOSEN_ON)
    parts |= {"chosen on": healthy[chosen], "unseen": healthy[~chosen]}
    return pd.DataFrame(
        {
            "authors": name,
            "chosen_on": name in CHOSEN_ON or name == "chosen on",
            "runs": len(part),
            "losses": int(part["losses"].sum()),
            "false_alarms": int(part["alarm"].sum()),
            "rate_at_most": upper(int(part["alarm"].sum()), len(part)),
            "inside_band": float(np.average(part["inside"], weights=part["losses"])),
        }
        for name, part in parts.items()
        if len(part)
    )


def hits(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every kind and size of damage, for authors that had no part in the choice, and for those that had."""
    out = []
    harmed = table[table["kind"] != HEALTHY]
    for seen in (False, True):
        part = harmed[harmed["authors"].isin(CHOSEN_ON) == seen]
        for (kind, size), own in part.groupby(["kind", "size"], sort=False):
            out.append(
                {
                    "chosen_on": seen,
                    "kind": kind,
                    "size": size,
                    "runs": len(own),
                    "alarms": int(own["alarm"].sum()),
                    "share": float(own["alarm"].mean()),
                    "delay": float(own["delay"].median()),
                    "since": float(own["since"].abs().median()),
                }
            )
    return pd.DataFrame(out)


def rules(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every rule: false alarms and the share of damages noticed, where the rule is chosen and elsewhere."""
    out = []
    for (allowance, limit), own in table.groupby(["allowance", "limit"]):
        row = {"allowance": allowance, "limit": limit}
        for name, part in (
            ("chosen_on", own[own["authors"].isin(CHOSEN_ON)]),
            ("unseen", own[~own["authors"].isin(CHOSEN_ON)]),
        ):
            row[f"false_{name}"] = int(part[part["kind"] == HEALTHY]["alarm"].sum())
            row[f"noticed_{name}"] = float(part[~part["kind"].isin([HEALTHY, NO_DAMAGE])]["alarm"].mean())
        out.append(row)
    return pd.DataFrame(out)


def write(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the tables and the page into `folder`; return the pages."""
    rule = choose(table)
    chosen = under(table, rule)
    tables = {"false_alarms": false_alarms(chosen), "hits": hits(chosen), "rules": rules(table), "runs": chosen}
    write_tables(folder, tables, digits=4)
    text = [
        "# What `losslaws watch` notices",
        __doc__.split("\n\n", 1)[1].strip(),
        f"The rule: allowance {rule[0]:g}, limit {rule[1]:g} half widths"
        + (
            "." if rule == (RULE.allowance, RULE.limit) else f"; the library has {RULE.allowance:g} and {RULE.limit:g}."
        ),
        "## False alarms",
        "Runs in which an alarm was raised at any loss; `rate at most` is the upper end of a one-sided 95 % interval, as if runs were independent, "
        "which those that share a trunk are not; `inside band` is the share of losses within their 90 % band.",
        markdown(tables["false_alarms"]),
        "## Damages",
        "Share of the runs in which a damage was noticed, and the median of the losses until then and of the distance, in losses, between where the damage "
        "began and where the alarm says it did. A spike that recovers should not be noticed.",
        markdown(tables["hits"]),
        "## Rules that were candidates",
        markdown(tables["rules"]),
    ]
    return write_page(folder, "watch", "\n\n".join(text) + "\n")
