"""Experiment: the curves of one profile, the laws fitted to them, and how well they predict the curves they never saw.

    experiment = Experiment.load("results/annealing/cpu")
    experiment.curves["cosine-3x"]      LossCurve by name;      .role("unseen")     {name: LossCurve}
    experiment.fit                      Fit of the annealing law on the curves of role "fit", lambda fitted
    experiment.paper_fit                the same with lambda given as the paper has it, .999
    experiment.fitted                   every fit by name; absent where the profile lacks its curves
    experiment.noise                    what another seed changes
    experiment.fits()                   DataFrame -> fits.csv
    experiment.predictions()            DataFrame -> predictions.csv

Everything is computed once, on first use. lambda is chosen on the curves of role "fit" only, by their objective.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from losslaws import laws
from losslaws.curves import InputError, LossCurve
from losslaws.curves.runs import Noise, final, noise, same_model, same_training, seed_pairs, select, settled
from losslaws.curves.store import load_folder
from losslaws.fitting import Fit, fit
from losslaws.fitting.metrics import Score, score
from losslaws.laws.annealing import PAPER_LAMBDA

WARMUP = "as-peak"  # the paper's treatment: S1 and S2 count the steps of the warm-up at the peak rate
PREDICTED = ("fit", "unseen", "length", "claim")
PARAMETERS = ("L0", "E", "A", "alpha", "B", "beta", "C", "lambda", "gamma")


@dataclass(frozen=True, eq=False)
class Experiment:
    """The curves of one profile by name, and the treatment of warm-up with which the annealing law reads them."""

    name: str
    curves: dict[str, LossCurve]
    warmup: str = WARMUP

    @classmethod
    def load(cls, folder: Path | str, warmup: str = WARMUP) -> "Experiment":
        """Read `folder`/curves. Raises InputError where there are no curves."""
        return cls(Path(folder).resolve().name, load_folder(folder), warmup)

    def role(self, role: str) -> dict[str, LossCurve]:
        """The curves of one role, by name."""
        return {name: curve for name, curve in self.curves.items() if curve.role == role}

    def has(self, *names: str) -> bool:
        """Whether the profile ran every one of these cells."""
        return all(name in self.curves for name in names)

    @property
    def base(self) -> LossCurve:
        """The first run of role "fit": the model, the peak rate and the seed that most runs share."""
        return next(iter(self.role("fit").values()))

    def decays(self, shape: str) -> dict[int, dict[int, LossCurve]]:
        """The WSD runs to zero of the base model, peak and seed whose decay has this shape, by steps and share of decay, per cent."""
        found: dict[int, dict[int, LossCurve]] = {}
        for curve in self.curves.values():
            schedule = curve.config.get("schedule", {})
            if schedule.get("name") != "wsd" or schedule["shape"] != shape or schedule["final"]:
                continue
            if same_training(curve, self.base) and curve.schedule.peak == self.base.schedule.peak:
                found.setdefault(curve.schedule.steps, {})[round(100 * schedule["decay"])] = curve
        return {steps: dict(sorted(runs.items())) for steps, runs in sorted(found.items())}

    @cached_property
    def fitted(self) -> dict[str, Fit]:
        """Every fit that the profile's curves allow, by name.

        annealing         role "fit", lambda fitted
        annealing-.999    the same, lambda given
        annealing-N       roles "fit" and "size": the law with a term for the model's size, lambda as in "annealing"
        chinchilla-steps  final losses of the full cosines of the base model
        chinchilla        final losses of the full cosines of every size
        """
        seen = [settled(curve) for curve in self.role("fit").values()]
        if not seen:
            raise InputError(
                f"experiment '{self.name}': no curve has the role 'fit', so there is nothing to fit the law on"
            )
        law = laws.build("annealing", warmup=self.warmup)
        fitted = {"annealing": fit(law, seen), "annealing-.999": fit(law, seen, fixed={"lambda": PAPER_LAMBDA})}
        sizes = [settled(curve) for curve in self.role("size").values()]
        if sizes:
            given = {"lambda": fitted["annealing"].params["lambda"]}
            fitted["annealing-N"] = fit(laws.build("annealing_size", warmup=self.warmup), seen + sizes, fixed=given)
        cosines = [final(curve) for curve in full_cosines(self.curves.values(), like=seen[0])]
        base = [curve for curve in cosines if same_model(curve, seen[0])]
        if len(base) >= 3:
            fitted["chinchilla-steps"] = fit(laws.build("steps_power"), base)
        if len(cosines) >= 5 and len(base) < len(cosines):
            fitted["chinchilla"] = fit(laws.build("chinchilla"), cosines)
        return fitted

    @property
    def fit(self) -> Fit:
        """The annealing law on the curves of role "fit", lambda fitted with the rest."""
        return self.fitted["annealing"]

    @property
    def paper_fit(self) -> Fit:
        """The annealing law on the curves of role "fit", lambda = .999 as the paper has it."""
        return self.fitted["annealing-.999"]

    @cached_property
    def ceiling(self) -> Fit:
        """The annealing law on all runs of the base model and its peak rate at once: what the form can do at best."""
        base = next(iter(self.role("fit").values()))
        runs = [c for c in self.curves.values() if same_training(c, base) and c.schedule.peak == base.schedule.peak]
        return fit(laws.build("annealing", warmup=self.warmup), map(settled, runs))

    @cached_property
    def noise(self) -> Noise | None:
        """What another seed changes; None where no cell was run twice."""
        return noise(seed_pairs(self.curves.values()))

    def score(self, name: str, by: str = "annealing") -> Score:
        """Return the score of curve `name` as the fit `by` predicts it, over the settled points."""
        return self._score(settled(self.curves[name]), by)

    def _score(self, curve: LossCurve, by: str) -> Score:
        return score(self.fitted[by].predict(curve), curve.loss)

    def common_steps(self, curve: LossCurve) -> int:
        """Return how many leading steps of `curve` a run of role "fit" took too: same model, seed and rates."""
        seen = [c for c in self.role("fit").values() if c.name != curve.name and same_training(c, curve)]
        return max((c.schedule.common_steps(curve.schedule) for c in seen), default=0)

    def fits(self) -> pd.DataFrame:
        """Return one row for every fit: what it was fitted on, how well, and its parameters (empty: not in that law)."""
        rows = [
            {
                "fit": name,
                "law": fitted.law.name,
                "curves": " ".join(fitted.curves),
                "points": fitted.points,
                "objective": fitted.objective,
                "r2": fitted.r2,
                "converged": fitted.converged,
                **{key: fitted.params.get(key, np.nan) for key in PARAMETERS},
                "given": " ".join(key for key in fitted.params if key not in fitted.free),
                "warnings": "; ".join(fitted.warnings),
            }
            for name, fitted in self.fitted.items()
        ]
        return pd.DataFrame(rows)

    def predictions(self) -> pd.DataFrame:
        """Return one row for every curve of the base model and every annealing fit: the scores on its settled points.

        new_points and new_mean_error are those beyond the steps that the curve shares with a run of role "fit": there
        the measured losses are the fitted ones themselves. seed_noise is the relative difference another seed makes.
        """
        rows = []
        for by in ("annealing", "annealing-.999"):
            for curve in map(settled, self.curves.values()):
                if curve.role not in PREDICTED:
                    continue
                new = (
                    select(curve, curve.step > self.common_steps(curve))
                    if curve.step[-1] > self.common_steps(curve)
                    else None
                )
                rows.append(
                    {
                        "fit": by,
                        "curve": curve.name,
                        "role": curve.role,
                        "points": curve.step.size,
                        **asdict(self._score(curve, by)),
                        "new_points": new.step.size if new else 0,
                        "new_mean_error": self._score(new, by).mean_error if new else np.nan,
                        "seed_noise": self.noise.relative if self.noise else np.nan,
                    }
                )
        return pd.DataFrame(rows)


def full_cosines(curves: Iterable[LossCurve], like: LossCurve) -> list[LossCurve]:
    """Return the runs under one cosine that falls to 0 with the last step, shortest first, whatever their model.

    like  gives the peak rate, the warm-up and the seed
    """
    same = [
        c
        for c in curves
        if c.schedule.name == "cosine"
        and c.seed == like.seed
        and c.schedule.warmup == like.schedule.warmup
        and np.isclose(c.schedule.peak, like.schedule.peak)
        and c.schedule.lr[-1] == 0 < c.schedule.lr[-2]
    ]
    return sorted(same, key=lambda c: c.schedule.steps)
