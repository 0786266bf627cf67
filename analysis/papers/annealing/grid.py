"""The largest public grid of schedules, 130 runs of one 124M model: what it says of a claim.

Grid.load() -> Grid
grid.final("wsd", 20, peak, steps)    final loss of a decay over 20 % of the steps; None where nobody ran it
grid.differs(a, b) -> bool | None     whether a lies below b; None within what runs of one setting differ by
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from losslaws.curves import LossCurve, public
from losslaws.curves.runs import fork_of

DATASET = "slimpajama-124m"
Key = tuple[str, int, float, int]


@dataclass(frozen=True, eq=False)
class Grid:
    """Final losses by schedule.

    curves  by name
    noise   standard deviation of one run's loss, relative
    """

    curves: dict[str, LossCurve]
    noise: float

    @classmethod
    def load(cls) -> "Grid":
        """Read the grid. Raises public.Unavailable where its file cannot be had."""
        (group,) = [group for group in public.groups(DATASET)]
        return cls(group.curves, group.noise)

    @cached_property
    def finals(self) -> dict[Key, float]:
        """(shape, share of decay or last rate, per cent; peak; steps) -> final loss, nats per token."""
        return {key(curve): curve.final_loss for curve in self.curves.values()}

    def final(self, shape: str, number: int, peak: float, steps: int) -> float | None:
        """Return one final loss; None where nobody ran it."""
        return self.finals.get((shape, number, peak, steps))

    @property
    def settings(self) -> list[tuple[float, int]]:
        """Every (peak, steps), in order."""
        return sorted({(peak, steps) for _, _, peak, steps in self.finals})

    @property
    def limit(self) -> float:
        """The difference of two final losses, nats, that noise alone exceeds in one case of twenty."""
        return float(1.96 * np.sqrt(2) * self.noise * np.mean(list(self.finals.values())))

    def below(self, a: float, b: float) -> bool | None:
        """Whether `a` lies below `b`; None within the limit."""
        return None if abs(a - b) <= self.limit else a < b

    def shares(self, peak: float, steps: int) -> dict[int, float]:
        """Final losses by share of a linear decay, per cent."""
        return {
            n: loss
            for (shape, n, p, s), loss in sorted(self.finals.items())
            if (shape, p, s) == ("linear", peak, steps)
        }

    def best_shares(self, peak: float, steps: int) -> list[int]:
        """The shares of a linear decay that cannot be told from the best."""
        found = self.shares(peak, steps)
        least = min(found.values())
        return [share for share, loss in found.items() if loss - least <= self.limit]


def key(curve: LossCurve) -> Key:
    """What a run of the grid was, read from its rates."""
    schedule, peak = curve.schedule, curve.schedule.peak
    rate = schedule.lr / peak
    if rate[-1] == 1:
        return "constant", 0, peak, schedule.steps
    if schedule.name == "cosine":
        return "cosine", round(100 * rate[-1]), peak, schedule.steps
    start = max(fork_of(schedule), schedule.warmup)
    middle = rate[(start + schedule.steps) // 2 - 1]
    return "linear" if middle > 0.4 else "1-sqrt", round(100 * (1 - start / schedule.steps)), peak, schedule.steps
