"""By what rule the settings of a forecast are chosen, and what such a choice is worth: "choose, then look".

    choose(table)    the setting of least mean error, every group of authors and every kind of forecast counting alike
    looked(table)    for every group of authors: the setting that the others choose, and the errors of this one on it
    forms(table)     the interval score of every candidate for fitted.FORM and UNLIKE, over all groups of authors, and with each left out

A setting changes what `prior.learn` returned. `looked` is what is reported as unseen: no group has a part in the choice that it is scored on. Before
the list below was written, some thirty combinations of such numbers had been looked at on the cases of all groups.

FORM and UNLIKE are the pair of least interval score (Gneiting, Raftery 2007), with widths twice removed: the length of an interval plus 2 / (1 - LEVEL) times what
the outcome lies outside. By the same score were chosen, each before the others, the width that all groups of authors alike need instead of the neediest (.0235 for
.0273), and a scale of priors that leaves out what is uncertain of their lines (.0235 for .0246); whichever group was left out, these were the better ones. So was FLOOR
for differences too instead of half of it (.0198 for .0205); of 0, .05, .1, .2 to 1 % it scores least. UNLIKE was found by asking which of two measures of
how unlike two schedules are leaves the lower score, the mean rate or the length of a decay (.0206, .0209 for .0226); differences have no part in the choice.
That every group of MANY cases may ask for a width costs 3 % of the score; without it 77 % of the 124M grid's 2,762 ends lay inside, see LOG.md.
"""

from collections.abc import Sequence
from copy import deepcopy
from itertools import product

import numpy as np
import pandas as pd

from analysis.calibration.calibrate import LEVEL, checked, errors
from losslaws.forecast.fitted import FORM, UNLIKE
from losslaws.forecast.prior import Told

CANDIDATES = tuple(product((0.0, 0.0025, 0.005, 0.01), (0.0, 0.004, 0.008, 0.012, 0.016, 0.024)))  # for FORM and UNLIKE
MOST = 2  # cases of a kind in one model: a choice needs fewer than widths do
# points that one scale of distance from a prior costs, and before a run came down to the share `fallen` of its peak rate; whether the size is
# taken into account
SETTINGS = [
    *({"points": points, "early": points, "fallen": 0.6, "size": True} for points in (10.0, 30.0, 100.0)),
    *(
        {"points": 30.0, "early": early, "fallen": fallen, "size": True}
        for early in (100.0, 300.0, 1000.0)
        for fallen in (0.9, 0.6, 0.3)
    ),
    {"points": 30.0, "early": 300.0, "fallen": 0.6, "size": False},
]


def changed(learned: dict, size: bool, **numbers: float) -> dict:
    """Return what was learned under other settings."""
    learned = deepcopy(learned) | numbers
    if not size:
        for form in learned["forms"].values():
            for key in ("noise", "rate"):
                form["share"][f"{key} size"] = blind(form["share"][key])
        learned["memory"]["size"] = blind(learned["memory"][""])
    return learned


def blind(line: dict) -> dict:
    """Return `line` with one more variable, the last, that changes nothing."""
    return line | {"coefficients": [*line["coefficients"], 0.0]}


def scored(told: Sequence[Told]) -> pd.DataFrame:
    """Return the errors of every setting, authors left out once; the column `setting` is its place in SETTINGS."""
    tables = [errors(told, twice=False, change=lambda learned, s=s: changed(learned, **s), most=MOST) for s in SETTINGS]
    return pd.concat([table.assign(setting=i) for i, table in enumerate(tables)], ignore_index=True)


def means(table: pd.DataFrame) -> pd.Series:
    """Return the mean absolute error of every setting, groups of authors and kinds counting alike."""
    error = table["error"].abs().groupby([table["setting"], table["authors"], table["kind"]]).mean()
    return error.groupby("setting").mean()


def settings(table: pd.DataFrame) -> pd.DataFrame:
    """Return every setting with its mean error over all groups of authors, relative."""
    return pd.DataFrame(SETTINGS).assign(mean_error=means(table))


def choose(table: pd.DataFrame) -> int:
    """Return the place of the setting of least mean error."""
    return int(means(table).idxmin())


def looked(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every group of authors: the setting that the others choose, its mean error here, and that of the best one here."""
    rows = []
    for authors in table["authors"].unique():
        own = means(table[table["authors"] == authors])
        chosen = choose(table[table["authors"] != authors])
        rows.append({"authors": authors, **SETTINGS[chosen], "mean_error": own[chosen], "best_error": own.min()})
    return pd.DataFrame(rows)


def forms(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every candidate: mean interval score of losses, relative, groups of authors and kinds counting alike, and by the authors left out.

    table  of `calibrate.errors`, twice
    """
    losses = table[table["kind"] != "difference"]
    rows = []
    for form, unlike in CANDIDATES:
        more = (form**2 - FORM**2) * losses["reach"] ** 2 + (unlike**2 - UNLIKE**2) * losses["unlike"] ** 2
        check = checked(losses.assign(spread=np.sqrt(losses["spread"] ** 2 + more)))
        outside = (check["error"].abs() - check["half"]).clip(lower=0)
        score = (2 * check["half"] + 2 / (1 - LEVEL) * outside).groupby([check["authors"], check["kind"]]).mean()
        names = score.index.unique("authors")
        rows.append(
            {
                "form": form,
                "unlike": unlike,
                "all": score.mean(),
                **{f"without {a}": score.drop(a).mean() for a in names},
            }
        )
    return pd.DataFrame(rows)
