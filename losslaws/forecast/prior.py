"""What the runs of other models say of a run's parameters before it is fitted: `prior_for(curve, learned, known)`.

A run hardly tells how long a drop of the rate takes to have its effect: what decays of other lengths will do hangs on that. So the law is
taken in several FORMS, each with a memory of its own, and forecasts are averages over them. `tell(groups)` fits each form to each group of
public curves; `learn(told)` keeps, as plain numbers in prior.json (`python -m analysis calibrate`):

    share    the logarithm of the share of the loss that a whole decay removes, on what is known of a model: its peak rate where that is
             Adam's, its size N and batch B; else its batch and the steps of the run
    alpha    the exponent of progress
    memory   the steps at the peak rate until the noise is gone, on the size: what weighs the forms against each other

each with the spread between models. Groups of authors count alike, whatever their number of models. Rates that are not Adam's have a unit
that means nothing elsewhere: runs with such rates are read at the peak STATED_AT, teach what is free of the unit, and are told no more.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from losslaws import laws
from losslaws.curves import LossCurve, Schedule
from losslaws.curves.runs import select, settled, thinned
from losslaws.curves.schedules import build
from losslaws.fitting import Fit, fit
from losslaws.fitting.prior import Prior
from losslaws.laws.relaxation import STATED_AT

if TYPE_CHECKING:
    from losslaws.curves.public import Group  # takes pandas, which takes longer than a forecast

POINTS = 100  # of a curve that are fitted
# the last ENDS points of a decayed run are fitted with WEIGHT times the weight: ends are what is forecast
ENDS, WEIGHT = 5, 10.0
# Points that one scale of distance from a prior costs where a run ends, or is seen last, at FALLEN of its peak rate or below, and EARLY ones where
# none does: what a decay removes is hidden then, and a part of a run tells its exponent less well than other models do. See
# analysis/calibration/selection.py.
STIFFNESS, EARLY, FALLEN = 30.0, 300.0, 0.6
FIRST = 0.03  # share of the seen steps left out at the beginning, where the power law does not hold
ADAM = ("adam", "adamw")  # optimisers whose rates the public runs' rates may be compared with
RELATIVE = "adamw-relative"  # AdamW too, but only the ratios of its rates are known

LAW = laws.build("relaxation")
MEMORIES = (30, 100, 300, 1000)
# what each form holds: the steps at the peak rate until the noise is gone, so that the K of different models can be compared
FORMS = {f"memory {steps}": {"rho": 1 / steps} for steps in MEMORIES}
# What is expected of the exponents before any group is seen, mean and scale. Noise: with Adam a batch four times as large allows twice the rate
# (Malladi et al. 2022, arXiv 2205.10287), and the law's noise follows peak^q. Where the rate says nothing, size does not either: larger models are
# trained at lower rates. Longer runs are too: the best rate falls as tokens^-.32 (Bjorck et al. 2024, arXiv 2409.19913), so the noise as tokens^-.1.
EXPONENTS = {
    "noise size": ((LAW.q, 0.1), (0.1, 0.1)),
    "noise": ((LAW.q, 0.1),),
    "rate size": ((LAW.q, 0.15), (0.1, 0.15)),
    "rate": ((LAW.q, 0.15),),
    "batch steps": ((-0.1, 0.1), (-0.1, 0.1)),
    "steps": ((-0.1, 0.1),),
}
MEMORY = {"size": ((0.5, 0.15),), "": ()}  # rho of the Multi-Power models falls as N^-.55
SPREAD, COUNTS = (
    0.25,
    2.0,
)  # what one more value is expected to differ by, and so many groups of authors this expectation counts as


@dataclass(frozen=True)
class Known:
    """What is known of a model beside its log: None where it is not.

    size   parameters without embeddings
    batch  tokens of a step
    rate   the peak rate, where it is Adam's
    steps  of the run, those that were seen
    """

    size: float | None = None
    batch: float | None = None
    rate: float | None = None
    steps: float | None = None

    @property
    def noise(self) -> float | None:
        """What the loss at a constant rate depends on besides progress."""
        return self.rate / np.sqrt(self.batch) if self.rate and self.batch else None

    @property
    def key(self) -> str:
        """The names of what is known of the share that a decay removes, a key of EXPONENTS."""
        if not self.rate:
            return "batch steps" if self.batch else "steps"
        return f"{'noise' if self.noise else 'rate'} {'size' if self.size else ''}".strip()

    def at(self, key: str) -> list[float]:
        """Return 1, and the logarithms of what `key` names."""
        return [1.0, *(float(np.log(getattr(self, name))) for name in key.split())]


@dataclass(frozen=True, eq=False)
class Told:
    """What the fits to one group say.

    authors  who trained it
    known    of the model
    fits     of each form to all of its curves
    share    of each form, the logarithm of the share of the loss that a whole decay removes, [forms]; nan: none
    memory   1 / rho of the law fitted with rho free; nan where the decays of the group do not tell it
    """

    authors: str
    known: Known
    fits: tuple[Fit, ...]
    share: np.ndarray
    memory: float


def fitted_points(curve: LossCurve) -> LossCurve:
    """Return `curve` with the points that are fitted: without its beginning, at most POINTS. Raises InputError where none is left."""
    return thinned(settled(curve, FIRST), POINTS)


def weighted(seen: Sequence[LossCurve]) -> tuple[list[LossCurve], list[float]]:
    """Return the points that are fitted, once more those at the ends of decayed runs, and what each point of a curve weighs."""
    ends = [select(curve, slice(-ENDS, None)) for curve in seen if falls(curve.schedule, int(curve.step[-1]))]
    # a log counts as much as its length tells, however often it was evaluated
    return [*seen, *ends], [POINTS / curve.step.size for curve in seen] + [WEIGHT] * len(ends)


def falls(schedule: Schedule, steps: int) -> bool:
    """Whether the rate falls by more than a twentieth of the peak after the warm-up, within the first `steps`."""
    seen = schedule.lr[schedule.warmup : steps]
    return bool(seen.size and np.any(seen < 0.95 * schedule.peak))


def rescaled(schedule: Schedule, factor: float) -> Schedule:
    """Return `schedule` with its rates in another unit."""
    return schedule if factor == 1 else Schedule(schedule.lr * factor, schedule.warmup, schedule.name)


def unit(curve: LossCurve, optimiser: str) -> float:
    """Return the factor on the rates of `curve`: 1 for Adam's, else what brings its peak to STATED_AT."""
    return 1.0 if optimiser in ADAM else STATED_AT / curve.schedule.peak


