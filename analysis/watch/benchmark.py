"""How often `losslaws watch` raises a false alarm, and what it notices: `python -m analysis watch-benchmark`.

Healthy public runs are watched from their first losses to their end; an alarm at any loss counts as one false alarm of the run. Then every fourth one is
damaged from the middle of its losses on, in several ways and sizes, and watched again. The rule is to be chosen on some groups of authors
(CHOSEN_ON), the others have no part in it: of RULES, each with its own allowance and limit, the one that is the soonest to notice losses OFF half
widths off, among those without a false alarm there. The damages have no part in it either.

The library's rule is the one that is chosen so. A run at the highest peak rate of Schaipp et al. (linear10_0.003_50000) asks for its limit: it falls so much
faster than the law says in its decay that a limit of 21 gives an alarm. OFF was 2.5 while widths of decayed runs were 1.4 times as many spreads. Before this split was made every fourth run of all groups had been looked at, 125 in all.

Not in the tables, because they are no matter of chance: a loss that is NaN from some step on, and a logged rate that is not the plan's, are told by
equality. The priors of the fits are the library's, which these models, among others, taught; widths likewise.
"""

import random
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
LEAST = 7  # losses in a row that an alarm needs, however far off they lie: fewer may be a spike that recovers
RULES = [
    replace(RULE, allowance=a, limit=b, most=b / LEAST)
    for a, b in product((1.0, 1.5, 2.0, 2.5, 3.0), (7.0, 10.5, 14.0, 17.5, 21.0, 28.0))
]
OFF = 3.5  # half widths
HARMED = 4  # one of so many runs is damaged too
HEALTHY = "none"  # kind of a run that was left as it is
NO_DAMAGE = "spike that recovers"  # after which the run is as it would have been


class Keeping(Watcher):
    """A watcher that keeps every band, since all rules ask for most of them again."""

    def band(self, curve: LossCurve, seen: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        key = hash((curve.loss[:k].tobytes(), seen.tobytes(), k))
        if key not in self.fits:
            self.fits[key] = super().band(curve, seen, k)
        return self.fits[key]


def rows(run: Run, damages: bool = True) -> list[dict]:
    """Return a row for every rule, and with `damages` one for every damage under RULE: side, delay and place of the first alarm."""
    watcher, found = Keeping(run.optimiser), []
    cases = [(HEALTHY, 0.0, run.curve, rule) for rule in RULES]
    if damages:
        cases += [
            (kind, size, damaged(run, kind, size), RULE) for kind, (sizes, _) in DAMAGES.items() for size in sizes
        ]
    for kind, size, curve, rule in cases:
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


def measured(count: int | None = None) -> pd.DataFrame:
    """Return the rows of the first `count` runs (None: all) in an order drawn once; every HARMED-th is damaged too."""
    every = list(runs())
    random.Random(0).shuffle(every)
    some = tqdm(every[:count], desc="runs", leave=False)
    return pd.DataFrame(row for i, run in enumerate(some) for row in rows(run, damages=i % HARMED == 0))


def choose(table: pd.DataFrame) -> Rule:
    """Return the rule that is to be taken by the runs of CHOSEN_ON; where every rule raises false alarms, one of those with the fewest."""
    own = table[table["authors"].isin(CHOSEN_ON) & (table["kind"] == HEALTHY)]
    false = own.groupby(["allowance", "limit"])["alarm"].sum()
    fewest = [rule for rule in RULES if false[rule.allowance, rule.limit] == false.min()]
    return min(fewest, key=soonest)


def soonest(rule: Rule) -> float:
    """Return the losses after which `rule` notices a run that lies OFF half widths off."""
    return rule.limit / min(OFF - rule.allowance, rule.most)


def under(table: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Return the rows of one rule."""
    return table[(table["allowance"] == rule.allowance) & (table["limit"] == rule.limit)]


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
    """Return a row for every rule, the soonest first: false alarms where a rule is chosen and elsewhere."""
    healthy, out = table[table["kind"] == HEALTHY], []
    for rule in sorted(RULES, key=soonest):
        own = under(healthy, rule)
        chosen = own["authors"].isin(CHOSEN_ON)
        row = {"allowance": rule.allowance, "limit": rule.limit, "losses_until_noticed": soonest(rule)}
        out.append(
            row | {"false_chosen_on": int(own[chosen]["alarm"].sum()), "false_unseen": int(own[~chosen]["alarm"].sum())}
        )
    return pd.DataFrame(out)


def write(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the tables and the page into `folder`; return the pages."""
    rule, chosen = choose(table), under(table, RULE)
    tables = {"false_alarms": false_alarms(chosen), "hits": hits(chosen), "rules": rules(table), "runs": chosen}
    write_tables(folder, tables, digits=4)
    text = [
        "# What `losslaws watch` notices",
        __doc__.split("\n\n", 1)[1].strip(),
        f"The library's rule: allowance {RULE.allowance:g}, limit {RULE.limit:g} half widths. Chosen here: {rule.allowance:g} and {rule.limit:g}.",
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
