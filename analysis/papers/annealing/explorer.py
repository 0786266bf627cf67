"""The explorer of the report: what its page is given, and the page's part itself.

    explorer(e) -> str      HTML with everything inside: controls, data, code, plotting library
    families(e) -> [dict]   fitted laws and measured runs that it offers

The plotting library is Bokeh (BSD-3-Clause), as the installed package ships it; the page holds it compressed.
"""

import base64
import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import bokeh
import numpy as np

from analysis.pages.page import TEMPLATES
from analysis.papers.annealing.evidence import Evidence
from analysis.papers.annealing.experiment import PREDICTED
from losslaws import laws
from losslaws.curves import InputError, LossCurve, Schedule, public, schedules
from losslaws.curves.runs import same_model, shape
from losslaws.fitting import Fit, fit
from losslaws.laws import Law

WEB = Path(__file__).parent / "web"
CODE = ("schedules.js", "law.js", "charts.js", "explorer.js", "downloads.js")
LIBRARY = ("bokeh.min.js", "bokeh-api.min.js")
DIGITS = 10
MOST_POINTS = 150  # of a measured curve
MOST_KNOTS = 40  # of a measured schedule that is no known family
GRID, GRID_PEAK, GRID_STEPS = "slimpajama-124m", 1e-3, 50_000  # the runs of the public grid that it shows
# shapes of those that are fitted
GRID_SEEN = (("constant", 0.0, 1.0, 1.0), ("cosine", 0.0, 0.5, 0.1), ("wsd", 0.8, 0.5, 0.0))


def explorer(e: Evidence) -> str:
    """Return the explorer as a part of a page."""
    library = "\n".join(
        (Path(bokeh.__file__).parent / "server" / "static" / "js" / name).read_text("utf-8") for name in LIBRARY
    )
    packed = base64.b64encode(gzip.compress(library.encode(), mtime=0)).decode()
    return TEMPLATES.get_template("papers/annealing/web/explorer.html.j2").render(
        style=(WEB / "explorer.css").read_text("utf-8"),
        code="\n".join((WEB / name).read_text("utf-8") for name in CODE),
        data=block({"families": families(e)}),
        library=packed,
        version=bokeh.__version__,
        size=f"{len(packed) / 1e6:.2f} MB, {len(library) / 1e6:.1f} MB unpacked",
    )


def block(content) -> str:
    """Return `content` as JSON that nothing in it can end, numbers to DIGITS digits: their last bits differ by machine."""

    def told(value):
        if isinstance(value, float):
            return float(f"{value:.{DIGITS}g}")
        if isinstance(value, dict):
            return {key: told(one) for key, one in value.items()}
        return [told(one) for one in value] if isinstance(value, list | tuple) else value

    return json.dumps(told(content), separators=(",", ":")).replace("<", "\\u003c")


def families(e: Evidence) -> list[dict]:
    """Return every fitted law that the page offers, the profile's own first, with the measured runs that it speaks of."""
    own = e.own
    base = next(iter(own.role("fit").values()))
    ours = [c for c in own.curves.values() if c.role in PREDICTED and same_model(c, base)]
    found = [family(f"Our runs: {own.name}", own.fit, ours)]
    theirs = [*e.paper.values(), *e.unseen.values()]
    found.append(family("Annealing paper, 594M (its Fig. 2 and 3)", e.paper_fit, theirs))
    full = laws.build("annealing", warmup="full")
    for group in public.groups("mpl"):
        seen = [group.curves[name] for name in group.published[0]]
        found.append(family(f"Multi-Power paper, {group.size}", fit(full, seen), group.curves.values()))
    return [*found, family("SlimPajama, 124M, peak 1e-3", *grid(full))]


def grid(law: Law) -> tuple[Fit, list[LossCurve]]:
    """Return the law fitted to three runs of the public grid, and all runs as long as they at their peak rate."""
    (group,) = public.groups(GRID)
    peak = group.at_peak(GRID_PEAK).curves.values()
    curves = [curve for curve in peak if curve.schedule.steps == GRID_STEPS]
    return fit(law, [curve for curve in curves if shape(curve.schedule) in GRID_SEEN]), curves


def family(name: str, fitted: Fit, curves: Iterable[LossCurve]) -> dict:
    """Return a fitted annealing law and its measured runs as the page reads them; runs it cannot draw are left out."""
    curves = list(curves)
    seen = [c for c in curves if c.name in fitted.curves]
    return {
        "name": name,
        "params": fitted.params,
        "warmupRule": fitted.law.warmup,
        "fittedTo": list(fitted.curves),
        "r2": fitted.r2,
        "peak": seen[0].schedule.peak,
        "warmup": seen[0].schedule.warmup,
        "steps": max(c.schedule.steps for c in seen),
        "runs": [run for c in sorted(curves, key=lambda c: c.name) if (run := measured(c))],
    }


def measured(curve: LossCurve) -> dict | None:
    """Return one run as the page reads it, with no more than MOST_POINTS losses; None where its schedule cannot be told."""
    spec = describe(curve.schedule)
    if spec is None:
        return None
    keep = np.unique(np.linspace(0, curve.step.size - 1, min(curve.step.size, MOST_POINTS)).round().astype(int))
    return {
        "name": curve.name,
        "schedule": spec,
        "step": curve.step[keep].tolist(),
        "loss": curve.loss[keep].round(5).tolist(),
    }


def describe(schedule: Schedule) -> dict | None:
    """Return {name, steps, peak, warmup, options} that build exactly these rates; None where none is found."""
    common = {"steps": schedule.steps, "peak": schedule.peak, "warmup": schedule.warmup}
    for name, options in candidates(schedule):
        try:
            built = schedules.build(name, **common, **options)
        except InputError:
            continue
        if np.allclose(built.lr, schedule.lr, rtol=1e-9, atol=1e-12 * schedule.peak):
            return {"name": name, **common, "options": options}
    return None


def candidates(schedule: Schedule):
    """Yield (family, options) that a schedule may have been built with, likeliest first."""
    T, share = schedule.steps, schedule.lr / schedule.peak
    final = round(float(share[-1]), 9)
    yield "constant", {}
    lowest = int(np.argmax(share[schedule.warmup :] <= share[schedule.warmup :].min())) + schedule.warmup + 1
    for cycle in (None, lowest, *(round(part * T) for part in (1.25, 1.4, 1.5, 2.0))):
        for end in {final, 0.0}:
            yield "cosine", {"cycle": cycle, "final": end}
    flat = int(np.flatnonzero(share >= 1)[-1]) + 1  # the last step at the peak
    for form in ("linear", "cosine", "1-sqrt", "exponential"):
        yield "wsd", {"decay": max(T - flat, 2), "shape": form, "final": final}
    yield "multistep", {}
    yield "multistep_cosine", {}
    for cycles in range(2, 7):
        yield "cyclic", {"cycles": cycles, "final": final}
    bends = np.abs(np.diff(share, 2)) > 1e-9
    knots = [*(np.flatnonzero(bends) + 2)[np.flatnonzero(bends) + 2 > schedule.warmup].tolist(), T]
    if len(knots) <= MOST_KNOTS:
        yield "polyline", {"points": [[0.0, 1.0], *([k / T, float(share[k - 1])] for k in knots)]}
