"""Learning-rate schedules, one file each.

A schedule is a function of the same name as its file::

    def cosine(t, steps, warmup, *, cycle=None, final=0.0): ...

t       float64 [T], the step numbers 1..T
steps   T
warmup  steps of linear warm-up; the shape should stand at 1 when t = warmup
returns float64 [T], the rate in units of the peak, as if there were no warm-up

Its keyword options and their defaults are also its config: a new file here is at once ``schedule=NAME`` on the
command line. The linear warm-up, min(t / warmup, 1), is multiplied in by `build`.
"""

import inspect
from collections.abc import Callable

import numpy as np

from losslaws.curves import plugins
from losslaws.curves.errors import InputError, nearest
from losslaws.curves.schedule import LONGEST, Schedule


def names() -> tuple[str, ...]:
    """Every schedule there is."""
    return plugins.names(__name__)


def shape(name: str) -> Callable:
    """Return the shape function of schedule `name`. Raises InputError for an unknown one."""
    return getattr(plugins.load(__name__, name, "schedule"), name)


def options(name: str) -> dict:
    """The keyword options of schedule `name` with their defaults."""
    parameters = inspect.signature(shape(name)).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def build(name: str, steps: int, peak: float = 1.0, warmup: int = 0, **chosen) -> Schedule:
    """Build schedule `name` over `steps` optimiser steps.

    peak    highest learning rate; the array is peak x shape x warm-up
    warmup  steps of linear warm-up from peak/warmup up to peak
    chosen  options of the schedule (see `options`)

    Raises InputError for an unknown name or option, and for values that give no valid schedule.
    """
    known = options(name)
    for key in chosen:
        if key not in known:
            raise InputError(
                f"schedule '{name}' has no option '{key}'{nearest(key, known)} (options: {', '.join(known)})"
            )
    if not 1 <= steps <= LONGEST:
        raise InputError(f"schedule '{name}': steps is {steps}; it must lie between 1 and {LONGEST:,}")
    if not 0 <= warmup <= steps:
        raise InputError(f"schedule '{name}': warmup {warmup} must lie between 0 and the {steps} steps")
    t = np.arange(1.0, steps + 1)
    ramp = np.minimum(t / warmup, 1.0) if warmup else 1.0
    with np.errstate(all="ignore"):  # Schedule refuses what is not finite
        lr = peak * ramp * shape(name)(t, steps, warmup, **chosen)
    return Schedule(lr, warmup, name)
