"""Whether a run still follows its own law: `Watcher().watch(curve) -> Watched`, what was to be expected of each loss, and where they were off.

As the log grows, the law is fitted again whenever the run has become RULE.ratio times as long or its rate has changed by RULE.turn of the peak, and
every later loss is compared with what the last fit says of it, under the rates that were applied. A loss lies off by so many half widths of its
band, which is made of the calibrated interval of a forecast and the noise of this log. What lies beyond an allowance is summed up, the sum of
each side never below 0 (Page 1954, Biometrika 41: a CUSUM); a sum above the limit is an alarm, and the run is off since the first loss of that sum. While a
sum is above RULE.suspect no fit is made, so that what is suspected does not teach what is expected.

The whole log is gone through at every look: one look at the end says what a watch from the beginning would have said.
How the rule was chosen, its false alarms and hits: `python -m analysis watch-benchmark`, results/watch.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from losslaws.curves import InputError, LossCurve
from losslaws.curves.runs import select, settled
from losslaws.forecast import calibration
from losslaws.forecast.fitted import Fitted, fit_runs
from losslaws.forecast.predict import NORMAL, apart
from losslaws.forecast.prior import FIRST, fitted_points, size_of

MAD = 1.4826  # standard deviations of a normal distribution in a median absolute deviation
CORRELATED = 0.9  # the most by which two neighbouring losses are taken to err alike
SIDES = {"above": 1, "below": -1}


@dataclass(frozen=True)
class Rule:
    """When losses count as off; chosen in analysis/watch/benchmark.py.

    ratio      times as many steps, after which the law is fitted again
    turn       share of the peak by which the rate may have changed since the last fit
    first      losses behind the warm-up that the first fit needs
    allowance  half widths of its band that a loss may lie off for ever
    most       half widths beyond the allowance that one loss counts at most, so that a single one is no alarm
    suspect    sum up to which fits are made
    limit      sum above which the alarm is given
    """

    ratio: float = 1.25
    turn: float = 0.1
    first: int = 12
    allowance: float = 2.0
    most: float = 4.0
    suspect: float = 1.0
    limit: float = 28.0


RULE = Rule()


@dataclass(frozen=True)
class Episode:
    """A stretch of a run whose losses were off.

    side     "above" or "below" what was expected
    since    its first step
    noticed  the step whose loss gave the alarm
    until    the last step before the losses were back; None: they are off still
    """

    side: str
    since: int
    noticed: int
    until: int | None = None


@dataclass(frozen=True, eq=False)
class Watched:
    """What was expected of a run, step by step, and where it was off.

    step, loss      the losses that were compared, [n]
    expected, half  what was expected of each, and the half width of its band, nats per token, [n]
    sound           whether each is used by fits, [all losses of the curve]
    episodes        where it was off
    """

    step: np.ndarray
    loss: np.ndarray
    expected: np.ndarray
    half: np.ndarray
    sound: np.ndarray
    episodes: tuple[Episode, ...]

    @property
    def now(self) -> Episode | None:
        """The stretch that has not ended, of two the later one."""
        return next((one for one in reversed(self.episodes) if one.until is None), None)


class Side:
    """The sum of one side and its episodes; `add` is given loss by loss."""

    def __init__(self, name: str, rule: Rule, curve: LossCurve):
        self.name, self.rule, self.curve = name, rule, curve
        self.sum, self.begun = 0.0, 0
        self.episodes: list[Episode] = []
        self.alarm = False

    def add(self, k: int, off: float, sound: np.ndarray) -> None:
        """Add the loss at place `k`, which lies so many half widths above what was expected; in an episode it is not `sound`."""
        if self.sum == 0:
            self.begun = k
        beyond = min(SIDES[self.name] * off - self.rule.allowance, self.rule.most)
        # no higher than twice the limit, so that a run that is sound again is so within as many losses, however long it was off
        self.sum = min(max(0.0, self.sum + beyond), 2 * self.rule.limit)
        if self.alarm and self.sum == 0:
            self.alarm = False
            self.episodes[-1] = replace(self.episodes[-1], until=int(self.curve.step[k - 1]))
        if not self.alarm and self.sum > self.rule.limit:
            self.alarm = True
            self.episodes.append(Episode(self.name, int(self.curve.step[self.begun]), int(self.curve.step[k])))
            sound[self.begun : k] = False
        if self.alarm:
            sound[k] = False


@dataclass(eq=False)
class Watcher:
    """Compares a log with its law whenever it is given it; fits that were made are kept.

    optimiser  as of `predict.known_optimiser`;  learned  what other models say, default: prior.json
    """

    optimiser: str = "adamw"
    rule: Rule = RULE
    learned: dict = field(default_factory=calibration.learned)
    fits: dict = field(default_factory=dict)

    def watch(self, curve: LossCurve) -> Watched:
        """Return what was expected of every loss of `curve` and where it was off. Raises InputError for too few losses."""
        begin, n = self.first(curve), curve.step.size
        sides = [Side(name, self.rule, curve) for name in SIDES]
        sound, place = np.ones(n, bool), np.arange(n)
        expected, half = np.zeros(n), np.ones(n)
        last = None
        for k in range(begin, n):
            if max(side.sum for side in sides) <= self.rule.suspect and self.due(curve, k, last):
                last = k
                expected[k:], half[k:] = self.band(curve, sound & (place < k), k)
            off = float((curve.loss[k] - expected[k]) / half[k])
            for side in sides:
                side.add(k, off, sound)
        episodes = sorted((one for side in sides for one in side.episodes), key=lambda one: one.noticed)
        seen = slice(begin, None)
        return Watched(curve.step[seen], curve.loss[seen], expected[seen], half[seen], sound, tuple(episodes))

    def due(self, curve: LossCurve, k: int, last: int | None) -> bool:
        """Whether the law is to be fitted before the loss at place `k` is looked at; `last` was the place when it was fitted last."""
        if last is None or curve.step[k] > self.rule.ratio * curve.step[last - 1]:
            return True
        now, before = curve.schedule.lr[curve.step[[k, last]] - 1]
        return bool(abs(now - before) > self.rule.turn * curve.schedule.peak)

    def first(self, curve: LossCurve) -> int:
        """Return how many losses the first fit uses. Raises InputError where there are fewer."""
        warm = int(np.searchsorted(curve.step, 2 * curve.schedule.warmup))
        for n in range(warm + self.rule.first, curve.step.size):
            if fitted_points(select(curve, slice(n))).step.size >= self.rule.first:
                return n
        raise InputError(
            f"{curve.origin}: has too few losses behind the warm-up to say what the next ones should be; {self.rule.first + 1} are needed"
        )

    def band(self, curve: LossCurve, seen: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return what the losses marked in `seen` say of those from place `k` on, and half the width of the band, nats, [n - k] each."""
        fitted, noise = self.fitted(select(curve, seen))
        loss, spread = fitted.losses(curve.schedule, curve.step[k:])
        wide = calibration.widening(fitted.stage, apart(filter(None, [size_of(curve)]), self.optimiser))
        return loss, loss * np.hypot(wide * spread, NORMAL * noise)

    def fitted(self, seen: LossCurve) -> tuple[Fitted, float]:
        """Return the law fitted to `seen`, and the relative noise of its losses; fits that were made before are kept."""
        key = hash((seen.step.tobytes(), seen.loss.tobytes(), seen.schedule.lr[: seen.step[-1]].tobytes()))
        if key not in self.fits:
            found = fit_runs([seen], self.learned, self.optimiser)
            self.fits[key] = found, noise_of(seen, found)
        return self.fits[key]


def noise_of(seen: LossCurve, fitted: Fitted) -> float:
    """Return the relative standard deviation of the losses around the law, in the second half of what was fitted.

    From medians, so that single spikes do not count; where neighbours err alike, as much larger as their mean is less certain.
    """
    late = settled(seen, FIRST)
    late = select(late, slice(late.step.size // 2, None))
    left = late.loss / fitted.losses(late.schedule, late.step)[0] - 1
    left -= np.median(left)
    scale, change = np.median(np.abs(left)), np.median(np.abs(np.diff(left)))
    alike = float(np.clip(1 - (change / scale) ** 2 / 2, 0, CORRELATED)) if scale else 0.0
    return MAD * float(scale) * float(np.sqrt((1 + alike) / (1 - alike)))
