"""Procedure: how one entry of the board comes to its prediction; PROCEDURES lists every entry, BEST is the board's own.

    source_fits(procedure, group) -> SourceFits     fits to a group, from which priors for other groups are learned
    taught(procedure, group) -> [LossCurve]         the runs that these fits take
    priors_for(procedure, sources, group) -> Priors priors learned from the fits to other groups, transferred to the model of a group
    fitted(procedure, curves, priors) -> [Fit]   one fit for each part; `predict` gives the mean of their losses

A procedure is one or several laws, each fitted with some parameters held and some known beforehand. It is the same for
every data set. Its settings were chosen on SELECTION, but for those that SEEN led to, and what is known beforehand is learned from
fits to these only, and of them only from those of other authors: no data set tells of itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from losslaws import laws
from losslaws.curves import InputError, LossCurve
from losslaws.curves.errors import nearest
from losslaws.curves.public import Group
from losslaws.fitting import Fit, Prior, fit, learn_prior
from losslaws.laws import Law
from losslaws.laws.relaxation import STATED_AT

SELECTION = ("mpl", "slimpajama-124m", "openwebtext2-scaling")
# Where errors led to a setting, though none was chosen by the least of them: that saturation follows the size, and that rates that are not Adam's have none
SEEN = ("own-cpu", "gemstones", "modded-nanogpt")
STIFFNESS = 30.0  # points that one scale of distance from what is known costs, see Prior
SIZE = 0.15  # power of the model size that K follows: its slope within the data sets of SELECTION, see `size_slope`
SPREAD = 0.2  # least scale of a logarithm that is transferred: the sizes of one family do not tell how families differ


@dataclass(frozen=True)
class Part:
    """One law of a procedure.

    fixed    the parameters that are held
    known    those with a prior learned from other families
    follows  of these, the ones that change with the model: the powers of its size, its batch and its peak rate that they are in
             proportion to; that of the rate takes its unit out
    """

    law: Law
    fixed: Mapping[str, float] = field(default_factory=dict)
    known: tuple[str, ...] = ()
    follows: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


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


SourceFits = list[list[Fit]]  # for each part, a fit for each peak rate of a group
Priors = list[Prior | None]  # for each part


@dataclass(frozen=True)
class Beforehand:
    """What a procedure knows of a group before it sees a run of it, and what that cost.

    priors  of each part
    steps   that training the runs of other authors took, in steps of the group's own model: FLOPs of these runs over its FLOPs of a step
    ms      milliseconds of CPU time that the fits to them took
    """

    priors: Priors
    steps: float = 0.0
    ms: float = 0.0


def entry(name: str, about: str, law: str, fixed=None, known=(), follows=None, **options) -> Procedure:
    """Return the procedure that fits one law with these options."""
    return Procedure(name, about, (Part(laws.build(law, **options), fixed or {}, tuple(known), follows or {}),))


# With Adam a batch four times as large allows twice the rate (Malladi et al. 2022, arXiv 2205.10287), and the noise follows peak^q. What a whole
# decay removes is K peak^q of the relaxation law, and in proportion to C peak or B peak of laws that are linear in the rates.
LEVEL = laws.build("relaxation").q
NOISE = {"K": (SIZE, -LEVEL / 2, 0.0)}
RELAXATION = ("alpha", "K", "rho")
ANNEALING, DROP = ("alpha", "C", "lambda"), {"C": (SIZE, -LEVEL / 2, LEVEL - 1)}
# C eta^-gamma counts steps once the unit of the rates is taken out; gamma .64 is where its fits lie
MULTI_POWER = ("alpha", "B", "C", "beta", "gamma")
DROPS = {"B": (SIZE, -LEVEL / 2, LEVEL - 1), "C": (0.0, 0.0, 0.64 - 1)}
ENTRIES = (
    entry("annealing", "annealing law, lambda fitted", "annealing"),
    entry("annealing-.999", "annealing law as published, lambda .999", "annealing", {"lambda": 0.999}),
    entry(
        "annealing-true", "annealing law, lambda fitted, warm-up at its real rates in S1", "annealing", warmup="true"
    ),
    entry(
        "annealing-full",
        "annealing law, lambda fitted, warm-up at its real rates in S1 and S2",
        "annealing",
        warmup="full",
    ),
    entry(
        "annealing-known",
        "the same, alpha, C and lambda known from other authors",
        "annealing",
        None,
        ANNEALING,
        DROP,
        warmup="full",
    ),
    entry("annealing-epsilon", "annealing law with a power of the rate in S2", "annealing_epsilon"),
    entry("annealing-zeta", "annealing law with an exponent on S2", "annealing_zeta"),
    entry(
        "annealing-progress", "annealing law with an exponent p on the rate in S1", "annealing_progress", warmup="full"
    ),
    entry("annealing-progress-.7", "the same, p = .7 held", "annealing_progress", {"p": 0.7}, warmup="full"),
    entry(
        "annealing-progress-known",
        "the same, alpha, C and lambda known from other authors",
        "annealing_progress",
        {"p": 0.7},
        ANNEALING,
        DROP,
        warmup="full",
    ),
    entry("multi-power", "Multi-Power Law, converged", "multi_power"),
    entry(
        "multi-power-known",
        "the same, all but L0 and A known from other authors",
        "multi_power",
        None,
        MULTI_POWER,
        DROPS,
    ),
    entry(
        "multi-power-held", "Multi-Power Law, beta .59 and gamma .64 held", "multi_power", {"beta": 0.59, "gamma": 0.64}
    ),
    entry("multi-power-no-gamma", "Multi-Power Law without gamma", "multi_power", {"gamma": 0.0}),
    entry("multi-exponential", "Multi-Power Law with exponentials", "multi_power", drop="exponential"),
    entry("linear-drop", "Multi-Power Law, the drop in proportion to the rate", "multi_power", drop="linear"),
    entry("one-power", "Multi-Power Law without a drop: a power law in S1", "multi_power", drop="none"),
    entry("functional", "Functional Scaling Law", "functional"),
    entry("forward-momentum", "Forward-Momentum law", "forward_momentum"),
    entry("convex-bound", "bound of convex optimisation with two constants", "convex_bound"),
    entry("power-in-steps", "power law in steps: Chinchilla at one size, blind to the schedule", "steps_power"),
    entry("relaxation", "progress and relaxing noise", "relaxation"),
    entry(
        "relaxation-known",
        "the same, alpha, K and rho known from other authors",
        "relaxation",
        None,
        RELAXATION,
        NOISE,
    ),
)
PROCEDURES = {entry.name: entry for entry in ENTRIES}
BEST = "relaxation-known"


def procedure(name: str) -> Procedure:
    """Return the entry `name`, or the plain fit of the law `name`. Raises InputError for a name that is neither."""
    known = [*PROCEDURES, *laws.names()]
    if name not in known:
        raise InputError(f"law '{name}' is no entry of the board and no law{nearest(name, known)}")
    return PROCEDURES.get(name) or entry(name, "as it is, every parameter fitted", name)


def of_model(procedure: Procedure, group: Group) -> Procedure:
    """Return the procedure with the settings of its laws for the model of `group`."""
    own = (replace(part, law=part.law.of_model(group.parameters, group.rate == "absolute")) for part in procedure.parts)
    return replace(procedure, parts=tuple(own))


def at_each_peak(group: Group) -> list[list[LossCurve]]:
    """Return the curves of the group by their peak rate, where there are several of one."""
    runs = [list(part.curves.values()) for part in group.at_each_peak()]
    return [same for same in runs if len(same) > 1]


def taught(procedure: Procedure, group: Group) -> list[LossCurve]:
    """Return the runs of `group` from which priors are learned; none for a procedure without priors."""
    known = any(part.known for part in procedure.parts)
    return [run for runs in at_each_peak(group) for run in runs] if known else []


def source_fits(procedure: Procedure, group: Group) -> SourceFits:
    """Return the fits to all curves of one peak rate, for those parts that know parameters beforehand."""
    return [
        [fit(part.law, runs, fixed=part.fixed).without_points() for runs in at_each_peak(group)] if part.known else []
        for part in procedure.parts
    ]


def priors_for(procedure: Procedure, sources: Sequence[tuple[Group, SourceFits]], group: Group) -> Priors:
    """Return the prior of each part for the model of `group`, learned from `sources`: a group and its fits each."""
    return [
        learned(part, [transferred(part, fit, source, group) for source, fits in sources for fit in fits[i]])
        if part.known
        else None
        for i, part in enumerate(procedure.parts)
    ]


def learned(part: Part, fits: Sequence[Fit]) -> Prior:
    """Return the prior that `fits`, transferred to one model, give for the known parameters of `part`."""
    prior = learn_prior(fits, part.known, STIFFNESS)
    scale = {name: max(scale, SPREAD) if name in part.follows else scale for name, scale in prior.scale.items()}
    return replace(prior, scale=scale)


def transferred(part: Part, fit: Fit, source: Group, group: Group) -> Fit:
    """Return `fit`, of the model of `source`, as one of the part's law, with the parameters that follow the model as they would be for that of `group` at STATED_AT."""
    peak = source.curves[fit.curves[0]].schedule.peak
    ratio = [group.parameters / source.parameters, group.tokens_per_step / source.tokens_per_step, STATED_AT / peak]
    moved = {name: fit.params[name] * float(np.prod(np.power(ratio, powers))) for name, powers in part.follows.items()}
    return replace(fit, law=part.law, params=fit.params | moved)


