"""Experiment: the curves of one profile, the laws fitted to them, and how well they predict the curves they never saw.

    experiment = Experiment.load("results/annealing/night")
    experiment.runs["cosine-3x"]        {seed: LossCurve}: runs that differ in the seed alone
    experiment.curves["cosine-3x"]      their mean: what is measured;      .role("unseen")     {name: LossCurve}
    experiment.fit                      Fit of the annealing law on the curves of role "fit", lambda fitted
    experiment.paper_fit                the same with lambda given as the paper has it, .999
    experiment.fitted                   every fit by name; absent where the profile lacks its curves
    experiment.noise                    what another seed changes;         .relations          that beside all other relations of two runs
    experiment.fits()                   DataFrame -> fits.csv
    experiment.predictions()            DataFrame -> predictions.csv

With several seeds, laws are fitted on the means of one half of the seeds and asked about the means of the other half.
Everything is computed once, on first use. lambda is chosen on the curves of role "fit" only, by their objective.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.papers.annealing.noise import CONSTANT, SEED, Relations, relations
from losslaws import laws
from losslaws.curves import InputError, LossCurve
from losslaws.curves.runs import decays, final, kinds, mean_curve, same_model, select, settled
from losslaws.curves.store import load_folder
from losslaws.fitting import Fit, fit
from losslaws.fitting.metrics import Score, score
from losslaws.laws.annealing import PAPER_LAMBDA

WARMUP = "as-peak"  # the paper's treatment: S1 and S2 count the steps of the warm-up at the peak rate
PREDICTED = ("fit", "unseen", "length", "claim")
PARAMETERS = ("L0", "E", "A", "alpha", "B", "beta", "C", "lambda", "gamma")


@dataclass(frozen=True, eq=False)
class Experiment:
    """The curves of one profile by name, and the treatment of warm-up with which the annealing law reads them.

    curves  by kind, the mean over its seeds
    runs    by kind and seed
    """

    name: str
    curves: dict[str, LossCurve]
    warmup: str = WARMUP
    runs: dict[str, dict[int, LossCurve]] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, curves: Iterable[LossCurve], warmup: str = WARMUP) -> "Experiment":
        """Build the experiment of single runs."""
        runs = kinds(curves)
        return cls(name, {kind: mean_curve(kind, list(seeds.values())) for kind, seeds in runs.items()}, warmup, runs)

    @classmethod
    def load(cls, folder: Path | str, warmup: str = WARMUP) -> "Experiment":
        """Read the curves of `folder`. Raises InputError where there are none."""
        return cls.of(Path(folder).resolve().name, load_folder(folder).values(), warmup)

    def __post_init__(self):
        for name, curve in self.curves.items():  # a curve that stands for itself
            self.runs.setdefault(name, {curve.seed: curve})

    @cached_property
    def seeds(self) -> list[int]:
        """Every seed that a fitted curve was trained with, in order."""
        fitted = [kind for kind, curve in self.curves.items() if curve.role == "fit"] or list(self.curves)
        return sorted(set.intersection(*(set(self.runs[kind]) for kind in fitted)))

    @cached_property
    def halves(self) -> tuple[frozenset[int], frozenset[int] | None]:
        """The seeds that laws are fitted on, and those they are asked about; of one seed, the same: None."""
        cut = len(self.seeds) // 2
        return (frozenset(self.seeds[:cut]), frozenset(self.seeds[cut:])) if cut else (frozenset(self.seeds), None)

    def seen(self, name: str) -> LossCurve:
        """The mean of a kind over the seeds that laws are fitted on; over all that it has, where it lacks these."""
        return self._mean(name, self.halves[0])

    def asked(self, name: str) -> LossCurve:
        """The mean of a kind over the seeds that laws are asked about; over all that it has, where it lacks these."""
        return self._mean(name, self.halves[1] or self.halves[0])

    def _mean(self, name: str, seeds: frozenset[int]) -> LossCurve:
        runs = self.runs[name]
        chosen = [run for seed, run in runs.items() if seed in seeds]
        return mean_curve(name, chosen or list(runs.values()))

    def standard_error(self, name: str) -> float:
        """Standard error of the relative difference between the asked and the fitted mean of a kind's final losses, from its seeds.

        nan where the experiment has too few.
        """
        asked = [seed for seed in self.runs[name] if seed in (self.halves[1] or ())]
        relation = self.another_seed(name)
        return relation.relative * np.sqrt(1 / len(asked) + 1 / len(self.halves[0])) if asked and relation else np.nan

    def another_seed(self, name: str) -> Relations | None:
        """What another seed changes at the end of a kind of run, constant rates and annealed ends apart; None: nothing tells it."""
        which = SEED if decays(self.curves[name]) else CONSTANT
        return self.relations.get(which) or self.relations.get(SEED)

    @cached_property
    def relations(self) -> dict[str, Relations]:
        """What a difference of final losses is uncertain by, by how the two runs are related; see `noise.relations`."""
        return relations(self.runs, self.base)

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
            if same_model(curve, self.base) and curve.schedule.peak == self.base.schedule.peak:
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
        seen = [settled(self.seen(name)) for name in self.role("fit")]
        if not seen:
            raise InputError(
                f"experiment '{self.name}': no curve has the role 'fit', so there is nothing to fit the law on"
            )
        law = laws.build("annealing", warmup=self.warmup)
        fitted = {"annealing": fit(law, seen), "annealing-.999": fit(law, seen, fixed={"lambda": PAPER_LAMBDA})}
        sizes = [settled(self.seen(name)) for name in self.role("size")]
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
        base = self.base
        runs = [c for c in self.curves.values() if same_model(c, base) and c.schedule.peak == base.schedule.peak]
        return fit(laws.build("annealing", warmup=self.warmup), map(settled, runs))

    @property
    def noise(self) -> Relations | None:
        """What another seed changes of an annealed run's final loss; None where no such run has a second seed."""
        return self.relations.get(SEED)

    def score(self, name: str, by: str = "annealing") -> Score:
        """Return the score of kind `name` as the fit `by` predicts it, over the settled points of the seeds that it is asked about."""
        return self._score(settled(self.asked(name)), by)

    def _score(self, curve: LossCurve, by: str) -> Score:
        return score((self.fitted | self.rivals)[by].predict(curve), curve.loss)

    def common_steps(self, curve: LossCurve) -> int:
        """Return how many leading steps of `curve` a run of role "fit" took too: same model and rates."""
        seen = [c for c in self.role("fit").values() if c.name != curve.name and same_model(c, curve)]
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
        """Return one row for every kind of the base model and every annealing fit: the scores on its settled points.

        The fit is on the means of one half of the seeds, the scores on the means of the other. new_points and new_mean_error are
        those beyond the steps that the schedule shares with a run of role "fit". standard_error is what seeds alone change in
        the difference of these means at the end, relative. Beside the law stand the same law without S2 (C = 0) and a power law in
        steps, each fitted to the same curves; worse_without_S2 says by how much the mean error grows, and beyond_noise whether
        that is more than twice the standard error of the mean.
        """
        rows = []
        for by in ("annealing", "annealing-.999"):
            for name, mean in self.curves.items():
                if mean.role not in PREDICTED or not same_model(mean, self.base):
                    continue
                curve = settled(self.asked(name))
                shared = self.common_steps(mean)
                new = select(curve, curve.step > shared) if curve.step[-1] > shared else None
                plain, steps = (self._score(curve, rival) for rival in ("annealing-C0", "steps"))
                own = self._score(curve, by)
                noise = self.standard_error(name)
                rows.append(
                    {
                        "fit": by,
                        "curve": name,
                        "role": mean.role,
                        "seeds": len(self.runs[name]),
                        "points": curve.step.size,
                        **asdict(own),
                        "new_points": new.step.size if new else 0,
                        "new_mean_error": self._score(new, by).mean_error if new else np.nan,
                        "standard_error": noise,
                        "seed_noise": self.noise.relative if self.noise else np.nan,
                        "without_S2": plain.mean_error,
                        "without_S2_final": plain.final_error,
                        "steps_power": steps.mean_error,
                        "steps_power_final": steps.final_error,
                        "S2_helps": bool(abs(plain.final_error) - abs(own.final_error) > 2 * noise)
                        if np.isfinite(noise)
                        else None,
                    }
                )
        return pd.DataFrame(rows)

    @cached_property
    def rivals(self) -> dict[str, Fit]:
        """What the annealing law is set beside, on the same fitted curves: itself with C = 0, and a power law in steps."""
        seen = [settled(self.seen(name)) for name in self.role("fit")]
        law = laws.build("annealing", warmup=self.warmup)
        plain = fit(law, seen, fixed={"C": 0.0, "lambda": PAPER_LAMBDA})  # lambda has no meaning without S2
        return {"annealing-C0": plain, "steps": fit(laws.build("steps_power"), seen)}


def full_cosines(curves: Iterable[LossCurve], like: LossCurve) -> list[LossCurve]:
    """Return the runs under one cosine that falls to 0 with the last step, shortest first, whatever their model.

    like  gives the peak rate and the warm-up
    """
    same = [
        c
        for c in curves
        if c.schedule.name == "cosine"
        and c.schedule.warmup == like.schedule.warmup
        and np.isclose(c.schedule.peak, like.schedule.peak)
        and c.schedule.lr[-1] == 0 < c.schedule.lr[-2]
    ]
    return sorted(same, key=lambda c: c.schedule.steps)
