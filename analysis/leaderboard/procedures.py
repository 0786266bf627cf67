"""Procedure: how one entry of the board comes to its prediction; PROCEDURES lists every entry.

A procedure is one or several laws, each fitted with some parameters held and some known beforehand; of several it predicts
the mean. It is the same for every data set. What is known beforehand is learned by `learn` from fits to whole groups of
SELECTION, the half of the data sets on which settings were chosen, and of those only from groups of another family.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis import laws
from analysis.fitting import Fit, Prior, fit
from analysis.laws import Law
from analysis.leaderboard.datasets import Group
from curves import LossCurve

SELECTION = ("mpl", "slimpajama-124m", "openwebtext2-scaling")  # the half of the data sets on which settings were chosen


@dataclass(frozen=True)
class Part:
    """One law of a procedure: the parameters that are held, and those of which other families tell."""

    law: Law
    fixed: Mapping[str, float] = field(default_factory=dict)
    known: tuple[str, ...] = ()

    def fit(self, curves: Sequence[LossCurve], prior: Prior | None) -> Fit:
        return fit(self.law, curves, fixed=self.fixed, prior=prior)


@dataclass(frozen=True)
class Procedure:
    """One entry of the board.

    name   as in the column `law` of the tables
    about  what it is, for the reader of the page
    parts  its laws; their predictions are averaged
    """

    name: str
    about: str
    parts: tuple[Part, ...]


def entry(name: str, about: str, law: str, fixed: Mapping[str, float] | None = None, known=(), **options) -> Procedure:
    """Return the procedure that fits one law."""
    return Procedure(name, about, (Part(laws.build(law, **options), fixed or {}, tuple(known)),))


RELAXATION = ("alpha", "K", "rho")
PROCEDURES = {
    procedure.name: procedure
    for procedure in (
        entry("annealing", "annealing law, lambda fitted", "annealing"),
        entry("annealing-.999", "annealing law as published, lambda .999", "annealing", {"lambda": 0.999}),
        entry("annealing-true", "annealing law, warm-up at its real rates in S1", "annealing", warmup="true"),
        entry("annealing-full", "annealing law, warm-up at its real rates in S1 and S2", "annealing", warmup="full"),
        entry("annealing-known", "annealing law, lambda known from other families", "annealing", known=("lambda",), warmup="full"),
        entry("annealing-epsilon", "with the rate to a power in S2", "annealing_epsilon"),
        entry("annealing-zeta", "with an exponent on S2", "annealing_zeta"),
        entry("annealing-progress", "with an exponent on the rate in S1", "annealing_progress", warmup="full"),
        entry("annealing-progress-.7", "the same, exponent held at .7", "annealing_progress", {"p": 0.7}, warmup="full"),
        entry("multi-power", "Multi-Power Law, converged", "multi_power"),
        entry("multi-power-held", "Multi-Power Law, beta .59 and gamma .64 held", "multi_power", {"beta": 0.59, "gamma": 0.64}),
        entry("multi-power-no-gamma", "its ablation without gamma", "multi_power", {"gamma": 0.0}),
        entry("multi-exponential", "its ablation with exponentials", "multi_power", drop="exponential"),
        entry("linear-drop", "its ablation with a drop in proportion to the rate", "multi_power", drop="linear"),
        entry("one-power", "its ablation without a drop", "multi_power", drop="none"),
        entry("functional", "Functional Scaling Law", "functional"),
        entry("forward-momentum", "Forward-Momentum law", "forward_momentum"),
        entry("convex-bound", "bound of convex optimisation with two constants", "convex_bound"),
        entry("power-in-steps", "power law in steps, blind to the schedule: Chinchilla at one size", "steps_power"),
        entry("relaxation", "progress and relaxing noise", "relaxation"),
        entry("relaxation-known", "the same, alpha, K and rho known from other families", "relaxation", known=RELAXATION),
    )
}
BEST = "relaxation-known"


def donors(group: Group) -> list[list[LossCurve]]:
    """Return the curves of each peak rate of the group that has some that decay: each tells of the parameters."""
    peaks = sorted({curve.schedule.peak for curve in group.curves.values()})
    runs = [[curve for curve in group.curves.values() if curve.schedule.peak == peak] for peak in peaks]
    return [same for same in runs if len(same) > 1]


def learn(part: Part, groups: Iterable[Group], family: str) -> Prior | None:
    """Return what all curves of the groups of SELECTION, those of `family` aside, say of the part's known parameters."""
    if not part.known:
        return None
    told = [runs for group in groups if group.dataset in SELECTION and group.family != family for runs in donors(group)]
    return Prior.learn([part.fit(runs, None) for runs in told], part.known)


def predict(fits: Sequence[Fit], features: Sequence, slot: slice | None = None) -> np.ndarray:
    """Return the mean of what the fits predict from the features of their laws."""
    return np.mean([f.law.predict(f.law.theta(f.params), x) for f, x in zip(fits, features, strict=True)], axis=0)
