"""What the claims of Research without Re-search are held against: the losses that its scripts hold, and our runs over widths."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import RESULTS
from analysis.papers.mup.transfer import MUP, STANDARD, Forecast, Transfer
from analysis.papers.mup.widths import WidthLaw, hold_out
from losslaws.curves import InputError
from losslaws.curves.store import holds_curves

OWN = RESULTS / "mup"
FLAT = 0.1  # how much an activation may change over widths
WIDTHS = np.array([128, 256, 384, 512, 640, 768, 896, 1024, 2048, 3072])
LAYERS, VOCABULARY, CONTEXT = 12, 50_261, 1024
MU_SCALING = np.array([3.9181, 3.6054, 3.4431, 3.3542, 3.2902, 3.2478, 3.224, 3.1797, 3.0854, 3.0425])  # at step 20,000


def millions(width: np.ndarray) -> np.ndarray:
    """Return the parameters of a GPT-2 of each width, in units of 2^20, as the script counts them."""
    return (LAYERS * (12 * width**2 + 13 * width) + 2 * width + (VOCABULARY + CONTEXT) * width) / 2**20


@dataclass(frozen=True, eq=False)
class Series:
    """Losses over widths: x in millions of parameters [n], loss [n], how many of the last the authors held out, under muP or not."""

    x: np.ndarray
    loss: np.ndarray
    held_out: int
    mup: bool = True

    @cached_property
    def law(self) -> WidthLaw:
        return hold_out(self.x, self.loss, self.held_out)

    @property
    def errors(self) -> np.ndarray:
        """Relative errors of the widths held out."""
        return (self.law.predict(self.x) / self.loss - 1)[-self.held_out :]


GPT = np.array([8.82, 22.36, 40.61, 63.59, 91.28, 123.69, 160.82, 202.67])
LLAMA = np.array([9.59, 25.47, 47.64, 76.10, 110.85, 151.90, 199.24, 252.86])
SERIES = {
    "Mu-scaling GPT-2, 20k steps": Series(millions(WIDTHS), MU_SCALING, 3),
    "nanoLM GPT, 7k steps": Series(GPT, np.array([4.52, 4.25, 4.16, 4.10, 4.04, 4.01, 4.00, 3.98]), 1),
    "nanoLM GPT, 20k steps": Series(GPT, np.array([4.45, 4.2, 4.05, 3.94, 3.9, 3.87, 3.85, 3.84]), 1),
    "nanoLM Llama, 20k steps": Series(LLAMA, np.array([4.49, 4.31, 4.24, 4.20, 4.18, 4.17, 4.11, 4.10]), 1),
    "nanoLM GPT without muP, 7k steps": Series(
        GPT, np.array([4.73, 4.48, 4.50, 4.42, 4.36, 4.33, 4.29, 4.31]), 1, mup=False
    ),
}
MAIN, WITHOUT = "Mu-scaling GPT-2, 20k steps", "nanoLM GPT without muP, 7k steps"


class Evidence:
    """The published series and the laws fitted to their smaller widths, and our own runs."""

    def __init__(self, runs: Path | None = None):
        """`runs` holds the curves of our own runs (default: results/mup)."""
        self.runs = Path(runs or OWN)

    series = SERIES

    @cached_property
    def own(self) -> Transfer | None:
        """Our runs over widths; None where they are not there."""
        return Transfer.load(self.runs) if holds_curves(self.runs) else None

    @cached_property
    def coordinates(self) -> pd.DataFrame | None:
        """The coordinate check of our models, role, width, step, activation, size; None: it was not made."""
        path = self.runs / "coordinates.csv"
        return pd.read_csv(path).sort_values("width") if path.is_file() else None

    @property
    def sizes(self) -> pd.DataFrame | None:
        """The coordinate check after its last step; None: it was not made."""
        table = self.coordinates
        return None if table is None else table[table["step"] == table["step"].max()]

    @cached_property
    def forecasts(self) -> list[Forecast]:
        """What the small widths of our runs say of those held out, under muP and the standard parametrisation."""
        if self.own is None:
            return []
        ways = product((MUP, STANDARD), (False, True), ("parameters", "width"))
        found = []
        for kind, tuned, of in ways:
            for width in self.own.targets(kind):
                try:
                    found.append(self.own.forecast(kind, width, tuned, of))
                except InputError:  # the run foretold diverged
                    continue
        return found

    def tables(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """Makers of the tables beside the claims, by name."""
        ours = {"predictions": self.predictions, "checks": self.checks, "basins": self.basins} if self.own else {}
        return {"widths": self.widths, "laws": self.laws} | ours

    def predictions(self) -> pd.DataFrame:
        """Every forecast of our runs: the law, what it said, what was measured and what it took."""
        rows = []
        for f in self.forecasts:
            law = f.law or WidthLaw(*[np.nan] * 3, (np.nan,) * 3, 0)
            row = {"parametrisation": f.kind, "rate": "best of each width" if f.tuned else "best of the smallest width"}
            row |= {"x": f.of, "width": f.width, "a": law.a, "b": law.b, "c": law.c, "se_b": law.errors[1]}
            row |= {"se_c": law.errors[2], "widths": law.widths, "predicted": f.predicted, "measured": f.measured}
            rows.append(row | {"error": f.error, "cost": f.cost})
        return pd.DataFrame(rows)

    def checks(self) -> pd.DataFrame:
        """What each parametrisation of our runs does over the widths: rates, steps at which wider is better, activations."""
        own, rows = self.own, []
        for kind in own.kinds:
            far, wider, spread = own.near(kind)[-1], own.wider(kind), self.spread(kind)
            rows.append(
                {
                    "parametrisation": kind,
                    "best_rate_smallest": own.best(kind, own.base),
                    "width": far,
                    "best_rate": own.best(kind, far),
                    "factors_of_2": max(own.moves(kind).values(), key=abs),
                    "inside_the_grid": all(own.inside(kind, width) for width in own.near(kind)),
                    "penalty": own.penalty(kind, far),
                    "steps": wider.size,
                    "wider_is_better": int(wider.sum()),
                    "strictly": int(own.wider(kind, allowed=0.0).sum()),
                    "activations_spread": spread,
                    "fails": ", ".join(self.failed(kind)),
                }
            )
        return pd.DataFrame(rows)

    def spreads(self, kind: str) -> pd.Series:
        """How far from flat the worst activation is after each step: its largest size over widths over the least, less 1."""
        table = self.coordinates
        found = table[table["role"] == kind].groupby(["step", "activation"])["size"]
        return (found.max() / found.min() - 1).groupby("step").max()

    def spread(self, kind: str) -> float:
        """How far from flat the worst activation of a parametrisation is after the last step; nan where the check was not made."""
        return np.nan if self.coordinates is None else float(self.spreads(kind).iloc[-1])

    def failed(self, kind: str) -> list[str]:
        """The checks of muP that a parametrisation does not pass."""
        moved = max(map(abs, self.own.moves(kind).values()))
        passed = {
            "basins": moved <= 1,
            "wider is better": bool(self.own.wider(kind).all()),
            "coordinates": not self.spread(kind) > FLAT,
        }
        return [check for check, fine in passed.items() if not fine]

    def basins(self) -> pd.DataFrame:
        """Final loss of every parametrisation, width and rate, the mean over seeds."""
        own = self.own
        rows = [
            (kind, width, rate, loss, rate == own.best(kind, width))
            for kind in own.kinds
            for width in own.widths(kind)
            for rate, loss in own.basin(kind, width).items()
        ]
        return pd.DataFrame(rows, columns=["parametrisation", "width", "rate", "final_loss", "best"])

    def widths(self) -> pd.DataFrame:
        """Every width: measured and predicted loss, and whether it was held out."""
        return pd.concat(
            pd.DataFrame(
                {
                    "series": name,
                    "millions": series.x,
                    "loss": series.loss,
                    "predicted": series.law.predict(series.x),
                    "held_out": np.arange(series.x.size) >= series.x.size - series.held_out,
                }
            )
            for name, series in SERIES.items()
        )

    def laws(self) -> pd.DataFrame:
        """The laws of the main series with one to three widths held out, and of the others."""
        main = SERIES[MAIN]
        every = {f"{MAIN}, last {k} held out": Series(main.x, main.loss, k) for k in (1, 2, 3)}
        rows = []
        for name, series in (every | {k: v for k, v in SERIES.items() if k != MAIN}).items():
            law = series.law
            rows.append((name, law.a, law.b, law.c, *law.errors, law.widths, series.errors[0], series.errors[-1]))
        columns = ["series", "a", "b", "c", "se_a", "se_b", "se_c", "widths", "first_error", "last_error"]
        return pd.DataFrame(rows, columns=columns)
