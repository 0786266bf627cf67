"""Forecasts whose outcome is known: what is seen of a public run, and the final loss that it, or another, reached.

models()               the public models whose runs decay
cases(group)           of every kind, at most MOST of each: KINDS
constant_cases(group)  the part of a run at a constant rate -> its final loss after the decay
underway_cases(group)  a run up to the middle of its decay -> its final loss
decayed_cases(group)   one decayed run -> the final losses of the others at its peak rate
peak_cases(group)      one decayed run -> the final losses of those at other peak rates
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from losslaws.curves import InputError, LossCurve
from losslaws.curves.public import Group, groups
from losslaws.curves.runs import decays, fork_of, select
from losslaws.forecast.fitted import FEWEST
from losslaws.forecast.prior import RELATIVE, fitted_points

SHORTEST = 0.25  # a decayed run is asked about runs that are at most 1/SHORTEST times as long
MOST = 4  # cases of a kind in one model, drawn evenly
AT_ONCE = 0.01  # of the length, within which two runs were evaluated last
CUTS = (1 / 3, 2 / 3)  # of a decay that is under way


@dataclass(frozen=True, eq=False)
class Case:
    """One forecast: from `seen`, the final loss of `target`, a run of `group`. kind: one of KINDS."""

    kind: str
    group: Group
    seen: LossCurve
    target: LossCurve

    @property
    def horizon(self) -> float:
        """How many times as long as the seen part the forecast run is."""
        return float(self.target.step[-1] / self.seen.step[-1])

    @property
    def optimiser(self) -> str:
        """As a forecast is told it."""
        return {"absolute": self.group.optimiser, "relative": RELATIVE}.get(self.group.rate, "unknown")


def models() -> list[Group]:
    """Return the public groups in which a run decays."""
    return [group for group in groups() if any(map(decays, group.curves.values()))]


def parts(group: Group) -> list[Group]:
    """Return the parts of one peak rate of `group` in which a run decays."""
    return [part for part in group.at_each_peak() if any(map(decays, part.curves.values()))]


def cases(group: Group, most: int = MOST) -> list[Case]:
    """Return cases of every kind, at most `most` of each."""
    return [case for find in KINDS.values() for case in some(list(find(group)), most)]


def some(every: list[Case], most: int) -> list[Case]:
    """Return at most `most` of the cases, evenly drawn."""
    return [every[i] for i in np.unique(np.linspace(0, len(every) - 1, most).round().astype(int))] if every else []


def rivals(case: Case) -> list[LossCurve]:
    """Return the other runs of the length and the peak rate of the target, which end where it does."""
    target, seen = case.target, case.seen
    return [
        curve
        for curve in case.group.at_peak(target.schedule.peak).curves.values()
        if curve.name not in (target.name, seen.name)
        and curve.schedule.steps == target.schedule.steps
        and abs(int(curve.step[-1]) - int(target.step[-1])) <= AT_ONCE * target.schedule.steps
    ]


def constant_cases(group: Group) -> Iterator[Case]:
    """Yield a case for every run that decays once after a stretch at the peak rate."""
    for curve in group.curves.values():
        fork = fork_of(curve.schedule)
        if not (fork and decays(curve)):
            continue
        same = group.at_peak(curve.schedule.peak).curves.values()
        for trunk in [curve, *(other for other in same if other.schedule.name == "constant")]:
            if trunk.schedule.steps >= fork and (seen := cut(trunk, fork)):
                yield Case("constant", group, seen, curve)
                break


def underway_cases(group: Group) -> Iterator[Case]:
    """Yield a case for every run that decays, seen up to each of CUTS of the steps after its fork (or after its warm-up)."""
    for curve in filter(decays, group.curves.values()):
        start = fork_of(curve.schedule) or curve.schedule.warmup
        for share in CUTS:
            seen = cut(curve, int(start + share * (curve.schedule.steps - start)))
            if seen and seen.step[-1] > start:
                yield Case("under way", group, seen, curve)


def cut(curve: LossCurve, step: int) -> LossCurve | None:
    """Return `curve` up to `step`, None where a forecast would refuse it."""
    keep = curve.step <= step
    if not keep.any():
        return None
    try:
        seen = select(curve, keep)
        return seen if fitted_points(seen).step.size >= FEWEST else None
    except InputError:
        return None


def decayed_cases(group: Group) -> Iterator[Case]:
    """Yield a case for every pair of runs of one peak rate that decay, of which the first was evaluated before its decay too."""
    for seen in whole(group):
        for target in group.at_peak(seen.schedule.peak).curves.values():
            if near(seen, target):
                yield Case("decayed", group, seen, target)


def peak_cases(group: Group) -> Iterator[Case]:
    """Yield a case for every pair of runs of two peak rates that decay, of which the first was evaluated before its decay too."""
    for seen in whole(group):
        for target in group.curves.values():
            if target.schedule.peak != seen.schedule.peak and near(seen, target):
                yield Case("peak", group, seen, target)


def whole(group: Group) -> Iterable[LossCurve]:
    """Return the runs that decay and were evaluated from their beginning on."""
    runs = [curve for curve in group.curves.values() if decays(curve) and cut(curve, curve.schedule.steps)]
    return [run for run in runs if run.step[0] <= max(0.1 * run.step[-1], 2 * run.schedule.warmup)]


def near(seen: LossCurve, target: LossCurve) -> bool:
    """Whether `target` is another decayed run, of at most 1 / SHORTEST times the length of `seen`."""
    return target is not seen and decays(target) and SHORTEST * target.schedule.steps <= seen.schedule.steps


KINDS = {"constant": constant_cases, "under way": underway_cases, "decayed": decayed_cases, "peak": peak_cases}
