"""What claims are held against: the paper's own points, the runs of an experiment, and other people's curves."""

from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from analysis import RESULTS
from analysis.papers.annealing import benchmark, noise
from analysis.papers.annealing.experiment import Experiment
from analysis.papers.annealing.grid import Grid
from analysis.papers.claim import Test
from losslaws import laws
from losslaws.curves import LossCurve, Schedule, public, schedules
from losslaws.curves.runs import settled
from losslaws.curves.store import holds_curves, load_folder
from losslaws.fitting import Fit, final_of, fit
from losslaws.laws.annealing import PAPER_LAMBDA

GIVEN = {"lambda": PAPER_LAMBDA}
TUNING = RESULTS / "annealing" / "tuning"
PAPER_PEAK, PAPER_WARMUP = 2e-4, 500  # set-up A of the annealing paper


class Evidence:
    """The three kinds of evidence, each fitted once.

    own         the Experiment
    paper       the two fitted curves of the annealing paper (Fig. 2), and paper_fit: the law on them, lambda = .999
    grid        130 public runs of one 124M model
    multi       {"25M": {name: LossCurve}, ...}, and multi_fit: the law, lambda = .999, on constant and cosine over 24K
    """

    def __init__(self, runs: Experiment | Path | str):
        """`runs` are those of a profile, or its results folder. Raises InputError for a folder without curves."""
        self.own = runs if isinstance(runs, Experiment) else Experiment.load(runs)

    @cached_property
    def paper(self) -> dict[str, LossCurve]:
        return public.annealing_paper_fit()

    @cached_property
    def paper_fit(self) -> Fit:
        return fit(laws.build("annealing"), self.paper.values(), fixed=GIVEN)

    @cached_property
    def unseen(self) -> dict[str, LossCurve]:
        """The five curves that the paper predicts (Fig. 3)."""
        return public.annealing_paper_unseen()

    @cached_property
    def lines(self):
        """The lines of the paper's figures, see `losslaws.curves.public.annealing_paper_lines`."""
        return public.annealing_paper_lines()

    @cached_property
    def grid(self) -> Grid:
        """The public grid of shares of decay, peaks and lengths."""
        return Grid.load()

    @cached_property
    def multi(self) -> dict[str, dict[str, LossCurve]]:
        return {group.size: group.curves for group in public.groups("mpl")}

    @cached_property
    def multi_fit(self) -> dict[str, Fit]:
        law = laws.build("annealing")
        return {size: fit(law, self.multi_seen(size), fixed=GIVEN) for size in self.multi}

    def multi_seen(self, size: str) -> list[LossCurve]:
        """The two curves of a public model size that the law is fitted on."""
        return [self.multi[size]["constant_24000"], self.multi[size]["cosine_24000"]]

    @cached_property
    def benchmark(self) -> pd.DataFrame:
        """Compute against accuracy, a row for every method and target."""
        return benchmark.benchmark(self.own)

    @cached_property
    def equal_error(self) -> pd.DataFrame:
        """Compute at equal error, a row for every Chinchilla method."""
        return benchmark.equal_error(self.benchmark)

    @property
    def headline(self) -> str:
        """The benchmark in one sentence: the identified fit with most targets, beside the best Chinchilla fit."""
        table = benchmark.summary(self.benchmark[self.benchmark["identified"].astype(bool)]).dropna(subset="mean_error")
        ours, theirs = (table[table["method"].str.startswith(law)] for law in ("annealing", "Chinchilla"))
        if ours.empty or theirs.empty:
            return "Chinchilla's runs are not part of this profile"
        best = ours[ours["targets"] == ours["targets"].max()].sort_values("mean_error").iloc[0]
        other = theirs.sort_values("mean_error").iloc[0]

        def said(row):
            half = f" ± {100 * row['interval']:.2f}" if np.isfinite(row["interval"]) else ""
            return f"errs by {100 * row['mean_error']:.2f}{half} % on {row['targets']} longer schedule{'s' if row['targets'] > 1 else ''}, {row['seeds']} seeds each"

        return f"The annealing law from {best['method'].partition(', ')[2]} {said(best)}; {other['method']}, {other['flops'] / best['flops']:.1f} times as dear, {said(other)}"

    def tables(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """Makers of the tables beside the claims, by name."""
        return {
            "fits": self.own.fits,
            "predictions": self.own.predictions,
            "noise": lambda: noise.table(self.own.relations),
            **({"tuning": tuning} if holds_curves(TUNING) else {}),
            "benchmark": lambda: self.benchmark.drop(columns=benchmark.READS),
            "benchmark_summary": lambda: benchmark.summary(self.benchmark),
            "benchmark_equal_error": lambda: self.equal_error,
        }

    @cached_property
    def setups(self) -> dict[str, dict[str, LossCurve]]:
        """The paper's other set-ups: B, D, E, and "sizes" (Fig. 7b)."""
        return {name: public.annealing_paper_setup(name) for name in ("B", "D", "E", "sizes")}

    @cached_property
    def own_seen(self) -> list[LossCurve]:
        """The settled curves that the experiment's law is fitted on."""
        return [settled(self.own.seen(name)) for name in self.own.role("fit")]

    def own_schedule(self, kind: str, steps: int, **options) -> Schedule:
        """Return a schedule with the peak and the warm-up of the experiment's fitted runs."""
        like = self.base.schedule
        return schedules.build(kind, steps, like.peak, like.warmup, **options)

    @property
    def base(self) -> LossCurve:
        """The first run that the experiment fits."""
        return self.own.base

    def own_final(self, name: str) -> float:
        """Return the measured final loss of a kind of run, the mean over its seeds, on the validation text that the law was fitted on."""
        return self.own.curves[name].final_loss

    def own_predicted(self, name: str) -> float:
        """Return the final loss that the experiment's fit gives for one of its runs."""
        curve = self.own.curves[name]
        return float(self.own.fit.predict(curve, curve.step[-1:])[0])

    def own_finals(self, **names: str) -> str:
        """Write measured final losses, the predicted ones in brackets; `names` gives label -> run."""
        return ", ".join(f"{x} {self.own_final(run):.4f} ({self.own_predicted(run):.4f})" for x, run in names.items())

    def below(self, better: str, worse: str, rule: str | None = None) -> Test:
        """Whether runs of one kind end below those of another, seed by seed; undecided within what their relation leaves open."""
        runs = self.own.runs
        found, half, p, seeds = noise.compare(runs[better], runs[worse], self.own.relations)
        known = f"{half:.4f}" if np.isfinite(half) else "unknown"
        return Test(rule or f"{better} ends below {worse}", noise.above(-found, half), f"{found:+.4f}", known, seeds, p)

    def spread(self, name: str) -> float:
        """95 % half-width of the mean final loss of a kind over seeds, nats; inf where no relation tells it."""
        return noise.uncertain(0.0, self.own.another_seed(name), 1 / len(self.own.runs[name]))[0]


def tuning() -> pd.DataFrame:
    """Return one row for every peak rate of the sweep `tuning`: mean final losses, on the finest validation set, and which was chosen.

    The rule, set before any law was fitted: the lowest mean over the cosine and the WSD runs of all seeds; where the seeds do
    not tell others from it (95 %, by Student's t of their paired differences), that of these whose seeds differ least, for
    there a claim needs the fewest runs (this half was added when the table was seen).
    """
    rows = [
        {"peak": run.schedule.peak, "schedule": run.schedule.name, "seed": run.seed, "loss": run.end_loss}
        for run in load_folder(TUNING).values()
    ]
    runs = pd.DataFrame(rows)
    by = runs.groupby(["peak", "schedule"])["loss"]
    table = by.mean().unstack()
    table = table.assign(
        mean=table.mean(axis=1), sd_over_seeds=by.std().unstack().mean(axis=1), seeds=by.size().unstack().min(axis=1)
    )
    of_seeds = runs.groupby(["peak", "seed"])["loss"].mean().unstack("peak")
    above = of_seeds.sub(of_seeds[table["mean"].idxmin()], axis=0)
    table[["above", "above_95"]] = [noise.over_seeds(above[peak]) for peak in table.index]
    among = table[table["above"] <= table["above_95"]]
    return table.assign(chosen=table.index == among["sd_over_seeds"].idxmin()).reset_index().rename_axis(columns=None)


def law(rule: str, passed: bool, difference: str = "") -> Test:
    """A test of the law evaluated on itself."""
    return Test(rule, bool(passed), difference, law=True)


def points(rule: str, passed: bool, difference: str = "") -> Test:
    """A test of points that the paper published, whose noise it does not state."""
    return Test(rule, bool(passed), difference)


def others(rule: str, passed: bool | None, difference: str = "", noise: str = "") -> Test:
    """A test of other people's runs."""
    return Test(rule, None if passed is None else bool(passed), difference, noise)


def paper_schedule(kind: str, steps: int, **options) -> Schedule:
    """Return a schedule with the peak and the warm-up of the paper's set-up A."""
    return schedules.build(kind, steps, PAPER_PEAK, PAPER_WARMUP, **options)


def best_ratio(fit: Fit, peak: float, warmup: int, steps: int, shape: str = "cosine") -> float:
    """Return the decay fraction of a WSD run to zero at which the predicted final loss is lowest."""

    def loss(ratio):
        return final_of(fit, schedules.build("wsd", steps, peak, warmup, decay=float(ratio), shape=shape))

    most = 1 - warmup / steps
    return float(minimize_scalar(loss, bounds=(2 / steps, most), method="bounded", options={"xatol": 1e-3}).x)


def turns(schedule: Schedule, rising: bool = False) -> list[tuple[int, int, int]]:
    """Return (start, turn, end) of every dip of the rate: last step before the fall, lowest step, last step of the rise.

    With `rising`, of every bump: last step before the rise, highest step, last step of the fall. The warm-up does not count.
    """
    rate = schedule.lr if rising else -schedule.lr
    way = np.sign(np.diff(rate[schedule.warmup :])).astype(int)
    edges = np.flatnonzero(np.diff(way, prepend=2, append=2))
    parts = [(way[a], int(a) + schedule.warmup + 1, int(b) + schedule.warmup + 1) for a, b in pairwise(edges)]
    return [(a[1], a[2], b[2]) for a, b in pairwise(parts) if (a[0], b[0]) == (1, -1)]


def delay(step: np.ndarray, loss: np.ndarray, turn: tuple[int, int, int], rising: bool = False) -> int | None:
    """Return how many steps after the rate the loss turns: its lowest (of a bump: highest) point on the rate's way back.

    None where that is the last point of this way: no turn is seen, and the delay may be longer.
    """
    inside = np.flatnonzero((step >= turn[1]) & (step <= turn[2]))
    at = int(np.argmax(loss[inside]) if rising else np.argmin(loss[inside]))
    return None if at == inside.size - 1 else int(step[inside][at] - turn[1])
