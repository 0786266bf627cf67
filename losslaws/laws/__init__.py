"""Laws of the loss curve, one file each: `laws.build("annealing", warmup="true")`, `laws.names()`.

File `some_law.py` holds the class `SomeLaw`, a frozen dataclass whose fields are the law's options. Its `name` is that of the
file. A Law states its `equation`, `source` and `parameters` (the order of every theta), without annotations, which would make
them options, and gives

    law.features(runs)          what it reads of the runs; the n evaluated points of all runs are stacked in order
    law.basis(nonlinear, x)     columns Phi [n, k] and their derivatives [q, n, k]: loss = Phi @ linear parameters
    law.evaluate(theta, x)      losses [n] and their exact derivatives [n, p]
    law.predict(theta, x)       losses [n]
    law.jacobian(theta, x)      derivatives [n, p]
    law.loss(params, run)       losses of one run from a dict of parameters, {"L0": 2.628, ...}

A new law writes `features` and `basis`; the rest follows. One that is no sum over linear parameters writes `evaluate`
instead of `basis`. A run is a LossCurve, or a Planned: a schedule that nobody has trained yet. Files whose name begins
with an underscore are shared parts, not laws.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from losslaws.curves import InputError, LossCurve, Schedule, plugins
from losslaws.curves.errors import nearest

TINY = np.finfo(float).tiny  # keeps logarithms and quotients of what may be 0


@dataclass(frozen=True)
class Parameter:
    """One parameter of a law.

    name     its key in every dict of parameters
    meaning  what it is, with its unit
    linear   whether the predicted loss is linear in it
    bounds   lowest and highest value
    starts   for a nonlinear parameter: the values of the grid from which fits start
    decades  whether it ranges over decades, so that fits move in its logarithm
    needs    what the fitted curves must contain for it to be identified
    """

    name: str
    meaning: str
    linear: bool = False
    bounds: tuple[float, float] = (0.0, np.inf)
    starts: tuple[float, ...] = ()
    decades: bool = False
    needs: str = "a longer range of steps"


@dataclass(frozen=True, eq=False)
class Planned:
    """A run that may never have been trained: what a law needs to know of it.

    schedule         the rate of every step, [T]
    step             int64 [n], the steps at which the loss is asked for, rising, 1 <= step <= T; default: every step
    parameters       as in LossCurve, e.g. {"non_embedding": 25_000_000}; read by laws of the model size
    tokens_per_step  global batch in tokens; read by laws of the tokens
    """

    schedule: Schedule
    step: np.ndarray | None = None
    parameters: dict[str, int] = field(default_factory=dict)
    tokens_per_step: int | None = None
    name: str = "plan"

    def __post_init__(self):
        steps = self.schedule.steps
        step = np.arange(1, steps + 1) if self.step is None else np.atleast_1d(np.asarray(self.step))
        whole = step.size > 0 and np.all(step == step.astype(np.int64))
        if not whole or step[0] < 1 or step[-1] > steps or np.any(np.diff(step) <= 0):
            raise InputError(
                f"plan '{self.name}': steps must be whole numbers that rise within 1..{steps}, the steps of its schedule"
            )
        object.__setattr__(self, "step", step.astype(np.int64))


Run = LossCurve | Planned


class Law(ABC):
    """A formula with a source. Losses are nats per token, rates are as applied, steps count from 1."""

    name: ClassVar[str]
    equation: ClassVar[str]
    source: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]
    # how many of the best grid points a fit refines; more where the objective has several valleys
    refine: ClassVar[int] = 1

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls.name = cls.__module__.rpartition(".")[2]

    @abstractmethod
    def features(self, runs: Sequence[Run]) -> Any:
        """Return what the law reads of `runs`, the points of all runs stacked. Raises InputError for what is missing."""

    def of_model(self, size: float | None, adam: bool) -> "Law":
        """Return the law with its settings for a model: itself, where these do not follow the model.

        size  parameters without embeddings; None: not known
        adam  whether the rates are Adam's; else their unit means nothing
        """
        return self

    def basis(self, nonlinear: np.ndarray, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return Phi [n, k], one column for each linear parameter, and its derivatives [q, n, k]."""
        raise NotImplementedError

    def evaluate(self, theta: np.ndarray, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the losses [n] and their derivatives [n, p] at the parameters `theta` [p]."""
        return self.combine(theta, *self.basis(theta[self.nonlinear], x))

    def combine(self, theta: np.ndarray, phi: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the losses [n] and their derivatives [n, p] from the basis at the nonlinear ones of `theta`."""
        jacobian = np.empty((len(phi), theta.size))
        jacobian[:, self.linear] = phi
        jacobian[:, self.nonlinear] = (slopes @ theta[self.linear]).T
        return phi @ theta[self.linear], jacobian

    def predict(self, theta: np.ndarray, x: Any) -> np.ndarray:
        """Return the losses [n]."""
        return self.evaluate(np.asarray(theta, dtype=float), x)[0]

    def jacobian(self, theta: np.ndarray, x: Any) -> np.ndarray:
        """Return the derivatives of the losses by the parameters, [n, p]."""
        return self.evaluate(np.asarray(theta, dtype=float), x)[1]

    def loss(self, params: Mapping[str, float], run: Run | Schedule, step=None) -> np.ndarray:
        """Return the losses of one run at `step` (default: its evaluated steps; of a Schedule: every step), [n]."""
        return self.predict(self.theta(params), self.features([as_run(run, step)]))

    def theta(self, params: Mapping[str, float]) -> np.ndarray:
        """Return the values of `params` in the law's order, [p]. Raises InputError for a missing or unknown name."""
        self.refuse_unknown(params)
        missing = [name for name in self.names if name not in params]
        if missing:
            raise InputError(f"law '{self.name}': lacks a value for the parameter '{missing[0]}'")
        return np.array([params[name] for name in self.names], dtype=float)

    def refuse_unknown(self, params: Mapping[str, float]) -> None:
        """Raise InputError when `params` names something that is no parameter of this law."""
        for name in params:
            if name not in self.names:
                raise InputError(
                    f"law '{self.name}' has no parameter '{name}'{nearest(name, self.names)} (it has {', '.join(self.names)})"
                )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(p.name for p in self.parameters)

    @cached_property
    def bounds(self) -> np.ndarray:
        """Lowest and highest values of the parameters, [2, p]."""
        return np.array([p.bounds for p in self.parameters]).T

    @cached_property
    def linear(self) -> np.ndarray:
        """Positions of the linear parameters in theta, [k]."""
        return np.flatnonzero([p.linear for p in self.parameters])

    @cached_property
    def nonlinear(self) -> np.ndarray:
        """Positions of the nonlinear parameters in theta, [q]."""
        return np.flatnonzero([not p.linear for p in self.parameters])


def as_run(run: Run | Schedule, step=None) -> Run:
    """Return `run` as something a law can read, at `step` if given. Raises InputError for steps beyond its schedule."""
    if isinstance(run, Schedule):
        return Planned(run, step, name=run.name)
    if step is None:
        return run
    return Planned(run.schedule, step, run.parameters, run.tokens_per_step, run.name)


def counts(runs: Sequence[Run], key: str) -> np.ndarray:
    """Return the parameter count `key` of the run of every point, [n]. Raises InputError for a run that lacks it."""
    for run in runs:
        if not run.parameters.get(key):
            raise InputError(f"run '{run.name}': the law needs its size; give parameters['{key}']")
    return np.concatenate([np.full(run.step.size, float(run.parameters[key])) for run in runs])


def tokens(runs: Sequence[Run]) -> np.ndarray:
    """Return the tokens seen up to every point, [n]. Raises InputError for a run whose batch is not known."""
    for run in runs:
        if not run.tokens_per_step:
            raise InputError(f"run '{run.name}': the law needs its tokens; give tokens_per_step")
    return np.concatenate([run.step * float(run.tokens_per_step) for run in runs])


def power(base: np.ndarray, exponent: float) -> tuple[np.ndarray, np.ndarray]:
    """Return base^-exponent and its derivative by the exponent."""
    log = np.log(base)
    value = np.exp(-exponent * log)
    return value, -log * value


def names() -> tuple[str, ...]:
    """Every law there is."""
    return plugins.names(__name__)


def build(name: str, **options) -> Law:
    """Build law `name` with its options. Raises InputError for an unknown name or option."""
    law = getattr(plugins.load(__name__, name, "law"), "".join(word.capitalize() for word in name.split("_")))
    known = [f.name for f in fields(law)]
    for key in options:
        if key not in known:
            raise InputError(
                f"law '{name}' has no option '{key}'{nearest(key, known)} (options: {', '.join(known) or 'none'})"
            )
    return law(**options)
