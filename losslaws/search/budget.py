"""Where to spend a budget of FLOPs: which size, length and schedule, what loss to expect, and what it costs to know.

    planner = Planner.of(curves)            the annealing law with a term for the size, and Chinchilla's where it can be fitted
    planner.best(flops) -> [Option]         the best size for every schedule, lowest loss first
    planner.report(flops) -> dict           the same with intervals, costs and doubts, ready for JSON

The annealing law alone would choose a cliff (see `losslaws.search.optimize`), so only schedules of kinds that were trained are compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize_scalar

from losslaws import laws
from losslaws.curves import InputError, LossCurve, schedules
from losslaws.curves.runs import consumed, final, settled
from losslaws.fitting import Fit, bootstrap, fit
from losslaws.search.allocation import REMEDY, check_fit, check_reach

SCHEDULES = (("cosine", {}), ("wsd", {"decay": 0.1}), ("wsd", {"decay": 0.2}), ("wsd", {"decay": 0.4}))
BEYOND = 10.0  # how many times beyond the sizes that were trained a plan may go
TIMES_LONGER = 20.0  # and beyond their steps
DRAWS = 50
LEVEL = 0.9


@dataclass(frozen=True)
class Option:
    """One way to spend a budget: the schedule, N (non-embedding), optimiser steps and peak rate, and the loss at the end."""

    schedule: str
    non_embedding: int
    steps: int
    peak: float
    loss: float


@dataclass(frozen=True, eq=False)
class Planner:
    """Laws over sizes, fitted to `curves`: of every model the runs with its commonest peak rate."""

    curves: tuple[LossCurve, ...]
    fit: Fit

    @classmethod
    def of(cls, curves: Sequence[LossCurve]) -> "Planner":
        """Fit the laws. Raises InputError for fewer than three sizes, which do not show how the loss falls with size, and for
        runs that the law does not describe.
        """
        sizes: dict[int, list[LossCurve]] = {}
        for curve in curves:
            sizes.setdefault(curve.parameters.get("non_embedding"), []).append(curve)
        if len(sizes) < 3 or None in sizes or not all(c.flops_per_token and c.tokens_per_step for c in curves):
            raise InputError(
                f"budget: needs runs of at least three model sizes with known FLOPs, got {len(sizes)}; train cells of the role 'size'"
            )
        kept = []
        for runs in sizes.values():
            peaks = [f"{run.schedule.peak:.6g}" for run in runs]
            common = max(sorted(set(peaks)), key=peaks.count)
            kept += [run for run, peak in zip(runs, peaks, strict=True) if peak == common]
        fitted = fit(laws.build("annealing_size"), map(settled, kept))
        check_fit(fitted)
        return cls(tuple(kept), fitted)

    @cached_property
    def models(self) -> np.ndarray:
        """Logarithms of N, FLOPs per token, tokens per step and peak rate, a row for every size, rising, [sizes, 4]."""
        rows = {
            c.parameters["non_embedding"]: (c.flops_per_token, c.tokens_per_step, c.schedule.peak) for c in self.curves
        }
        return np.log([[N, *rest] for N, rest in sorted(rows.items())])

    def model(self, N: float) -> tuple[float, int, float]:
        """Return FLOPs per token, tokens per step and peak rate of a model of N parameters, along the line through the sizes.

        Batch and peak stay those of the nearest size beyond the trained ones.
        """
        sizes, cost, batch, peak = self.models.T
        slope = np.polyfit(sizes, cost, 1)
        at = np.log(N)
        flops = np.interp(at, sizes, cost) + slope[0] * (at - np.clip(at, sizes[0], sizes[-1]))
        return (
            float(np.exp(flops)),
            round(float(np.exp(np.interp(at, sizes, batch)))),
            float(np.exp(np.interp(at, sizes, peak))),
        )

    @property
    def warmup(self) -> int:
        return int(np.median([c.schedule.warmup for c in self.curves]))

    @property
    def longest(self) -> int:
        return max(c.schedule.steps for c in self.curves)

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest log N of a plan."""
        return self.models[0, 0] - np.log(BEYOND), self.models[-1, 0] + np.log(BEYOND)

    def steps(self, N: float, flops: float) -> float:
        """How many steps of a model of N parameters the budget pays for."""
        cost, batch, _ = self.model(N)
        return flops / cost / batch

    def option(self, name: str, options: dict, N: float, flops: float) -> Option:
        """Return what becomes of the budget with N parameters under one schedule."""
        _, batch, peak = self.model(N)
        steps = int(self.steps(N, flops))
        schedule = schedules.build(name, steps, peak, self.warmup, **options)
        plan = laws.Planned(schedule, [steps], {"non_embedding": round(N)}, batch)
        label = " ".join([name, *(f"{key}={value:g}" for key, value in options.items())])
        return Option(label, round(N), steps, peak, float(self.fit.predict(plan)[0]))

    def best(self, flops: float) -> list[Option]:
        """Return the best size for each of SCHEDULES, lowest loss first. Raises InputError for a budget no plan can speak of."""
        check_reach("FLOPs", flops, max(c.flops for c in self.curves))
        low, high = self.bounds
        grid = np.linspace(low, high, 60)
        lengths = np.array([self.steps(np.exp(at), flops) for at in grid])
        allowed = grid[(lengths >= 4 * self.warmup) & (lengths <= TIMES_LONGER * self.longest)]
        if allowed.size < 2:
            least, most = (
                self.cost(at, steps) for at, steps in ((low, 4 * self.warmup), (high, TIMES_LONGER * self.longest))
            )
            raise InputError(
                f"budget: {flops:.2g} FLOPs are out of reach of these runs, which can speak of {least:.1e} to {most:.1e}"
            )
        found = []
        for name, options in SCHEDULES:
            at = minimize_scalar(
                lambda at, name=name, options=options: self.option(name, options, np.exp(at), flops).loss,
                bounds=(allowed[0], allowed[-1]),
                method="bounded",
                options={"xatol": 0.01},
            ).x
            found.append(self.option(name, options, np.exp(at), flops))
        return sorted(found, key=lambda option: option.loss)

    def cost(self, at: float, steps: float) -> float:
        """FLOPs of `steps` steps of the model of log size `at`."""
        per_token, batch, _ = self.model(np.exp(at))
        return per_token * batch * steps

    @cached_property
    def chinchilla(self) -> Fit | None:
        """Chinchilla's law on the final losses of the cosines; None where they are too few."""
        cosines = [final(c) for c in self.curves if c.schedule.name == "cosine" and not c.role.startswith("claim")]
        enough = (
            len({c.parameters["non_embedding"] for c in cosines}) >= 3 and len({c.schedule.steps for c in cosines}) >= 3
        )
        return fit(laws.build("chinchilla"), cosines) if enough else None

    def report(self, flops: float) -> dict:
        """Return options, the interval of the best one, the other law's opinion, costs and doubts."""
        options = self.best(flops)
        first, N = options[0], options[0].non_embedding
        batch = self.model(N)[1]
        plan = self.plan_of(first)
        draws = bootstrap(self.fit, n=DRAWS).draws
        losses = [
            self.fit.law.loss(self.fit.params | dict(zip(self.fit.free, draw, strict=True)), plan)[0] for draw in draws
        ]
        low, high = (float(q) for q in np.quantile(losses, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
        if not 0 < low <= high < np.inf:
            raise InputError(
                f"budget: {LEVEL:.0%} of {DRAWS} reweightings of these runs give a loss of {low:.3g} to {high:.3g}, so they do not tell it; {REMEDY}"
            )
        other = self.chinchilla
        spent = consumed(self.curves)
        return {
            "flops": flops,
            "options": [
                vars(option) | {"tokens": option.steps * self.model(option.non_embedding)[1]} for option in options
            ],
            "interval": [low, high],
            "chinchilla_loss": float(
                other.predict(laws.Planned(plan.schedule, plan.step, {"non_embedding": N}, batch))[0]
            )
            if other
            else None,
            "r2": self.fit.r2,
            "runs": len(self.curves),
            "cost_of_finding_out": spent,
            "cost_share": spent / flops,
            "warnings": list(self.doubts(first)),
        }

    def plan_of(self, option: Option) -> laws.Planned:
        """Return the run that an option describes."""
        name, *rest = option.schedule.split()
        options = {key: float(value) for key, value in (part.split("=") for part in rest)}
        schedule = schedules.build(name, option.steps, option.peak, self.warmup, **options)
        return laws.Planned(
            schedule, [option.steps], {"non_embedding": option.non_embedding}, self.model(option.non_embedding)[1]
        )

    def doubts(self, option: Option) -> Iterator[str]:
        """Yield a line for everything that makes the plan doubtful."""
        smallest, largest = (round(float(np.exp(at))) for at in self.models[[0, -1], 0])
        if not smallest <= option.non_embedding <= largest:
            yield f"{option.non_embedding:,} parameters lie outside the {smallest:,} to {largest:,} that were trained"
        if option.steps > self.longest:
            yield f"{option.steps:,} steps lie beyond the {self.longest:,} that were trained"
        yield from self.fit.warnings


def table(report: dict) -> str:
    """Return a report as lines for a terminal."""
    low, high = report["interval"]
    lines = [
        f"{report['flops']:.3g} FLOPs",
        f"{'schedule':18}{'N':>14}{'steps':>12}{'tokens':>10}{'peak':>10}{'loss':>9}",
    ]
    for row in report["options"]:
        lines.append(
            f"{row['schedule']:18}{row['non_embedding']:>14,}{row['steps']:>12,}{row['tokens']:>10.2g}{row['peak']:>10.2g}{row['loss']:>9.4f}"
        )
    other = report["chinchilla_loss"]
    lines.append(
        f"best: {LEVEL:.0%} of {DRAWS} reweightings of the runs give {low:.4f} to {high:.4f}"
        + (f"; Chinchilla's law says {other:.4f}" if other else "")
    )
    lines.append(
        f"known from {report['runs']} runs of {report['cost_of_finding_out']:.2g} FLOPs together, {report['cost_share']:.1%} of the budget; R2 {report['r2']:.4f}"
    )
    return "\n".join([*lines, *(f"warning: {line}" for line in report["warnings"])])