def at_peak(part: Part, prior: Prior | None, peak: float) -> Prior | None:
    """Return a prior of a group as it is for runs at the rate `peak`."""
    if prior is None:
        return None
    moved = {
        name: prior.mean[name] + powers[2] * float(np.log(peak / STATED_AT))
        for name, powers in part.follows.items()
        if name in prior.log and powers[2]
    }
    return replace(prior, mean=prior.mean | moved)


def size_slope(sources: Iterable[tuple[Group, SourceFits]]) -> float:
    """Return the power of the model size that K follows, by least squares with a level of its own for every data set."""
    rows = [(source.dataset, source.parameters, fit.params["K"]) for source, fits in sources for fit in fits[0]]
    logs = pd.DataFrame(rows, columns=["dataset", "size", "K"]).set_index("dataset").transform(np.log)
    size, K = (logs - logs.groupby("dataset").transform("mean"))[["size", "K"]].to_numpy().T
    return float(size @ K / (size @ size))


def fitted(procedure: Procedure, curves: Sequence[LossCurve], priors: Priors) -> list[Fit]:
    """Return the fit of each part to `curves`."""
    peak = curves[0].schedule.peak
    return [
        fit(part.law, curves, fixed=part.fixed, prior=at_peak(part, prior, peak))
        for part, prior in zip(procedure.parts, priors, strict=True)
    ]


def features(procedure: Procedure, curve: LossCurve) -> list:
    """Return what each part's law reads of one curve: the same for every fit."""
    return [part.law.features([curve]) for part in procedure.parts]


def predict(fits: Sequence[Fit], read: Sequence) -> np.ndarray:
    """Return the mean of what the fits predict from the features `read`, [n]."""
    return np.mean([fit.law.predict(fit.law.theta(fit.params), x) for fit, x in zip(fits, read, strict=True)], axis=0)
