"""The forecast of a schedule: `Forecaster(curves).forecast(schedule)`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from losslaws.curves import LossCurve, Schedule
from losslaws.forecast import calibration
from losslaws.forecast.fitted import Fitted, falls, fit_runs

DRAWN = 400  # steps at which a forecast curve is given
CLOSE = 1e-3  # relative; rates of a log and of a plan that differ by less are the same
LONGER = 1.05  # times the seen steps, beyond which a forecast says so
POOR = 0.9  # share of the variance below which the law is said not to describe the run
KNOWN = (1e-4, 3e-3)  # peak rates of the public runs, on which the settings of the law were found


@dataclass(frozen=True, eq=False)
class Forecast:
    """What a schedule is expected to give. Losses in nats per token, of the kind that the log holds.

    schedule         the rate of every step
    step             at most DRAWN steps, the last one included, [n]
    loss, low, high  forecast and 90 % interval there, [n]
    continues        whether the seen rates are the first ones of the schedule; else it is a new run
    warnings         a line for everything that makes it doubtful
    """

    schedule: Schedule
    step: np.ndarray
    loss: np.ndarray
    low: np.ndarray
    high: np.ndarray
    continues: bool
    warnings: tuple[str, ...]

    @property
    def final(self) -> tuple[float, float, float]:
        """Final loss, and the ends of its 90 % interval."""
        return float(self.loss[-1]), float(self.low[-1]), float(self.high[-1])


@dataclass(frozen=True, eq=False)
class Forecaster:
    """The runs that were seen, of one model, and what may be asked of them. Raises InputError for too few losses."""

    curves: tuple[LossCurve, ...]

    def __post_init__(self):
        object.__setattr__(self, "curves", tuple(self.curves))

    @cached_property
    def fitted(self) -> Fitted:
        """The runs, fitted with the priors of prior.json."""
        return fit_runs(self.curves, calibration.learned())

    @cached_property
    def explained(self) -> float:
        """Share of the seen losses' variance that the law explains, R2."""
        return self.fitted.r2

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful whatever is asked."""
        notes = [f"{curve.name}: {note}" for curve in self.curves for note in curve.source.get("notes", ())]
        doubts = [f"the law failed a check: {line}" for line in self.fitted.warnings]
        if self.explained < POOR:
            doubts.append(f"the law explains only {100 * self.explained:.0f} % of the variance of the seen losses")
        odd = [
            f"{curve.name}: its peak rate, {curve.schedule.peak:g}, lies outside those of the public runs, {KNOWN[0]:g} to {KNOWN[1]:g}, that "
            "say how much steps at lower rates gain"
            for curve in self.curves
            if not KNOWN[0] <= curve.schedule.peak <= KNOWN[1]
        ]
        return (*notes, *odd, *doubts)

    def forecast(self, schedule: Schedule) -> Forecast:
        """Return what `schedule` is expected to give."""
        first = min(2 * schedule.warmup + 1, schedule.steps)
        step = np.unique(np.linspace(first, schedule.steps, DRAWN).round().astype(int))
        loss, spread = self.fitted.losses(schedule, step)
        half = spread * calibration.widening(self.fitted.decayed)
        return Forecast(
            schedule,
            step,
            loss,
            loss * (1 - half),
            loss * (1 + half),
            self.continues(schedule),
            (*self.warnings, *self.doubts(schedule)),
        )

    def continues(self, schedule: Schedule) -> bool:
        """Whether the seen rates of the longest run are, after the warm-up, those of `schedule`."""
        seen = max(self.curves, key=lambda curve: curve.step[-1]).schedule
        steps = min(seen.steps, schedule.steps)
        differ = np.abs(seen.lr[seen.warmup : steps] - schedule.lr[seen.warmup : steps])
        return schedule.steps >= seen.steps and bool(np.all(differ <= CLOSE * seen.peak))

    def doubts(self, schedule: Schedule) -> Iterator[str]:
        """Yield a line for everything that makes a forecast of `schedule` doubtful."""
        ratio = schedule.steps / self.fitted.steps
        if ratio > LONGER:
            yield f"beyond the horizon seen: {schedule.steps} steps are {ratio:.2g} times the {self.fitted.steps} in the log"
        peaks = sorted({curve.schedule.peak for curve in self.curves})
        if all(abs(schedule.peak / peak - 1) > 10 * CLOSE for peak in peaks):
            seen = ", ".join(f"{peak:g}" for peak in peaks)
            yield f"a peak rate never seen: {schedule.peak:g}, the log has {seen}; what the peak changes is what other models say"
        if falls(schedule, schedule.steps) and not self.fitted.decayed:
            removed = self.fitted.removed
            yield f"no decay in the data: that a whole decay removes {removed:.3f} nats is what other models say"


def compared() -> Sequence[tuple[str, dict]]:
    """The schedules that `--compare` sets side by side, as names and options."""
    shares = ((share, shape) for share in (0.1, 0.2, 0.4) for shape in ("linear", "1-sqrt"))
    return [
        ("constant", {}),
        ("cosine", {}),
        ("cosine", {"final": 0.1}),
        ("linear", {}),
        *(("wsd", {"decay": share, "shape": shape}) for share, shape in shares),
    ]
