"""Our own runs over widths and learning rates (conf/sweep/mup.yaml): basins, wider is better, and losses told in advance.

    runs = Transfer.load("results/mup")
    runs.basin("mup", 96)            {rate: final loss}
    runs.best("mup", 96)             the rate of the lowest
    runs.moves("mup")                {width: factors of 2 from the best rate of the smallest width}
    runs.wider("mup")                whether every wider model has the lower loss, at each evaluated step
    runs.forecast("mup", 384)        the loss of a width, told from small ones: what was said, what it took

The role of a run names its parametrisation: "mup", "standard", or the parts of muP that a negative control keeps. At the
smallest width, which is muP's base, a control is muP itself, so it has those runs there.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from analysis.papers.widths import WidthLaw, fit_widths
from curves import InputError, LossCurve
from curves.loss_curve import load_folder

WIDTH = re.compile(r"d_model(\d+)")
MUP, STANDARD = "mup", "standard"
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
    predicted  loss, nats per token; nan where there is no law
    measured   loss
    cost       FLOPs of the smaller widths and of every rate that was tried there, over those of the run foretold
    """

    kind: str
    tuned: bool
    of: str
    width: int
    law: WidthLaw | None
    predicted: float
    measured: float
    cost: float

    @property
    def error(self) -> float:
        """Relative error of the prediction."""
        return self.predicted / self.measured - 1


@dataclass(frozen=True, eq=False)
class Transfer:
    """Curves by parametrisation, width, peak rate and seed."""

    curves: dict[tuple[str, int, float, int], LossCurve]

    @classmethod
    def load(cls, folder: Path | str) -> "Transfer":
        """Read `folder`/curves. Raises InputError where there are none, or where a name does not give the width."""
        found = {}
        for name, curve in load_folder(Path(folder) / "curves").items():
            width = WIDTH.search(name)
            if not width:
                raise InputError(f"{folder}: the name of curve '{name}' holds no width; write d_modelWIDTH")
            found[curve.role, int(width[1]), curve.schedule.peak, curve.seed] = curve
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

    def runs(self, kind: str, width: int) -> dict[float, LossCurve]:
        """The runs of one width by rate, rising, of the first seed. Runs that diverged are not there."""
        return {key[2]: self.curves[key] for key in sorted(self.curves) if key[:2] == (kind, width) and key[3] == 0}

    def basin(self, kind: str, width: int) -> dict[float, float]:
        """Final loss by rate."""
        return {rate: run.final_loss for rate, run in self.runs(kind, width).items()}

    def best(self, kind: str, width: int) -> float:
        """The rate with the lowest final loss."""
        basin = self.basin(kind, width)
        return min(basin, key=basin.get)

    def inside(self, kind: str, width: int) -> bool:
        """Whether rates on both sides of the best one were tried, so that it is known to be the best."""
        rates = list(self.basin(kind, width))
        return self.best(kind, width) not in (rates[0], rates[-1])

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

    def chosen(self, kind: str, tuned: bool = False) -> dict[int, LossCurve]:
        """The run of every width: with the best rate of the smallest width, or `tuned`, with its own best."""
        rates = {width: self.best(kind, width if tuned else self.base) for width in self.widths(kind)}
        found = {width: self.runs(kind, width).get(rate) for width, rate in rates.items()}
        return {width: run for width, run in found.items() if run}

    def wider(self, kind: str) -> np.ndarray:
        """Whether the loss falls with every step in width, at each evaluated step: bool [steps]; all widths have one rate."""
        losses = np.array([run.loss for run in self.chosen(kind).values()])
        return np.all(np.diff(losses, axis=0) < 0, axis=0)

    @cached_property
    def noise(self) -> float:
        """Relative standard deviation of a final loss over seeds; nan where nothing was run with several."""
        groups: dict[tuple, list[float]] = {}
        for (*same, _), run in self.curves.items():
            groups.setdefault(tuple(same), []).append(np.log(run.final_loss))
        several = [np.array(group) for group in groups.values() if len(group) > 1]
        squares = sum(np.sum((group - group.mean()) ** 2) for group in several)
        return float(np.sqrt(squares / sum(group.size - 1 for group in several))) if several else np.nan

    def targets(self, kind: str) -> list[int]:
        """The widths that are foretold."""
        return [width for width in self.widths(kind) if width > LAW_RATIO * self.base]

    def forecast(self, kind: str, width: int, tuned: bool = False, of: str = "parameters") -> Forecast:
        """Tell the loss of `width` from the widths up to LAW_RATIO times the smallest. Raises InputError where its run is missing or diverged."""
        runs = self.chosen(kind, tuned)
        if width not in runs:
            raise InputError(f"widths: {kind}, width {width}: there is no run with the rate that is given; train it")
        small = {w: run for w, run in runs.items() if w not in self.targets(kind)}
        try:
            law = fit_widths([X[of](run, w) for w, run in small.items()], [run.final_loss for run in small.values()])
        except InputError:
            law = None
        searched = small if tuned else [self.base]
        used = {id(run): run for w in searched for run in self.runs(kind, w).values()}
        used |= {id(run): run for run in small.values()}
        return Forecast(
            kind,
            tuned,
            of,
            width,
            law,
            predicted=float(law.predict(X[of](runs[width], width))) if law else np.nan,
            measured=runs[width].final_loss,
            cost=sum(run.flops for run in used.values()) / runs[width].flops,
        )


def shared_base(curves: dict) -> dict:
    """The runs of muP at its base width, under the name of every control."""
    base = min((key[1] for key in curves if key[0] == MUP), default=0)
    controls = {key[0] for key in curves} - {MUP, STANDARD}
    same = {key: curve for key, curve in curves.items() if key[:2] == (MUP, base)}
    return {(control, *key[1:]): curve for control in controls for key, curve in same.items()}
