"""The groups of curves that the board is made of: `groups(results)`; the fit curves that this project chose where nobody published any: `chosen(group)`.

The public groups are those of `losslaws.curves.public`; own runs are those of results/PROFILE/curves. Rates that are not Adam's have a unit that
means nothing elsewhere: the highest of each group is read as STATED_AT.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from losslaws.curves import LossCurve, Schedule, public
from losslaws.curves.public.groups import Group, noise, written
from losslaws.curves.runs import settled, shape
from losslaws.curves.store import holds_curves, load_folder
from losslaws.laws.relaxation import STATED_AT

OWN = {"annealing/cpu": "own-cpu", "annealing/gpu": "own-gpu"}  # data set of each profile of own runs
KINDS = ("constant", "cosine", "cooldown")  # of the fit curves where nobody published a split
GRID = "slimpajama-124m"
SIZES = 8  # of one data set; only the Gemstones have more, 22


def groups(results: Path | str) -> list[Group]:
    """Return every group, the public ones first; own runs are read from `results`/PROFILE/curves where these exist."""
    found = [stated(group) for name in public.DATA_SETS for group in some(public.groups(name))]
    own = [profile for profile in OWN if holds_curves(Path(results) / profile)]
    return [*found, *(group for profile in own for group in own_runs(results, profile))]


def some(models: list[Group]) -> list[Group]:
    """Return the groups of at most SIZES sizes, evenly drawn: more of one set-up would outweigh the cells of other data sets."""
    sizes = sorted({group.parameters for group in models})
    kept = [sizes[i] for i in np.unique(np.linspace(0, len(sizes) - 1, SIZES).round().astype(int))]
    return [group for group in models if group.parameters in kept]


def stated(group: Group) -> Group:
    """Return `group` with rates that laws of absolute rates can read."""
    if group.rate == "absolute":
        return group
    factor = STATED_AT / max(curve.schedule.peak for curve in group.curves.values())
    curves = {
        name: replace(curve, schedule=Schedule(curve.schedule.lr * factor, curve.schedule.warmup, curve.schedule.name))
        for name, curve in group.curves.items()
    }
    return replace(group, curves=curves)


def chosen(group: Group) -> Iterator[tuple[str, ...]]:
    """Yield the fit curves of each split that this project chose: a constant run, a cosine to a tenth, a cooldown over a fifth.

    None where a split is published. Of the grid, the longest runs of each peak rate that has all three; of other groups, the shortest run of each kind, whatever its peak.
    """
    if group.published:
        return
    if group.dataset == GRID:
        parts = [longest(part.curves) for part in group.at_each_peak()]
        order = KINDS
    else:
        parts = [dict(reversed(by_length(group.curves)))]
        order = ("constant", "cooldown", "cosine")
    for curves in parts:
        first = {kind(curve): name for name, curve in curves.items()}
        if first.keys() >= set(KINDS):
            yield tuple(first[name] for name in order)


def by_length(curves: dict[str, LossCurve]) -> list[tuple[str, LossCurve]]:
    """Return names and curves, the shortest first."""
    return sorted(curves.items(), key=lambda item: item[1].schedule.steps)


def longest(curves: dict[str, LossCurve]) -> dict[str, LossCurve]:
    """Return those of `curves` that are as long as any."""
    steps = max(curve.schedule.steps for curve in curves.values())
    return {name: curve for name, curve in curves.items() if curve.schedule.steps == steps}


def kind(curve: LossCurve) -> str:
    """Return which of KINDS a curve is; "" for none."""
    kinds = {("cosine", 0.0, 0.5, 0.1): "cosine", ("wsd", 0.8, 0.5, 0.0): "cooldown"}
    return "constant" if curve.schedule.name == "constant" else kinds.get(shape(curve.schedule), "")


def own_runs(results: Path | str, profile: str) -> Iterator[Group]:
    """Yield every size of which the profile trained several schedules, one seed of each, with the curves of role "fit" as its split."""
    runs = [settled(curve) for curve in load_folder(Path(results) / profile).values()]
    for size in sorted({run.parameters["non_embedding"] for run in runs}):
        same = [run for run in runs if run.parameters["non_embedding"] == size]
        first = min(run.seed for run in same)
        curves = {run.name: run for run in same if run.seed == first and run.role != "noise"}
        fit = tuple(name for name, run in curves.items() if run.role == "fit")
        if len(curves) > 2 and fit:
            yield Group(OWN[profile], written(size), "this project", curves, (fit,), noise(same))
