"""What the claims of Kaplan et al. are held against: the published constants, and the runs of the cpu profile."""

from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import laws
from analysis.experiment import Experiment, full_cosines
from analysis.fitting import Fit, Intervals, bootstrap, final, fit
from analysis.papers import kaplan
from analysis.papers.allocation import allocate
from analysis.papers.reconciliation import CHINCHILLA, Reconciliation, reconcile
from curves import LossCurve

OWN = Path(__file__).parents[3] / "results" / "cpu"
BUDGETS = (1e15, 1e18, 1e21, 1e24)  # FLOPs
DRAWS = 60


class Evidence:
    """The published constants (`analysis.papers.kaplan`), Pearce and Song's simulation, and the laws on our own runs."""

    @cached_property
    def own(self) -> Experiment | None:
        """The runs of the cpu profile; None where they are not there."""
        return Experiment.load(OWN) if (OWN / "curves").is_dir() else None

    @cached_property
    def reconciled(self) -> dict[str, Reconciliation]:
        return {name: reconcile(law) for name, law in CHINCHILLA.items()}

    @cached_property
    def finals(self) -> dict[str, list[LossCurve]]:
        """Final losses of our full cosines: of every size at one length, of every length at one size, and all of them."""
        if self.own is None:
            return {}
        like = self.own.role("fit").get("cosine-1x")
        every = full_cosines(self.own.curves.values(), like) if like else []
        found = {
            "size": [c for c in every if c.schedule.steps == like.schedule.steps],
            "tokens": [c for c in every if c.parameters == like.parameters],
            "both": every,
        }
        return {of: [final(c) for c in runs] for of, runs in found.items() if len(runs) >= 3}

    @cached_property
    def own_fits(self) -> dict[str, tuple[Fit, Intervals]]:
        """Kaplan's laws on our final losses, with intervals from reweighted runs: of size, of tokens, of both."""
        chosen = {
            "size": laws.build("kaplan_power", of="size"),
            "tokens": laws.build("kaplan_power", of="tokens"),
            "both": laws.build("kaplan_data"),
        }
        fits = {of: fit(chosen[of], runs) for of, runs in self.finals.items()}
        return {of: (found, bootstrap(found, DRAWS)) for of, found in fits.items()}

    def exponent(self, of: str, name: str = "alpha") -> str:
        """Write an exponent of our own runs with its 95 % interval, or that they are not there."""
        if of not in self.own_fits:
            return "not run in this profile"
        found, intervals = self.own_fits[of]
        low, high = intervals.interval()[name]
        return f"{found.params[name]:.3f} ({low:.3f} to {high:.3f}; {len(found.curves)} runs, R2 {found.r2:.4f})"

    def tables(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """Makers of the tables beside the claims, by name."""
        return {
            "constants": lambda: pd.DataFrame(asdict(constant) for constant in kaplan.CONSTANTS.values()),
            "reconciliation": self.reconciliation,
            "allocation": self.allocation,
            "own_fits": self.own_table,
        }

    def reconciliation(self) -> pd.DataFrame:
        """The exponents that Kaplan et al. would have found under Chinchilla's law, on the published grid and exactly."""
        names = ("size", "loss", "reducible", "total_size", "total_loss")
        rows = [
            {"chinchilla": name, "tokens": how} | {key: getattr(found, key) for key in names}
            for name, law in CHINCHILLA.items()
            for how, found in (("nearest of the grid", self.reconciled[name]), ("exact", reconcile(law, exact=True)))
        ]
        return pd.DataFrame(rows)

    def allocation(self) -> pd.DataFrame:
        """How each law would spend each of BUDGETS."""
        return pd.concat([allocate(flops, self.own).assign(flops=flops) for flops in BUDGETS], ignore_index=True)

    def own_table(self) -> pd.DataFrame:
        """Kaplan's laws on our own runs: every parameter with its interval, and what makes it doubtful."""
        rows = []
        for of, (found, intervals) in self.own_fits.items():
            bounds = intervals.interval()
            for name, value in found.params.items():
                low, high = bounds.get(name, (np.nan, np.nan))
                doubts = "; ".join([*found.warnings, intervals.note])
                rows.append((of, name, value, low, high, found.r2, " ".join(found.curves), doubts))
        return pd.DataFrame(rows, columns=["law_of", "parameter", "value", "low", "high", "r2", "runs", "doubts"])
