"""Runs that have stopped without ending: a wedged driver, a file system other than that of the runs which does not answer, a wait for a lost rank."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

TIMES = 20  # a run has stalled after so many times the usual wait for new rows of its record
LOOK = 2.0  # seconds between looks at a record


@dataclass
class Seen:
    """What was last seen of a process: the steps in its run's record, when they grew, and how long each growth took."""

    process: object
    steps: int
    at: float
    waits: list[float] = field(default_factory=list)


class Stalls:
    """Finds the processes whose runs have stalled.

    minutes  that a run may always be without a new row, as while it starts or compiles; None: nothing ever stalls
    steps    gives how many steps the record of a run holds, by the run's name
    """

    def __init__(self, minutes: float | None, steps: Callable[[str], int]):
        self.minutes, self.steps = minutes, steps
        self.seen: dict[str, Seen] = {}
        self.looked = 0.0

    def find(self, running: dict[str, object]) -> list[str]:
        """The names of those of `running` (name: process) that have stalled."""
        now = time.monotonic()
        if self.minutes is None or now - self.looked < LOOK:
            return []
        self.looked = now
        self.seen = {name: seen for name, seen in self.seen.items() if running.get(name) is seen.process}
        return [name for name, process in running.items() if self.stalled(name, process, now)]

    def stalled(self, name: str, process: object, now: float) -> bool:
        steps = self.steps(name)
        seen = self.seen.setdefault(name, Seen(process, steps, now))
        if steps != seen.steps:
            seen.waits.append(now - seen.at)
            seen.steps, seen.at = steps, now
        usual = statistics.median(seen.waits) if seen.waits else 0.0
        return now - seen.at > max(60 * self.minutes, TIMES * usual)
