"""A better schedule: the one of a family, or of all monotone ones, that ends at the lowest predicted loss.

    search = Search.of(curves, steps)                   a law fitted to the curves, and what it may be asked
    search.family("wsd"), search.free() -> Found        best of a family; best monotone polyline, by exact gradients

The law is the Multi-Power Law: of the laws here it chooses best among schedules that were really trained (`analysis.trial.regret`).
Every law fails where nothing was measured, and an optimiser goes just there, so the search is fenced in: the peak is one
that was seen; a free schedule never falls below LEAST_RATE of it, so that no tail of zero rates is invented, and never rises; and
no stretch falls faster than one that was seen, since the optimum of the annealing law is a cliff (Luo et al. 2025,
arXiv 2503.12811, Theorem 2) and so is, with some parameters, that of the Multi-Power Law.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import LinearConstraint, minimize, minimize_scalar

from losslaws import laws
from losslaws.curves import InputError, LossCurve, Schedule, schedules
from losslaws.curves.errors import nearest
from losslaws.curves.files import write_table
from losslaws.curves.runs import same_model, settled
from losslaws.fitting import Fit, fit
from losslaws.search.families import FAMILIES
from losslaws.search.gradient import final_loss

LAW = "multi_power"
BASELINE = "cosine"  # to zero with the last step: what gains are counted from
KNOTS = 32  # of a free schedule
DENSER = 1.5  # power by which they crowd towards the end, where rates change
LEAST_RATE = 0.01  # lowest rate of a free schedule, as a share of the peak
WINDOWS = (0.05, 0.005)  # shares of the run over which the speed of a fall is taken: of a decay, of a jump
ROUNDS = 2  # of refining each option of a family in turn


@dataclass(frozen=True)
class Found:
    """A schedule that was found: its family and options, and the loss predicted at its last step, nats per token."""

    family: str
    options: dict
    schedule: Schedule
    loss: float

    def __str__(self) -> str:
        values = (
            f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}"
            for key, value in self.options.items()
        )
        return " ".join([self.family, *values])


@dataclass(frozen=True, eq=False)
class Search:
    """A fitted law and the fences within which it is asked.

    curves   what it was fitted to, all of one model and peak
    steps    T of the schedules that are compared
    peak     their highest rate
    warmup   their steps of warm-up
    """

    fit: Fit
    curves: Sequence[LossCurve]
    steps: int
    peak: float
    warmup: int

    @classmethod
    def of(cls, curves: Sequence[LossCurve], steps: int, peak: float | None = None, law: str = LAW) -> "Search":
        """Fit `law` to those of `curves` that have `peak` (default: the one most have) and return the search.

        No law here carries losses over to another peak. Raises InputError for a peak that no curve has, for curves of several
        models, for curves none of which decays, and for fewer steps than three warm-ups.
        """
        curves = list(curves)
        for other in curves[1:]:
            if not same_model(curves[0], other):
                raise InputError(
                    f"logs '{curves[0].name}' and '{other.name}' are of different models or batches; give logs of one model"
                )
        peaks, many = np.unique([f"{c.schedule.peak:.6g}" for c in curves], return_counts=True)
        wanted = f"{peak:.6g}" if peak else str(peaks[many.argmax()])
        curves = [c for c in curves if f"{c.schedule.peak:.6g}" == wanted]
        if not curves:
            raise InputError(
                f"no log has the peak rate {wanted}; the logs have {', '.join(peaks)}, and no law reaches beyond"
            )
        if all(c.schedule.lr[-1] >= c.schedule.peak for c in curves):
            raise InputError("no log decays, so nothing says what a decay is worth; add the log of a run that decays")
        warmup = int(np.median([c.schedule.warmup for c in curves]))
        if steps < max(3 * warmup, KNOTS):
            raise InputError(
                f"steps is {steps}; give at least {max(3 * warmup, KNOTS)}: {KNOTS} knots and three warm-ups"
            )
        return cls(fit(laws.build(law), map(settled, curves)), curves, steps, curves[0].schedule.peak, warmup)

    def build(self, family: str, **options) -> Found:
        """Return one schedule of `family` with the loss predicted for it."""
        given = options | ({"cycle": round(options["cycle"] * self.steps)} if "cycle" in options else {})
        schedule = schedules.build(family, self.steps, self.peak, self.warmup, **given)
        return Found(family, given, schedule, final_loss(self.fit, schedule)[0])

    def family(self, name: str) -> Found | None:
        """Return the best of family `name` within the fences; None where all of them fall faster than any log.

        The best point of a grid of its options comes first; then each number is refined in turn between its neighbours there.
        """
        if name not in FAMILIES:
            raise InputError(
                f"family '{name}' is unknown{nearest(name, [*FAMILIES, 'free'])} (known: {', '.join(FAMILIES)}, free)"
            )
        grid = FAMILIES[name]
        points = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
        allowed = [options for options in points if np.isfinite(self.cost(name, options))]
        if not allowed:
            return None
        best = min(allowed, key=lambda options: self.cost(name, options))
        for key in [key for key, values in grid.items() if isinstance(values, tuple)] * ROUNDS:
            best = self.refined(name, best, key)
        return self.build(name, **best)

    def best(self, name: str) -> Found | None:
        """Return the best of a family, or of the free schedules."""
        return self.free() if name == "free" else self.family(name)

    def cost(self, name: str, options: dict) -> float:
        """Return the loss predicted for a schedule; infinite for one that cannot be built or falls too fast."""
        try:
            found = self.build(name, **options)
        except InputError:
            return np.inf
        return found.loss if np.all(self.fall(found.schedule) <= self.steepest * (1 + 1e-9)) else np.inf

    def refined(self, name: str, options: dict, key: str) -> dict:
        """Return `options` with the number `key` moved between its neighbours on the grid to where the loss is lowest."""
        values = FAMILIES[name][key]
        low = max((v for v in values if v < options[key]), default=values[0])
        high = min((v for v in values if v > options[key]), default=values[-1])
        at = minimize_scalar(
            lambda value: min(self.cost(name, options | {key: float(value)}), 1e6),
            bounds=(low, high),
            method="bounded",
            options={"xatol": 1e-3 * (high - low)},
        )
        moved = options | {key: round(float(at.x), 4)}
        return min(options, moved, key=lambda candidate: self.cost(name, candidate))

    def free(self, fenced: bool = True) -> Found:
        """Return the best monotone polyline of KNOTS knots; not `fenced`, it may fall as fast as it likes."""
        position = self.warmup + (self.steps - self.warmup) * (1 - (1 - np.linspace(0, 1, KNOTS)) ** DENSER)
        t = np.arange(1.0, self.steps + 1)
        # share of each knot in each rate, [KNOTS, T]
        share = np.array([np.interp(t, position, unit) for unit in np.eye(KNOTS)])
        ramp = np.minimum(t / self.warmup, 1.0) if self.warmup else 1.0

        def schedule(falls):
            height = np.append(1.0, 1 - np.cumsum(falls)).clip(0)
            return Schedule(self.peak * ramp * np.interp(t, position, height), self.warmup, "free")

        def objective(falls):
            loss, slope = final_loss(self.fit, schedule(falls))
            by_height = self.peak * share @ slope
            return loss, -np.cumsum(by_height[:0:-1])[::-1]  # a fall lowers every later knot

        most = np.minimum((self.steepest[0] if fenced else 1.0) * np.diff(position), 1 - LEAST_RATE)
        best = min((descend(objective, start, most) for start in starts(most)), key=lambda result: result.fun)
        # without the optimiser's dust, so that runs share their trunk
        found = schedule(np.minimum(best.x.round(4), most))
        return Found("free", {"knots": KNOTS}, found, final_loss(self.fit, found)[0])

    @cached_property
    def steepest(self) -> np.ndarray:
        """The fastest falls of the logs, in peaks per step over each of WINDOWS."""
        return np.max([self.fall(curve.schedule) for curve in self.curves], axis=0)

    def fall(self, schedule: Schedule) -> np.ndarray:
        """Return the fastest fall of a schedule after its warm-up, in peaks per step over each of WINDOWS of the run."""
        lr = schedule.lr[schedule.warmup :]
        widths = [min(max(int(window * self.steps), 1), lr.size - 1) for window in WINDOWS]
        return np.array([np.max(lr[:-w] - lr[w:], initial=0.0) / w / schedule.peak for w in widths])

    @cached_property
    def noise(self) -> float | None:
        """Standard deviation of a final loss over seeds, from logs that differ in the seed only; None without such."""
        groups = {}
        for curve in self.curves:
            groups.setdefault(curve.schedule.lr.tobytes(), []).append(curve.final_loss)
        repeats = [np.array(losses) for losses in groups.values() if len(losses) > 1]
        if not repeats:
            return None
        return float(np.sqrt(sum(r.var() * r.size for r in repeats) / sum(r.size - 1 for r in repeats)))

    @property
    def miss(self) -> float:
        """Root mean square error of the law at the ends of its own logs, nats per token."""
        return float(np.sqrt(np.mean([(self.fit.predict(c, c.step[-1:])[0] - c.final_loss) ** 2 for c in self.curves])))

    def warnings(self, found: Found) -> Iterator[str]:
        """Yield a line for everything that makes the gain of `found` doubtful."""
        longest = max(curve.schedule.steps for curve in self.curves)
        if self.steps > longest:
            yield f"{self.steps:,} steps lie beyond the {longest:,} of the longest log"
        if self.fall(found.schedule)[0] > 0.99 * self.steepest[0]:
            yield "it falls as fast as any log did; the log of a run with a shorter decay would let the search go further"
        if self.noise is None:
            yield "no two logs differ in the seed only, so the noise between seeds is not known"
        yield from self.fit.warnings


def descend(objective: Callable, start: np.ndarray, most: np.ndarray):
    """Minimise over the falls between knots, within [0, most], that leave the last knot at LEAST_RATE or above."""
    total = LinearConstraint(np.ones(start.size), 0, 1 - LEAST_RATE)
    options = {"maxiter": 500, "ftol": 1e-10}
    return minimize(
        objective, start, jac=True, method="SLSQP", bounds=[(0, m) for m in most], constraints=[total], options=options
    )


def starts(most: np.ndarray) -> list[np.ndarray]:
    """Return the falls of a constant rate, of a steady fall, and of the latest fall that is allowed."""
    steady = most / most.sum()
    late = np.diff(np.minimum(np.cumsum(most[::-1]), 1 - LEAST_RATE), prepend=0.0)[::-1]
    return [np.zeros_like(most), np.minimum(steady * (1 - LEAST_RATE), most), late]


def table(search: Search, found: Sequence[Found]) -> str:
    """Return what was found as lines for a terminal, lowest loss last; gains are over the first, the reference."""
    reference, noise = found[0], search.noise
    lines = [
        f"law: {search.fit.law.name} on {len(search.curves)} logs, R2 {search.fit.r2:.4f}; at their ends it is off by {search.miss:.4f} (rms)",
        f"fences: peak {search.peak:g}, warm-up {search.warmup}, from the peak to nothing in no less than {1 / search.steepest[0]:.0f} steps",
        f"{'schedule':44}{'loss':>8}{'gain':>9}{'in seed std':>13}",
    ]
    for one in sorted(found, key=lambda one: -one.loss):
        gain = reference.loss - one.loss
        lines.append(f"{one!s:44}{one.loss:>8.4f}{gain:>+9.4f}{f'{gain / noise:+.1f}' if noise else '-':>13}")
    best = min(found, key=lambda one: one.loss)
    return "\n".join([*lines, *(f"warning: {line}" for line in search.warnings(best))])


def save(found: Found, path: Path) -> Path:
    """Write the rate of every step as CSV, columns step and lr, as `schedule=file` reads it; return the path."""
    rates = pd.DataFrame({"step": np.arange(1, found.schedule.steps + 1), "lr": found.schedule.lr})
    write_table(rates, path)
    return path
