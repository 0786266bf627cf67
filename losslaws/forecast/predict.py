"""The forecast of a schedule: `Forecaster(curves).forecast(schedule)`; of several, their differences: `.compare(schedules)`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.forecast import calibration
from losslaws.forecast.fitted import FLOOR, UNLIKE, Fitted, fit_runs, mean_share
from losslaws.forecast.ladder import Model, fit_ladder
from losslaws.forecast.prior import adams, falls, size_of
from losslaws.forecast.refusals import LATE, STRETCH, noted, refuse, refuse_end

DRAWN = 400  # steps at which a forecast curve is given
CLOSE = 1e-3  # relative; rates of a log and of a plan that differ by less are the same
FAR = 100.0  # times, or a part, of the seen peak rate, beyond which nothing is forecast
LONGER = 1.05  # times the seen steps, beyond which a forecast says so
SHORTER = 0.45  # times the seen steps, below which a forecast says so
POOR = 0.9  # share of the variance below which the law does not describe the run, and nothing is forecast
KNOWN = (1e-4, 3e-3)  # peak rates of the public runs trained with Adam, on which the settings of the law were found
SIZES = (1.4e7, 1.8e9)  # parameters without embeddings of the public models
SIZES_APART = 10.0  # times larger or smaller than any of them, from where on they are no relatives
DRAWS = 4000  # for the share in which a schedule wins
NORMAL = 1.645  # standard deviations to either side that hold 90 %


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


@dataclass(frozen=True)
class Difference:
    """How much higher one schedule is expected to end than the lowest of all.

    loss, low, high  nats per token, and the 90 % interval
    wins             share of draws of all that is uncertain of differences in which this schedule ends lowest
    steps            so many times as many steps the lowest would need to be worth giving up for this one, at the run's own slope; nan where
                     more steps gain nothing
    """

    loss: float
    low: float
    high: float
    wins: float
    steps: float

    @property
    def told(self) -> bool:
        """Whether the interval says which ends lower."""
        return self.low > 0


@dataclass(frozen=True, eq=False)
class Forecaster:
    """The runs that were seen, of one model, and what may be asked of them; or runs of several sizes, and the `model` that is asked about.

    optimiser  "adamw", "adamw-relative" (in a unit of their own), "muon", ...; None: AdamW where the peak rate is one that the public runs had,
               else "unknown". Of another than Adam, rates count up to their unit, and intervals are wider

    model      a model of another size than those seen, whose whole runs are forecast

    Raises InputError for runs from which nothing should be forecast, see `refusals`, and when asked for too few losses.
    """

    curves: tuple[LossCurve, ...]
    optimiser: str | None = None
    model: Model | None = None

    def __post_init__(self):
        object.__setattr__(self, "curves", tuple(self.curves))
        refuse(self.curves, self.optimiser or "unknown")
        sizes = {size_of(curve) for curve in self.curves} - {None}
        if len(sizes) == 1 and not self.model:  # logs of one model: what one says of its size holds for all
            every = (
                curve if size_of(curve) else replace(curve, parameters={"non_embedding": min(sizes)})
                for curve in self.curves
            )
            object.__setattr__(self, "curves", tuple(every))
        if len(sizes) > 1 and not self.model:
            raise InputError(
                f"{self.curves[0].origin}: the logs are of {len(sizes)} sizes ({', '.join(f'{size:,}' for size in sorted(sizes))}); give --next N, the size "
                "to be forecast, or logs of one model"
            )

    @property
    def known_optimiser(self) -> str:
        """The optimiser as given, or as the peak rates suggest."""
        return known_optimiser(self.curves, self.optimiser)

    @property
    def adam(self) -> bool:
        """Whether the public runs' optimiser trained the model."""
        return adams(self.known_optimiser)

    @property
    def apart(self) -> float:
        """How many times as wide intervals are as where public runs of that optimiser and of about that size say what a decay removes."""
        return apart(self.sizes, self.known_optimiser)

    @property
    def sizes(self) -> list[float]:
        """The sizes that are known, of the runs that were seen and of the model that is asked about."""
        every = {size_of(curve) for curve in self.curves} | {self.model and self.model.size}
        return sorted(every - {None})

    @cached_property
    def fitted(self) -> Fitted:
        """The runs, fitted with the priors of prior.json. Raises InputError where the law does not describe them."""
        learned = calibration.learned()
        if self.model:
            found = fit_ladder(self.curves, self.model, learned, self.known_optimiser)
        else:
            found = fit_runs(self.curves, learned, self.known_optimiser)
        if np.isnan(found.r2):
            raise InputError(f"{self.curves[0].origin}: its losses are all the same; check the column")
        if not found.r2 >= POOR:
            raise InputError(
                f"{self.curves[0].origin}: the law explains only {100 * max(found.r2, 0):.0f} % of the variance of the losses, so nothing is forecast; "
                f"give a longer log, validation losses, or the part of it that is sound{noted(self.curves)}"
            )
        wide = self.widening(found)
        for curve in () if self.model else self.curves:
            law, spread = found.losses(curve.schedule, curve.step[-STRETCH:])
            refuse_end(curve, law, wide * spread)
        return found

    def widening(self, found: Fitted) -> float:
        """Return how many spreads wide the interval of a loss is, to each side."""
        return calibration.widening(found.stage, self.apart)

    @property
    def explained(self) -> float:
        """Share of the seen losses' variance that the law explains, R2."""
        return self.fitted.r2

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful whatever is asked."""
        notes = [f"{curve.name}: {note}" for curve in self.curves for note in curve.source.get("notes", ())]
        doubts = [f"the law failed a check: {line}" for line in self.fitted.warnings]
        return (*notes, *self.unknown(), *doubts)

    def unknown(self) -> Iterator[str]:
        """Yield what is not known and makes intervals wider."""
        for curve in self.curves:
            peak, first, last = curve.schedule.peak, int(curve.step[0]), int(curve.step[-1])
            if self.optimiser is None and not self.adam:
                yield (
                    f"{curve.name}: its peak rate, {peak:g}, lies outside those of the public runs, {KNOWN[0]:g} to {KNOWN[1]:g}: the optimiser is taken "
                    "as unknown, rates count up to their unit, and intervals are wider; --optimizer adamw takes them as they are"
                )
            if self.optimiser is not None and self.adam and not KNOWN[0] <= peak <= KNOWN[1]:
                yield (
                    f"{curve.name}: its peak rate, {peak:g}, lies outside those of the public runs, {KNOWN[0]:g} to {KNOWN[1]:g}, that say how much "
                    "steps at lower rates gain"
                )
            if first > max(LATE * last, 2 * curve.schedule.warmup):
                yield f"{curve.name}: its losses begin at step {first} of {last}, so that its power law is known less well"
        if any(map(far_in_size, self.sizes)):
            far = " or ".join(f"{size:,.0f}" for size in self.sizes if far_in_size(size))
            yield (
                f"no public model of about {far} parameters, theirs have {SIZES[0]:,.0f} to {SIZES[1]:,.0f}: "
                f"intervals are {self.apart:g} times as wide"
            )
        if self.optimiser is not None and not self.adam:
            yield f"no public run with rates like those of {self.optimiser} says what a decay removes: intervals are {self.apart:g} times as wide"

    def new_peak(self, schedule: Schedule) -> bool:
        """Whether no run had the peak rate of `schedule`."""
        return all(abs(schedule.peak / curve.schedule.peak - 1) > 10 * CLOSE for curve in self.curves)

    def forecast(self, schedule: Schedule) -> Forecast:
        """Return what `schedule` is expected to give."""
        if all(not 1 / FAR <= schedule.peak / curve.schedule.peak <= FAR for curve in self.curves):
            seen = ", ".join(f"{curve.schedule.peak:g}" for curve in self.curves)
            raise InputError(
                f"schedule '{schedule.name}': its peak rate is {schedule.peak:g}, the log's {seen}; "
                f"beyond {FAR:g} times as much or as little nothing is forecast, so check --peak"
            )
        first = min(2 * schedule.warmup + 1, schedule.steps)
        step = np.unique(np.linspace(first, schedule.steps, DRAWN).round().astype(int))
        loss, spread = self.fitted.losses(schedule, step)
        half = np.minimum(spread * self.widening(self.fitted), 1.0)
        return Forecast(
            schedule,
            step,
            loss,
            loss * (1 - half),
            loss * (1 + half),
            self.continues(schedule),
            (*self.warnings, *self.doubts(schedule)),
        )

    def compare(self, schedules: Mapping[str, Schedule]) -> dict[str, Difference]:
        """Return of every schedule how much higher it ends than the one that ends lowest, by name."""
        ends = {name: float(self.fitted.losses(one, [one.steps])[0][0]) for name, one in schedules.items()}
        lowest = min(ends, key=lambda name: ends[name])
        wins, slope = self.wins(schedules), self.slope()
        width = calibration.widening("difference", self.apart)
        found = {}
        for name, schedule in schedules.items():
            share, spread = self.fitted.difference(schedule, schedules[lowest])
            loss, half = share * ends[lowest], 0.0 if name == lowest else spread * width * ends[lowest]
            worth = float(np.exp(loss / slope)) if slope > 0 else float("nan")
            found[name] = Difference(loss, loss - half, loss + half, wins[name], worth)
        return found

    def slope(self) -> float:
        """Return by how much the loss falls for every e-fold of steps at the peak rate, at the end of what was seen, nats."""
        seen = max(self.curves, key=lambda curve: curve.step[-1]).schedule
        steps = self.fitted.steps
        longer = Schedule(np.append(seen.lr[: seen.warmup], np.full(2 * steps - seen.warmup, seen.peak)), seen.warmup)
        now, later = self.fitted.losses(longer, [steps, 2 * steps])[0]
        return float(now - later) / np.log(2)

    def wins(self, schedules: Mapping[str, Schedule]) -> dict[str, float]:
        """Return the share of draws in which each schedule ends lowest: DRAWS of all that makes a difference uncertain.

        These are the parameters and the form of the law, what two equal runs differ by, and what the form errs by for another mean rate: with one sign
        for all schedules of a draw, as `Fitted.difference` has it.
        """
        rng = np.random.default_rng(0)
        read = [self.fitted.by_form(schedule, [schedule.steps]) for schedule in schedules.values()]
        wide = calibration.widening("difference", self.apart) / NORMAL
        counts = rng.multinomial(DRAWS, self.fitted.weights)
        losses = []
        for i, (count, covariance) in enumerate(zip(counts, self.fitted.covariances, strict=True)):
            drawn = rng.multivariate_normal(np.zeros(len(covariance)), covariance, count, method="eigh") * wide
            losses.append(np.array([each[i] + drawn @ slopes[i][0] for each, slopes in read]))
        mean = np.log([[mean_share(schedule, schedule.steps)] for schedule in schedules.values()])
        off = UNLIKE * mean * rng.standard_normal(DRAWS) + FLOOR / np.sqrt(2) * rng.standard_normal((len(mean), DRAWS))
        lowest = np.argmin(np.concatenate(losses, axis=1) * (1 + wide * off), axis=0)
        return {name: float(np.mean(lowest == i)) for i, name in enumerate(schedules)}

    def continues(self, schedule: Schedule) -> bool:
        """Whether the seen rates of the longest run are, after the warm-up, those of `schedule`, of the same model."""
        if self.model:
            return False
        seen = max(self.curves, key=lambda curve: curve.step[-1]).schedule
        steps = min(seen.steps, schedule.steps)
        differ = np.abs(seen.lr[seen.warmup : steps] - schedule.lr[seen.warmup : steps])
        return schedule.steps >= seen.steps and bool(np.all(differ <= CLOSE * seen.peak))

    def doubts(self, schedule: Schedule) -> Iterator[str]:
        """Yield a line for everything that makes a forecast of `schedule` doubtful."""
        if self.model:
            yield from self.beyond(schedule)
            return
        ratio = schedule.steps / self.fitted.steps
        if ratio > LONGER:
            yield f"beyond the horizon seen: {schedule.steps} steps are {ratio:.2g} times the {self.fitted.steps} in the log"
        if ratio < SHORTER:
            yield f"far shorter than what was seen: {schedule.steps} of {self.fitted.steps} steps; the law fits late losses better than early ones"
        if self.new_peak(schedule):
            seen = ", ".join(f"{peak:g}" for peak in sorted({curve.schedule.peak for curve in self.curves}))
            yield f"a peak rate never seen: {schedule.peak:g}, the log has {seen}; what the peak changes is what other models say"
        if falls(schedule, schedule.steps) and not self.fitted.decayed:
            removed = self.fitted.removed
            yield f"no decay in the data: that a whole decay removes {removed:.3f} nats is what other models say"

    def beyond(self, schedule: Schedule) -> Iterator[str]:
        """Yield how far a run of another size lies beyond those that were seen."""
        largest, model = self.fitted.largest, self.model
        if model.size > largest:
            yield f"larger than any model seen: {model.size:,} parameters are {model.size / largest:.2g} times the {largest:,.0f} of the largest"
        seen = max(curve.step[-1] * curve.tokens_per_step / size_of(curve) for curve in self.curves)
        asked = schedule.steps * model.batch / model.size
        if asked > LONGER * seen:
            yield f"beyond the horizon seen: {asked:.3g} tokens a parameter are {asked / seen:.2g} times the {seen:.3g} in the logs"
        if not self.fitted.decayed:
            yield "no decay in the data: what a decay removes is what other models say"


def far_in_size(size: float) -> bool:
    """Whether a model is far larger or smaller than the public ones."""
    return not SIZES[0] / SIZES_APART <= size <= SIZES[1] * SIZES_APART


def apart(sizes: Iterable[float], optimiser: str) -> float:
    """Return how many times as wide intervals are for models of these sizes and this optimiser."""
    size = calibration.STRANGE if any(map(far_in_size, sizes)) else 1.0
    return max(size, 1.0 if adams(optimiser) else calibration.UNRELATED)


def known_optimiser(curves: Sequence[LossCurve], given: str | None) -> str:
    """Return the optimiser as `given`, or else as the peak rates suggest."""
    usual = all(KNOWN[0] <= curve.schedule.peak <= KNOWN[1] for curve in curves)
    return given or ("adamw" if usual else "unknown")


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