def adams(optimiser: str) -> bool:
    """Whether an optimiser is Adam, in whatever unit its rates are."""
    return optimiser in (*ADAM, RELATIVE)


def size_of(curve: LossCurve) -> int | None:
    """Return the parameters of a model without embeddings, or all where only these are known."""
    return curve.parameters.get("non_embedding") or curve.parameters.get("total")


def known_of(curve: LossCurve, optimiser: str) -> Known:
    """Return what is known of the model of `curve`."""
    return Known(
        size_of(curve), curve.tokens_per_step, curve.schedule.peak if optimiser in ADAM else None, float(curve.step[-1])
    )


def tell(groups: Iterable["Group"]) -> list[Told]:
    """Return what the fits to each of `groups`, of one peak rate each, say."""
    return [told(group) for group in groups]


def told(group: "Group") -> Told:
    """Return what the fits to one group say."""
    optimiser = group.optimiser if group.rate == "absolute" else ""
    longest = max(group.curves.values(), key=lambda curve: curve.step[-1])
    factor = unit(longest, optimiser)
    curves = [replace(curve, schedule=rescaled(curve.schedule, factor)) for curve in group.curves.values()]
    points, weight = weighted([fitted_points(curve) for curve in curves])
    known = known_of(longest, optimiser)
    law = LAW.of_model(known.size, bool(known.rate))
    fits = tuple(fit(law, points, weights=weight, fixed=held) for held in FORMS.values())
    peak = longest.schedule.peak * factor
    held = build("constant", longest.schedule.steps, peak)
    level = [found.predict(held, longest.step[-1:])[0] for found in fits]
    share = [np.log(K / at) if K > 0 else np.nan for K, at in zip((removed(f, peak) for f in fits), level, strict=True)]
    free = fit(law, points, weights=weight)
    memory = 1 / free.params["rho"]
    if free.doubts("rho") or not MEMORIES[0] / 3 <= memory <= 3 * MEMORIES[-1]:
        memory = np.nan
    return Told(group.authors, known, fits, np.array(share), memory)


def learn(told: Sequence[Told]) -> dict:
    """Return what `told` says of each form and of the memory, as plain numbers."""
    forms = {}
    for i, name in enumerate(FORMS):
        removing = [t for t in told if np.isfinite(t.share[i])]
        forms[name] = {
            "share": lines(removing, [t.share[i] for t in removing], EXPONENTS),
            "alpha": lines(told, [np.log(t.fits[i].params["alpha"]) for t in told], {"": ()})[""],
        }
    sure = [t for t in told if np.isfinite(t.memory)]
    memory = lines(sure, [np.log(t.memory) for t in sure], MEMORY)
    return {"points": STIFFNESS, "early": EARLY, "fallen": FALLEN, "forms": forms, "memory": memory}


