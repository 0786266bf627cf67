"""One look at a run in progress: what was to be expected of it, what is off, and where it is heading: `Looker(plan).look(reading) -> Look`.

What may be off, by kind, see OFF: losses above or below what was expected (`watch`), rates that are not the plan's, losses that are NaN.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.curves.logs import Reading
from losslaws.curves.runs import select
from losslaws.forecast import plans
from losslaws.forecast.predict import Forecast, Forecaster, known_optimiser
from losslaws.forecast.watch import Watched, Watcher

OFF = {
    "above": "losses above what was expected",
    "below": "losses below what was expected",
    "rate": "learning rates that are not those of the plan",
    "nan": "losses that are NaN or inf",
}
SAME = (
    0.02  # of the peak, by which rates may differ from the plan's: logs round, and some log the rate of the next step
)
ROWS = 2  # losses in a row at which they differ


@dataclass(frozen=True, eq=False)
class Look:
    """What a look at a log says.

    name, last, steps  of the run, the last step that has a loss, and the last one of the plan
    watched            what was expected, loss by loss; None where too little was logged
    forecasts          where the plans lead, by what was sound; none where nothing can be forecast
    off                by kind, a sentence that says since which step
    doubts             why something is missing
    over               whether no loss is to come any more under the plan
    """

    name: str
    last: int
    steps: int
    watched: Watched | None = None
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    off: Mapping[str, str] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    over: bool = False

    def __str__(self) -> str:
        """Say it in a few lines, the first one the state."""
        lines = [f"step {self.last:,} of {self.steps:,}: {self.state}"]
        lines += [f"  {kind}: {said}" for kind, said in self.off.items() if kind in ("rate", "nan")]
        for name, forecast in self.forecasts.items():
            final, low, high = forecast.final
            lines.append(
                f"  {name}: {final:.4f} at step {forecast.schedule.steps:,}, 90 % interval {low:.4f} to {high:.4f}"
            )
        return "\n".join([*lines, *(f"  {doubt}" for doubt in self.doubts)])

    @property
    def state(self) -> str:
        """What was expected of the last loss, what was seen, and since when it is off."""
        if self.watched is None:
            return "nothing is expected yet"
        expected, half, seen = (float(x[-1]) for x in (self.watched.expected, self.watched.half, self.watched.loss))
        off = next((self.off[side] for side in ("above", "below") if side in self.off), "as expected")
        return f"expected {expected:.4f} +- {half:.4f}, seen {seen:.4f}: {off}"

    def as_dict(self) -> dict:
        """Return everything for JSON."""
        found = {
            "name": self.name,
            "step": self.last,
            "steps": self.steps,
            "off": dict(self.off),
            "doubts": self.doubts,
        }
        if self.watched is not None:
            found |= {key: float(getattr(self.watched, key)[-1]) for key in ("loss", "expected", "half")}
            found["episodes"] = [vars(one) for one in self.watched.episodes]
        found["forecasts"] = [
            {"schedule": name, "steps": one.schedule.steps, "final_loss": one.final[0], "interval_90": one.final[1:]}
            for name, one in self.forecasts.items()
        ]
        return found


@dataclass(eq=False)
class Looker:
    """Looks at a log again and again; fits that were made are kept.

    planned     returns the schedules by name, for the rates so far; the first one is the plan
    firm        whether that plan was asked for, so that other rates are wrong
    parameters, optimiser  of the model, as of `Forecaster`
    """

    planned: Callable[[Schedule], dict[str, Schedule]]
    firm: bool = True
    parameters: int | None = None
    optimiser: str | None = None
    watcher: Watcher | None = None

    def look(self, reading: Reading) -> Look:
        """Return what the log says now. Raises InputError for a log without rates, and for a plan that cannot be built."""
        (curve,) = plans.sized([reading.whole()], self.parameters)
        asked = self.planned(curve.schedule)
        plan, doubts, off = next(iter(asked.values())), [], {}
        for column, step in reading.diverged.items():
            off["nan"] = f"'{column}' is NaN or inf since step {step:,}"
        if self.firm and (since := departs(curve, plan)):
            off["rate"] = (
                f"the rate was {curve.schedule.lr[since - 1]:.4g} at step {since:,}, the plan says {plan.lr[since - 1]:.4g}"
            )
        watched, sound = None, curve
        try:
            watched = self.watch(curve)
            if watched.now:
                off[watched.now.side] = f"{watched.now.side} since step {watched.now.since:,}"
            if watched.sound.any():
                sound = select(curve, watched.sound)
        except InputError as error:
            doubts.append(str(error))
        forecasts = {}
        try:
            forecasts = plans.forecasts(Forecaster([sound], self.optimiser), asked)
        except InputError as error:
            doubts.append(str(error))
        if watched is not None and watched.now and forecasts:
            doubts.append(f"the forecast rests on the losses before step {watched.now.since:,}")
        apart = float(np.median(np.diff(curve.step))) if curve.step.size > 1 else 1.0
        over = reading.last + apart > plan.steps
        doubts = tuple(dict.fromkeys(doubts))
        return Look(curve.name, reading.last, plan.steps, watched, forecasts, off, doubts, over)

    def watch(self, curve: LossCurve) -> Watched:
        """Return what was expected of `curve`. Raises InputError for too few losses."""
        if self.watcher is None:
            self.watcher = Watcher(known_optimiser([curve], self.optimiser))
        return self.watcher.watch(curve)


def departs(curve: LossCurve, plan: Schedule) -> int:
    """Return the first of ROWS steps in a row with a loss at which the rate is not the plan's; 0 where there is none."""
    step = curve.step[(curve.step > curve.schedule.warmup) & (curve.step <= plan.steps)]
    differ = np.abs(curve.schedule.lr[step - 1] - plan.lr[step - 1]) > SAME * plan.peak
    row = np.convolve(differ, np.ones(ROWS), "valid") == ROWS if differ.size >= ROWS else np.zeros(0, bool)
    return int(step[np.argmax(row)]) if row.any() else 0
