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
    for key, value in chosen.items():
        _check_type(f"schedule '{name}': {key}", value, known[key])
    t = np.arange(1.0, steps + 1)
    ramp = np.minimum(t / warmup, 1.0) if warmup else 1.0
    try:
        with np.errstate(all="ignore"):  # Schedule refuses what is not finite
            lr = peak * ramp * shape(name)(t, steps, warmup, **chosen)
        return Schedule(lr, warmup, name)
    except InputError:
        raise
    except (
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
    ) as error:  # a kind of value that its default does not tell
        raise InputError(f"schedule '{name}': its options do not fit ({str(error).splitlines()[0]})") from None


def _check_type(what, value, default):
    """Refuse an option that is not of the kind of its default: text, a number, or a list of numbers (or of such lists)."""
    if isinstance(default, str):
        fits, kind = isinstance(value, str), "text"
    elif default is None:
        fits, kind = value is None or _numbers(value, deep=True), "a number, a list of numbers, or null"
    elif isinstance(default, tuple):
        pairs = isinstance(default[0], tuple)
        fits = isinstance(value, list | tuple | np.ndarray) and _numbers(value, deep=pairs)
        kind = "a list of pairs of numbers" if pairs else "a list of numbers"
    else:
        fits, kind = _number(value), "a finite number"
    if not fits:
        raise InputError(f"{what} is {ascii(value)[:60]}; it must be {kind}")


def _number(value):
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and abs(value) < 1e300


def _numbers(value, deep):
    """Whether `value` is a number, a list of numbers, or, where `deep`, a list of lists of numbers that are equally long."""
    if not isinstance(value, list | tuple | np.ndarray):
        return _number(value)
    if deep and len(value) and all(isinstance(one, list | tuple | np.ndarray) for one in value):
        return len({len(one) for one in value}) == 1 and all(_number(number) for one in value for number in one)
    return all(_number(one) for one in value)