def alike(authors: Sequence[str]) -> np.ndarray:
    """Return weights of sum 1 by which all authors count alike, [n]."""
    share = np.array([1 / authors.count(name) for name in authors])
    return share / share.sum()


def lines(told: Sequence[Told], value: Sequence[float], exponents: Mapping[str, Sequence]) -> dict:
    """Return the line of `value` on each key of `exponents`, from those of `told` that know what it names."""
    found = {}
    for key, expected in exponents.items():
        use = [i for i, t in enumerate(told) if all(getattr(t.known, name) for name in key.split())]
        x = np.array([told[i].known.at(key) for i in use])
        authors = [told[i].authors for i in use]
        found[key] = line(np.array(value)[use], x, alike(authors), len(set(authors)), expected)
    return found


def line(value: np.ndarray, x: np.ndarray, weight: np.ndarray, count: int, expected: Sequence) -> dict:
    """Return the line of `value` [n] on `x` [n, k], whose first column is 1: coefficients, and the scale of a value around it.

    Bayes' linear regression with normal priors (mean, scale) `expected` of all coefficients but the first. The values count together as
    `count`, one for every group of authors; the scale is what they leave, mixed with SPREAD as if COUNTS more groups had left that.
    """
    mean = np.array([0.0, *(m for m, _ in expected)])
    precision = np.diag([0.0, *(1 / s**2 for _, s in expected)])
    gram, moment = count * (x.T * weight) @ x, count * (x.T * weight) @ value
    variance = SPREAD**2
    for _ in range(20):  # the scale and the coefficients depend on each other; this settles within a few rounds
        coefficients = np.linalg.solve(gram / variance + precision, moment / variance + precision @ mean)
        left = weight @ (value - x @ coefficients) ** 2
        variance = (count * left + COUNTS * SPREAD**2) / (count - 1 + COUNTS)
    return {
        "coefficients": [round(float(c), 4) for c in coefficients],
        "scale": round(float(np.sqrt(variance)), 4),
    }


def expected(rule: Mapping, x: Sequence[float]) -> tuple[float, float]:
    """Return what a line says of one more value at `x` [k], and how far off that may well be.

    What is uncertain of the line itself is left out: with it the intervals of models that lie far from the others are too wide, by the
    rule of analysis/calibration/selection.py.
    """
    return float(np.dot(x, rule["coefficients"])), rule["scale"]


def removed(found: Fit, peak: float) -> float:
    """Return the loss that a whole decay from the rate `peak` removes, nats per token."""
    return found.params["K"] * LAW.level(peak)


def likelihood(fits: Sequence[Fit]) -> np.ndarray:
    """Return the likelihood of forms fitted to the same points, of sum 1, [forms]: objective^(-n / 2) for a noise of unknown size.

    n is the number of independent measurements, one for POINTS points.
    """
    measurements = fits[0].measurements(POINTS)
    objective = np.array([max(found.objective, np.finfo(float).tiny) for found in fits])
    share = (objective / objective.min()) ** (-measurements / 2)
    return share / share.sum()


def weights(learned: Mapping, known: Known) -> np.ndarray:
    """Return what each form weighs before the run was seen, of sum 1, [forms]: the density of its memory for the size."""
    key = "size" if known.size else ""
    mean, scale = expected(learned["memory"][key], known.at(key))
    share = np.exp(-(((np.log(MEMORIES) - mean) / scale) ** 2) / 2)
    return share / share.sum()


def prior_for(curve: LossCurve, learned: Mapping, name: str, known: Known, early: bool) -> Prior:
    """Return the prior for a fit of one form to `curve`, of whose last loss a decay removes a share; what is not known widens it.

    learned  what `learn` returned
    name     of the form
    early    whether no run was seen last at FALLEN of its peak rate or below

    The rates of `curve` are those that are fitted.
    """
    form = learned["forms"][name]
    share, scale = expected(form["share"][known.key], known.at(known.key))
    alpha, wide = expected(form["alpha"], [1.0])
    return Prior(
        {"K": share + float(np.log(curve.loss[-1] / LAW.level(curve.schedule.peak))), "alpha": alpha},
        {"K": scale, "alpha": wide},
        ("K", "alpha"),
        learned["early" if early else "points"],
    )
