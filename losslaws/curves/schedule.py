"""Schedule: the learning rate of every optimiser step."""

from dataclasses import dataclass

import numpy as np

from losslaws.curves.errors import InputError

LONGEST = 20_000_000  # optimiser steps; no run is longer, but columns that count tokens or samples are


@dataclass(frozen=True, eq=False)
class Schedule:
    """The learning rate of every optimiser step, as applied by training and as read by the laws.

    lr      float64 [T]; lr[t-1] is the rate of step t, t = 1..T
    warmup  number of steps in the linear warm-up, 0 <= warmup <= T
    name    the family it came from: "cosine", "wsd", ...
    """

    lr: np.ndarray
    warmup: int = 0
    name: str = "custom"

    def __post_init__(self):
        lr = np.ascontiguousarray(self.lr, dtype=np.float64)
        lr.setflags(write=False)
        object.__setattr__(self, "lr", lr)
        if lr.ndim != 1 or lr.size == 0:
            raise InputError(f"schedule '{self.name}': needs at least one step, got an array of shape {lr.shape}")
        bad = np.flatnonzero(~np.isfinite(lr) | (lr < 0))
        if bad.size:
            raise InputError(
                f"schedule '{self.name}': the rate of step {bad[0] + 1} is {lr[bad[0]]}; rates must be finite and >= 0"
            )
        if not 0 <= self.warmup <= lr.size:
            raise InputError(f"schedule '{self.name}': warmup {self.warmup} must lie between 0 and the {lr.size} steps")

    @property
    def steps(self) -> int:
        """T, the number of optimiser steps."""
        return self.lr.size

    @property
    def peak(self) -> float:
        """The highest rate."""
        return float(self.lr.max())

    def common_steps(self, other: "Schedule") -> int:
        """Return k, the number of leading steps in which both apply exactly the same rates."""
        n = min(self.steps, other.steps)
        differ = np.flatnonzero(self.lr[:n] != other.lr[:n])
        return int(differ[0]) if differ.size else n
