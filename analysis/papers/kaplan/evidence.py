"""What the claims of Kaplan et al. are held against: the published constants, and our own runs of conf/sweep/kaplan.yaml."""

from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import RESULTS
from analysis.papers.kaplan.critical_batch import Batches, critical_batches
from analysis.papers.kaplan.family import NOT_RUN, Family
from analysis.papers.kaplan.simulation import Reconciliation, reconcile
from losslaws import laws
from losslaws.curves import LossCurve
from losslaws.curves.runs import final
from losslaws.fitting import Fit, Intervals, bootstrap, fit
from losslaws.search import kaplan
from losslaws.search.allocation import CHINCHILLA, allocate

OWN = RESULTS / "kaplan"
BUDGETS = (1e15, 1e18, 1e21, 1e24)  # FLOPs
DRAWS = 200
# what the paper has for a number of own_fits
PRINTED = {
    ("size", "alpha"): "size.alpha",
    ("tokens", "alpha"): "tokens.alpha",
    ("compute", "alpha"): "compute.alpha",
    ("both", "alpha_N"): "both.alpha_N",
    ("both", "alpha_D"): "both.alpha_D",
    ("minimal steps", "alpha"): "steps.alpha_N",
    ("minimal steps", "beta"): "steps.alpha_S",
    ("critical batch", "alpha_B"): "batch.alpha",
    ("minimal compute", "alpha_C"): "minimal.alpha",
    ("minimal compute", "N"): "best.pN",
    ("minimal compute", "B"): "best.pB",
    ("minimal compute", "S"): "best.pS",
}


class Evidence:
    """The published constants (`analysis.papers.kaplan`), Pearce and Song's simulation, and the laws on our own runs."""

    def __init__(self, runs: Path | None = None):
        """`runs` holds the curves of our own runs (default: results/kaplan)."""
        self.runs = Path(runs or OWN)

    @cached_property
    def own(self) -> Family | None:
        """The runs of the kaplan sweep; None where they are not there."""
        return Family.load(self.runs)

    @cached_property
    def reconciled(self) -> dict[str, Reconciliation]:
        return {name: reconcile(law) for name, law in CHINCHILLA.items()}

    @cached_property
    def points(self) -> dict[str, list[LossCurve]]:
        """What each law of our own is fitted on, by its name in own_fits.csv; empty without runs."""
        if self.own is None:
            return {}
        largest = max(curve.parameters["non_embedding"] for curve in self.own.texts)
        return {
            "size": [final(curve) for curve in self.own.equal],
            "tokens": [curve for curve in self.own.texts if curve.parameters["non_embedding"] == largest],
            "compute": self.own.frontier,
            "both": self.own.texts,
            "steps": self.own.stable,
            "minimal steps": self.own.stable,
            "annealed": self.own.ends,
        }

    @cached_property
    def batches(self) -> Batches | None:
        """The critical batch on our own runs; None where they are not there."""
        return critical_batches(self.own.batches) if self.own else None

    @cached_property
    def own_fits(self) -> dict[str, tuple[Fit, Intervals]]:
        """Kaplan's laws on our runs, and Chinchilla's on the same, with intervals from reweighted runs."""
        if self.own is None:
            return {}
        critical = {"critical_batch": self.batches.scale, "alpha_B": self.batches.alpha}
        chosen = {
            "size": laws.build("kaplan_power", of="size"),
            "tokens": laws.build("kaplan_power", of="tokens"),
            "compute": laws.build("kaplan_power", of="compute"),
            "both": laws.build("kaplan_data"),
            "steps": laws.build("kaplan_steps"),
            "minimal steps": laws.build("kaplan_steps", **critical),
            "annealed": laws.build("chinchilla"),
        }
        fits = {of: fit(law, self.points[of]) for of, law in chosen.items()}
        return {of: (found, bootstrap(found, DRAWS)) for of, found in fits.items()}

    @cached_property
    def derived(self) -> dict[tuple[str, str], tuple[float, float, float]]:
        """Exponents that follow from those of size, steps and batch (App. B): value and 95 % interval, by compute and symbol.

        "compute" is with the batch that was used, "minimal compute" with the critical one.
        """
        found = {}
        for of, source in (("compute", "steps"), ("minimal compute", "minimal steps")) if self.own_fits else ():
            fitted, intervals = self.own_fits[source]
            names = [intervals.names.index(name) for name in ("alpha", "beta")]
            draws = [intervals.draws[:, i] for i in names]
            values = [fitted.params["alpha"], fitted.params["beta"]]
            if of == "minimal compute":
                values.append(self.batches.alpha)
                draws.append(self.batches.draws[: len(draws[0]), 1])
            said, spread = kaplan.exponents(*values), kaplan.exponents(*draws)
            for symbol, value in said.items():
                low, high = np.nanquantile(spread[symbol], (0.025, 0.975))
                found[of, {"L": "alpha_C"}.get(symbol, symbol)] = (value, float(low), float(high))
        return found

    def exponent(self, of: str, name: str = "alpha") -> str:
        """Write an exponent of our own runs with its 95 % interval, or that they are not there."""
        if of not in self.own_fits:
            return NOT_RUN
        found, intervals = self.own_fits[of]
        low, high = intervals.interval()[name]
        return f"{found.params[name]:.3f} ({low:.3f} to {high:.3f}; {len(found.curves)} runs, R2 {found.r2:.4f})"

    def follows(self, of: str, symbol: str) -> str:
        """Write an exponent that follows from others, with its 95 % interval, or that the runs are not there."""
        if not self.derived:
            return NOT_RUN
        value, low, high = self.derived[of, symbol]
        return f"{value:.3f} ({low:.3f} to {high:.3f})"

    def tables(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """Makers of the tables beside the claims, by name."""
        made = {
            "constants": lambda: pd.DataFrame(asdict(constant) for constant in kaplan.CONSTANTS.values()),
            "reconciliation": self.reconciliation,
            "allocation": self.allocation,
        }
        return made | ({"own_fits": self.own_table, "own_batches": lambda: self.batches.points} if self.own else {})

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
        fits = {"kaplan": self.own_fits["annealed"][0]} if self.own else {}
        return pd.concat([allocate(flops, fits).assign(flops=flops) for flops in BUDGETS], ignore_index=True)

    def own_table(self) -> pd.DataFrame:
        """Laws on our own runs: every parameter with its interval, what the paper has, and what makes it doubtful."""
        rows = []
        for of, (found, intervals) in self.own_fits.items():
            bounds, doubts = intervals.interval(), "; ".join([*found.warnings, intervals.note])
            for name, value in found.params.items():
                rows.append((of, name, value, *bounds.get(name, (np.nan, np.nan)), found.r2, len(found.curves), doubts))
        for i, name in enumerate(("B*", "alpha_B", "exponent of N")):
            number, runs = self.batches.found[i], self.batches.steps["run"].nunique()
            rows.append(("critical batch", name, number, *self.batches.interval(i), np.nan, runs, self.batches.note))
        for (of, name), (value, low, high) in self.derived.items():
            rows.append((of, name, value, low, high, np.nan, 0, "follows from the exponents of size, steps and batch"))
        table = pd.DataFrame(rows, columns=["law_of", "parameter", "value", "low", "high", "r2", "runs", "doubts"])
        keys = [PRINTED.get(pair) for pair in zip(table["law_of"], table["parameter"], strict=True)]
        table.insert(5, "published", [kaplan.value(key) if key else np.nan for key in keys])
        return table
