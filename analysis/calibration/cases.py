"""Forecasts whose outcome is known: what is seen of a public run, and the final loss that it, or another, reached.

models()                the public models, by peak rate: what cases and priors are taken from
constant_cases(group)   the part of a run at a constant rate -> its final loss after the decay
decayed_cases(group)    one decayed run -> the final losses of the others
"""

from collections.abc import Iterator
from dataclasses import dataclass

from losslaws.curves import InputError, LossCurve
from losslaws.curves.public import Group, groups
from losslaws.curves.runs import decays, fork_of, select
from losslaws.forecast.fitted import FEWEST
from losslaws.forecast.prior import fitted_points

SHORTEST = 0.25  # a decayed run is asked about runs that are at most 1/SHORTEST times as long


@dataclass(frozen=True, eq=False)
class Case:
    """One forecast: from `seen`, the final loss of `target`, a run of `group`. kind: "constant" or "decayed"."""

    kind: str
    group: Group
    seen: LossCurve
    target: LossCurve

    @property
    def horizon(self) -> float:
        """How many times as long as the seen part the forecast run is."""
        return float(self.target.step[-1] / self.seen.step[-1])


def models() -> list[Group]:
    """Return the public groups in parts of one peak rate, where these are known and hold a constant rate and a decay."""
    parts = [part for group in groups() if group.rate == "absolute" for part in group.at_each_peak()]
    return [
        part
        for part in parts
        if any(curve.schedule.name == "constant" for curve in part.curves.values())
        and any(map(decays, part.curves.values()))
    ]


def constant_cases(group: Group) -> Iterator[Case]:
    """Yield a case for every run that decays once after a stretch at the peak rate."""
    for curve in group.curves.values():
        fork = fork_of(curve.schedule)
        if not (fork and decays(curve)):
            continue
        trunks = [curve, *(other for other in group.curves.values() if other.schedule.name == "constant")]
        for trunk in trunks:
            keep = trunk.step <= fork
            if keep.any() and trunk.schedule.steps >= fork:
                seen = select(trunk, keep)
                if enough(seen):
                    yield Case("constant", group, seen, curve)
                    break


def enough(seen: LossCurve) -> bool:
    """Whether a forecast would take `seen`."""
    try:
        return fitted_points(seen).step.size >= FEWEST
    except InputError:
        return False


def decayed_cases(group: Group) -> Iterator[Case]:
    """Yield a case for every pair of runs that decay, of which the first was evaluated before its decay too."""
    runs = [curve for curve in group.curves.values() if decays(curve)]
    for seen in runs:
        whole = seen.step[0] <= max(0.1 * seen.step[-1], 2 * seen.schedule.warmup)
        if not whole:
            continue
        for target in runs:
            if target is not seen and SHORTEST * target.schedule.steps <= seen.schedule.steps:
                yield Case("decayed", group, seen, target)
