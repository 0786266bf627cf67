"""Forecasts whose outcome is known: what is seen of a public run, and the final loss that it, or another, reached.

constant_cases(group)   the part of a run at a constant rate -> its final loss after the decay
decayed_cases(group)    one decayed run -> the final losses of the others
"""

from collections.abc import Iterator
from dataclasses import dataclass

from losslaws.curves import LossCurve
from losslaws.curves.public.families import Group, decays, fork_of
from losslaws.curves.runs import select
from losslaws.forecast.fitted import FEWEST
from losslaws.forecast.prior import settled

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


def constant_cases(group: Group) -> Iterator[Case]:
    """Yield a case for every run that decays once after a stretch at the peak rate."""
    for curve in group.curves:
        fork = fork_of(curve.schedule)
        if not (fork and decays(curve)):
            continue
        trunks = [curve, *(other for other in group.curves if other.schedule.name == "constant")]
        for trunk in trunks:
            keep = trunk.step <= fork
            if keep.any() and trunk.schedule.steps >= fork:
                seen = select(trunk, keep)
                if settled(seen).step.size >= FEWEST:
                    yield Case("constant", group, seen, curve)
                    break


def decayed_cases(group: Group) -> Iterator[Case]:
    """Yield a case for every pair of runs that decay, of which the first was evaluated before its decay too."""
    runs = [curve for curve in group.curves if decays(curve)]
    for seen in runs:
        whole = seen.step[0] <= max(0.1 * seen.step[-1], 2 * seen.schedule.warmup)
        if not whole:
            continue
        for target in runs:
            if target is not seen and SHORTEST * target.schedule.steps <= seen.schedule.steps:
                yield Case("decayed", group, seen, target)
