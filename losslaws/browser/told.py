"""Runs and schedules as the page reads them, so that nothing of what is fitted is lost.

run(curve, seen) -> dict           a run: its losses, the points that are fitted, its schedule
describe(schedule) -> dict         {name, steps, peak, warmup, options} that build exactly its rates, where there are such
told(schedule) -> dict             the same, or its rates at the knots of straight lines
"""

from collections.abc import Iterator

import numpy as np

from losslaws.curves import InputError, LossCurve, Schedule, schedules
from losslaws.curves.runs import thinned
from losslaws.forecast.prior import fitted_points
from losslaws.forecast.refusals import STRETCH

MOST_POINTS = 4000  # of a run, unless a page says otherwise
MOST_KNOTS = 40  # of rates that are drawn by hand
STRAIGHT = 1e-12  # of the peak, by which rates may lie off a straight line


def run(curve: LossCurve, seen: bool = True, most: int = MOST_POINTS) -> dict:
    """Return a run as the page reads it; `seen`: whether it is fitted at first.

    Of more losses than `most` a part is kept, the last ones, and apart those that a forecast fits.
    """
    kept = thinned(curve, most)
    found = {
        "name": curve.name,
        "seen": seen,
        "step": kept.step.tolist(),
        "loss": kept.loss.tolist(),
        "schedule": told(curve.schedule),
        "tokens": curve.tokens_per_step,
        "size": curve.parameters.get("non_embedding") or curve.parameters.get("total"),
        "notes": list(curve.source.get("notes", ())),
        "file": curve.source.get("file"),
    }
    if kept.step.size < curve.step.size:
        points = fitted_points(curve)
        step = np.union1d(
            kept.step, curve.step[-STRETCH:]
        )  # by the last ones a forecast asks whether the law is how the run ends
        found |= {
            "fitted": {"step": points.step.tolist(), "loss": points.loss.tolist()},
            "step": step.tolist(),
            "loss": curve.loss[np.searchsorted(curve.step, step)].tolist(),
        }
    return found


def told(schedule: Schedule) -> dict:
    """Return what builds the rates of `schedule`: its name and options, or the knots of straight lines."""
    found = describe(schedule)
    if found is None:
        bends = np.abs(np.diff(schedule.lr, 2)) > STRAIGHT * schedule.peak
        step = np.unique([1, *(np.flatnonzero(bends) + 2), schedule.steps])
        found = {
            "name": schedule.name,
            "steps": schedule.steps,
            "warmup": schedule.warmup,
            "knots": [step.tolist(), schedule.lr[step - 1].tolist()],
        }
    return found


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


def candidates(schedule: Schedule) -> Iterator[tuple[str, dict]]:
    """Yield (family, options) that a schedule may have been built with, likeliest first."""
    T, share = schedule.steps, schedule.lr / schedule.peak
    final = round(float(share[-1]), 9)
    yield "constant", {}
    if schedule.warmup >= T:
        return
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
