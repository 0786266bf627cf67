"""What the claims of the Hitchhiker's Guide are held against: laws estimated by the thousand, and loss curves."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import RESULTS
from analysis.papers.hitchhiker.asks import LARGE, every_ask, every_family, own_asks, own_families
from analysis.papers.hitchhiker.estimation import NAMES, Ask, estimate, estimate_all
from analysis.papers.kaplan.family import Family
from losslaws import laws
from losslaws.curves import LossCurve, public
from losslaws.curves.runs import select
from losslaws.fitting import Fit, Prior, fit, learn_prior
from losslaws.laws.annealing import PAPER_LAMBDA

OWN = RESULTS / "kaplan"
WORKERS = None  # one for each core
BORROWED = ("A", "alpha", "C")  # of the annealing law, from fits of the other sizes
PARTS = (0.25, 0.4, 0.6, 0.8)  # of a run, after which its end is asked for
RUNS = ("cosine_24000", "wsdld_20000_24000")


class Evidence:
    """The public families and our own, the laws estimated from them, and the loss curves of Luo et al. 2025."""

    def __init__(self, runs: Path | None = None):
        """`runs` holds the curves of our own runs (default: results/kaplan)."""
        self.runs = Path(runs or OWN)

    @cached_property
    def families(self) -> dict[str, pd.DataFrame]:
        return every_family()

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """Every law of `asks`, a row each."""
        return estimate_all(self.families, every_ask(self.families), WORKERS)

    def are(self, family: str, train, target: float, **options) -> float:
        """Return the ARE of one law."""
        return estimate(self.families[family], Ask(family, tuple(train), target, **options))["are"]

    @cached_property
    def own(self) -> Family | None:
        """The runs of the kaplan sweep; None where they are not there."""
        return Family.load(self.runs)

    @cached_property
    def own_estimates(self) -> pd.DataFrame | None:
        """Every law of `own_asks`, a row each; None without runs."""
        if self.own is None:
            return None
        tables = own_families(self.own)
        return estimate_all(tables, own_asks(tables), WORKERS)

    @cached_property
    def components(self) -> np.ndarray:
        """Shares of the variance of the five parameters along their principal components, largest first, over laws from many models."""
        rows = self.estimates[self.estimates["family"].isin(LARGE) & (self.estimates["models"] >= 3)]
        theta = rows[list(NAMES)].dropna().to_numpy()
        power = np.linalg.svd(theta - theta.mean(axis=0), compute_uv=False) ** 2
        return power / power.sum()

    @cached_property
    def size_fits(self) -> dict[str, Fit]:
        """The annealing law on a constant and a cosine run of each public size."""
        seen = {size: public.multi_power(size) for size in public.MULTI_POWER_SIZES}
        return {size: self.annealing([c["constant_24000"], c["cosine_24000"]]) for size, c in seen.items()}

    def annealing(self, curves: list[LossCurve], prior: Prior | None = None) -> Fit:
        """Fit the annealing law, lambda as its paper has it."""
        return fit(laws.build("annealing"), curves, fixed={"lambda": PAPER_LAMBDA}, prior=prior)

    @cached_property
    def curve_estimates(self) -> pd.DataFrame:
        """The end of a run from its beginning by the annealing law, alone and with the parameters of the two other sizes."""
        rows = []
        for size in public.MULTI_POWER_SIZES:
            prior = learn_prior([found for other, found in self.size_fits.items() if other != size], BORROWED)
            for name in RUNS:
                run = public.multi_power(size)[name]
                for part in PARTS:
                    seen = select(run, run.step <= part * run.schedule.steps)
                    for how, known in (("alone", None), ("borrowed", prior)):
                        found = self.annealing([seen], known)
                        error = abs(found.predict(run)[-1] / run.final_loss - 1)
                        rows.append((size, name, part, how, seen.step.size, error, "; ".join(found.warnings)))
        return pd.DataFrame(rows, columns=["size", "run", "part", "how", "points", "error", "doubts"])

    def tables(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """Makers of the tables beside the claims, by name."""
        own_laws = {"own_laws": lambda: readable(self.own_estimates)} if self.own else {}
        return {"laws": lambda: readable(self.estimates)} | own_laws | {"curve_estimates": lambda: self.curve_estimates}


def readable(estimates: pd.DataFrame) -> pd.DataFrame:
    """Return estimates with the models' sizes as text."""
    return estimates.assign(train=[" ".join(f"{n:g}" for n in train) for train in estimates["train"]])
