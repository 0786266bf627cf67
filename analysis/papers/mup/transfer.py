"""Our own runs over widths and learning rates (conf/sweep/mup.yaml): basins, wider is better, and losses told in advance.

    runs = Transfer.load("results/mup")
    runs.basin("mup", 96)            {rate: final loss, the mean over seeds}
    runs.best("mup", 96)             the rate of the lowest
    runs.moves("mup")                {width: factors of 2 from the best rate of the smallest width}
    runs.wider("mup")                whether no wider model has the higher loss, but for what seeds do, at each evaluated step
    runs.forecast("mup", 384)        the loss of a width, told from small ones: what was said, what it took

The role of a run names its parametrisation: "mup", "standard", or the parts of muP that a negative control keeps. At the
smallest width, which is muP's base, a control is muP itself, so it has those runs there.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from analysis.papers.mup.widths import WidthLaw, fit_widths
from losslaws.curves import InputError, LossCurve
from losslaws.curves.store import load_folder

MUP, STANDARD = "mup", "standard"
REACH = 4.0  # factor of the rate to each side over which a basin must have been looked for
BASIN_RATIO = 8  # over which basins and activations are compared
LAW_RATIO = 4  # of the smallest width: up to here the law is fitted, wider models are foretold
X = {"parameters": lambda curve, width: curve.parameters["total"] / 1e6, "width": lambda curve, width: float(width)}


@dataclass(frozen=True)
class Forecast:
    """The loss of a width that no law was fitted to, told by L = a x^b + c from smaller ones.

    kind       the parametrisation
    tuned      which rate the runs have: the best of each width, or else that of the smallest width
    of         what x is: "parameters", in millions, or "width"
    width      the width foretold
    law        fitted to the smaller widths; None: no fit was found
    predicted  loss, nats per token, from means over seeds; nan where there is no law
    measured   loss, the mean over seeds
    cost       FLOPs of the smaller widths and of every rate that was tried there, over those of the runs foretold; all seeds count
    by_seed    relative errors [seeds] of the same forecast made from each seed alone
    """

    kind: str
    tuned: bool
    of: str
    width: int
    law: WidthLaw | None
    predicted: float
    measured: float
    cost: float
    by_seed: np.ndarray

    @property
    def error(self) -> float:
        """Relative error of the prediction."""
        return self.predicted / self.measured - 1

    @property
    def noise(self) -> float:
        """95 % half-width of the relative error by seeds alone; infinite for fewer than two."""
        n = self.by_seed.size
        return float(student.ppf(0.975, n - 1) * self.by_seed.std(ddof=1) / np.sqrt(n)) if n > 1 else np.inf


@dataclass(frozen=True, eq=False)
class Transfer:
    """Curves by parametrisation, width, peak rate and seed."""

    curves: dict[tuple[str, int, float, int], LossCurve]

    @classmethod
    def load(cls, folder: Path | str) -> "Transfer":
        """Read `folder`/curves. Raises InputError where there are none, or where a curve comes without its config."""
        found = {}
        for name, curve in load_folder(folder).items():
            if "d_model" not in curve.config.get("model", {}):
                raise InputError(f"{folder}: the config of curve '{name}' holds no model.d_model, its width")
            found[curve.role, curve.config["model"]["d_model"], curve.schedule.peak, curve.seed] = curve
        return cls(found | shared_base(found))

    @property
    def base(self) -> int:
        """The smallest width: muP's base, where the rate is searched."""
        return min(key[1] for key in self.curves)

    @property
    def kinds(self) -> list[str]:
        """Every parametrisation: muP, the standard one, then the controls."""
        found = {key[0] for key in self.curves}
        return [kind for kind in (MUP, STANDARD) if kind in found] + sorted(found - {MUP, STANDARD})

    def widths(self, kind: str) -> list[int]:
        """The widths of a parametrisation, rising."""
        return sorted({key[1] for key in self.curves if key[0] == kind})

    def runs(self, kind: str, width: int) -> dict[float, list[LossCurve]]:
        """The runs of one width by rate, rising, one for each seed. Runs that diverged are not there."""
        found: dict[float, list[LossCurve]] = {}
        for key in sorted(self.curves):
            if key[:2] == (kind, width):
                found.setdefault(key[2], []).append(self.curves[key])
        return found

    def basin(self, kind: str, width: int) -> dict[float, float]:
        """Final loss by rate, the mean over seeds."""
        return {rate: final_loss(runs) for rate, runs in self.runs(kind, width).items()}

    def best(self, kind: str, width: int) -> float:
        """The rate with the lowest final loss."""
        basin = self.basin(kind, width)
        return min(basin, key=basin.get)

    def inside(self, kind: str, width: int) -> bool:
        """Whether rates on both sides of the best one were tried, so that it is known to be the best."""
        rates = list(self.basin(kind, width))
        return self.best(kind, width) not in (rates[0], rates[-1])

    def wide(self, kind: str) -> bool:
        """Whether at every width compared rates were tried up to REACH times below and above the best one of the smallest.

        With fewer rates a basin that moves cannot be told from one that stays: the best of three neighbours is within a factor
        of 2 by construction.
        """
        start = self.best(kind, self.base)
        spans = [list(self.basin(kind, width)) for width in self.near(kind)]
        return all(rates[0] <= start / REACH and rates[-1] >= start * REACH for rates in spans)

    def near(self, kind: str) -> list[int]:
        """The widths up to BASIN_RATIO times the smallest, over which basins are compared."""
        return [width for width in self.widths(kind) if width <= BASIN_RATIO * self.base]

    def moves(self, kind: str) -> dict[int, float]:
        """How far the best rate of each width lies from that of the smallest, in factors of 2."""
        start = self.best(kind, self.base)
        return {width: float(np.log2(self.best(kind, width) / start)) for width in self.near(kind)}

    def penalty(self, kind: str, width: int) -> float:
        """What a width loses under the best rate of the smallest instead of its own, relative to its loss; inf: it diverged."""
        basin = self.basin(kind, width)
        return basin.get(self.best(kind, self.base), np.inf) / min(basin.values()) - 1

    def chosen(self, kind: str, tuned: bool = False) -> dict[int, list[LossCurve]]:
        """The runs of every width, one for each seed: with the best rate of the smallest width, or `tuned`, with its own best."""
        rates = {width: self.best(kind, width if tuned else self.base) for width in self.widths(kind)}
        found = {width: self.runs(kind, width).get(rate) for width, rate in rates.items()}
        return {width: runs for width, runs in found.items() if runs}

    def falls(self, kind: str) -> np.ndarray:
        """By how many standard deviations between seeds the loss falls with each step in width, at each evaluated step: [widths - 1, steps].

        All widths have one rate, and losses are means over seeds.
        """
        chosen = list(self.chosen(kind).values())
        shares = np.array([1 / len(runs) for runs in chosen])
        sd = np.sqrt(shares[1:] + shares[:-1])[:, None] * self.noises
        return -np.diff([np.log(mean_loss(runs)) for runs in chosen], axis=0) / sd

    def wider(self, kind: str, allowed: float = 1.0) -> np.ndarray:
        """Whether no step in width raises the loss by more than `allowed` standard deviations, at each evaluated step: bool [steps]."""
        return np.all(self.falls(kind) > -allowed, axis=0)

    @cached_property
    def noises(self) -> np.ndarray:
        """Relative standard deviation of the loss over seeds at each evaluated step [steps], at rates within a factor of 2 of the best of a width.

        Farther away seeds differ by more, where nothing is compared. Raises InputError where nothing was run with several.
        """
        every = {key[:2] for key in self.curves}
        near = [
            runs for key in every for rate, runs in self.runs(*key).items() if abs(np.log2(rate / self.best(*key))) <= 1
        ]
        several = [np.log([run.loss for run in runs]) for runs in near if len(runs) > 1]
        if not several:
            raise InputError("widths: no run was made with several seeds, so what a difference is worth is not known")
        squares = sum(((group - group.mean(axis=0)) ** 2).sum(axis=0) for group in several)
        return np.sqrt(squares / sum(len(group) - 1 for group in several))

    @property
    def noise(self) -> float:
        """Relative standard deviation of a final loss over seeds."""
        return float(self.noises[-1])

    def targets(self, kind: str) -> list[int]:
        """The widths that are foretold."""
        return [width for width in self.widths(kind) if width > LAW_RATIO * self.base]

    def forecast(self, kind: str, width: int, tuned: bool = False, of: str = "parameters") -> Forecast:
        """Tell the loss of `width` from the widths up to LAW_RATIO times the smallest. Raises InputError where its run is missing or diverged."""
        runs = self.chosen(kind, tuned)
        if width not in runs:
            raise InputError(f"widths: {kind}, width {width}: there is no run with the rate that is given; train it")
        small = {w: same for w, same in runs.items() if w not in self.targets(kind)}
        size = {w: X[of](same[0], w) for w, same in runs.items()}
        law, predicted = told(size, small, width)
        searched = small if tuned else [self.base]
        tried = [same for w in searched for same in self.runs(kind, w).values()]
        used = {id(run): run for same in (*tried, *small.values()) for run in same}
        return Forecast(
            kind,
            tuned,
            of,
            width,
            law,
            predicted=predicted,
            measured=final_loss(runs[width]),
            cost=sum(run.flops for run in used.values()) / sum(run.flops for run in runs[width]),
            by_seed=np.array(
                [
                    told(size, {w: [same[i]] for w, same in small.items()}, width)[1] / run.final_loss - 1
                    for i, run in enumerate(runs[width])
                    if all(len(same) > i for same in small.values())
                ]
            ),
        )


def told(size: dict[int, float], small: dict[int, list[LossCurve]], width: int) -> tuple[WidthLaw | None, float]:
    """Return the law of the small widths, whose x are in `size`, and the loss that it tells of `width`; None and nan where there is none."""
    try:
        law = fit_widths([size[w] for w in small], [final_loss(same) for same in small.values()])
    except InputError:
        return None, np.nan
    return law, float(law.predict(size[width]))


def mean_loss(runs: list[LossCurve]) -> np.ndarray:
    """The mean loss of runs that differ in their seed only, at each evaluated step [steps]."""
    return np.mean([run.loss for run in runs], axis=0)


def final_loss(runs: list[LossCurve]) -> float:
    """The mean final loss of runs that differ in their seed only."""
    return float(mean_loss(runs)[-1])


def shared_base(curves: dict) -> dict:
    """The runs of muP at its base width, under the name of every control."""
    base = min((key[1] for key in curves if key[0] == MUP), default=0)
    controls = {key[0] for key in curves} - {MUP, STANDARD}
    same = {key: curve for key, curve in curves.items() if key[:2] == (MUP, base)}
    return {(control, *key[1:]): curve for control in controls for key, curve in same.items()}
