"""The explorer of the report: the page's forecast of losslaws.browser, with the fitted laws and the measured runs of the report in it.

explorer(e) -> str      HTML with everything inside: controls, data, code
families(e) -> [dict]   fitted laws and measured runs that it offers
"""

from collections.abc import Iterable

from analysis.papers.annealing.evidence import Evidence
from analysis.papers.annealing.experiment import PREDICTED
from losslaws import laws
from losslaws.browser.page import group, part
from losslaws.browser.told import describe
from losslaws.curves import LossCurve, public
from losslaws.curves.runs import same_model, shape
from losslaws.fitting import Fit, fit
from losslaws.laws import Law

DIGITS = 10  # of every number: the last bits differ by machine
MOST_POINTS = 150  # of a measured curve that are shown
LEAD = (
    "Pick schedules, or draw one, and see what the annealing law makes of them, or the forecast of <code>losslaws predict</code>, fitted in this "
    "browser to the runs that are ticked; or drop a log of your own here. Measured losses stand as dots. The annealing law is read as everywhere on "
    'this page; it is no better here than in its <a href="#how-well-it-fits-and-predicts">test</a>.'
)
GRID, GRID_PEAK, GRID_STEPS = "slimpajama-124m", 1e-3, 50_000  # the runs of the public grid that it shows
# shapes of those that are fitted
GRID_SEEN = (("constant", 0.0, 1.0, 1.0), ("cosine", 0.0, 0.5, 0.1), ("wsd", 0.8, 0.5, 0.0))


def explorer(e: Evidence) -> str:
    """Return the explorer as a part of a page."""
    return part(families(e), LEAD, DIGITS)


def families(e: Evidence) -> list[dict]:
    """Return every fitted law that the page offers, the profile's own first, with the measured runs that it speaks of."""
    own = e.own
    base = next(iter(own.role("fit").values()))
    ours = [c for c in own.curves.values() if c.role in PREDICTED and same_model(c, base)]
    found = [family(f"Our runs: {own.name}", own.fit, ours)]
    theirs = [*e.paper.values(), *e.unseen.values()]
    found.append(family("Annealing paper, 594M (its Fig. 2 and 3)", e.paper_fit, theirs))
    full = laws.build("annealing", warmup="full")
    for one in public.groups("mpl"):
        seen = [one.curves[name] for name in one.published[0]]
        found.append(family(f"Multi-Power paper, {one.size}", fit(full, seen), one.curves.values()))
    return [*found, family("SlimPajama, 124M, peak 1e-3", *grid(full))]


def grid(law: Law) -> tuple[Fit, list[LossCurve]]:
    """Return the law fitted to three runs of the public grid, and all runs as long as they at their peak rate."""
    (one,) = public.groups(GRID)
    peak = one.at_peak(GRID_PEAK).curves.values()
    curves = [curve for curve in peak if curve.schedule.steps == GRID_STEPS]
    return fit(law, [curve for curve in curves if shape(curve.schedule) in GRID_SEEN]), curves


def family(name: str, fitted: Fit, curves: Iterable[LossCurve]) -> dict:
    """Return a fitted annealing law and its measured runs as the page reads them; runs whose schedule has no name are left out."""
    curves = [curve for curve in curves if describe(curve.schedule)]
    found = group(sorted(curves, key=lambda curve: curve.name), most=MOST_POINTS)
    for run in found["runs"]:
        run["seen"] = run["name"] in fitted.curves
    law = {
        "params": fitted.params,
        "rule": fitted.law.warmup,
        "fittedTo": list(fitted.curves),
    }
    return {**found, "name": name, "law": law}
