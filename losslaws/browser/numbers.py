"""Everything that a forecast is computed with, as plain numbers and words: the page has no others."""

import re
from types import ModuleType

import numpy as np

from losslaws.curves import InputError, runs
from losslaws.curves import schedule as schedule_module
from losslaws.curves.logs import csv, losses, names, rates, roles, smoothing, steps, table
from losslaws.fitting import huber, problem
from losslaws.fitting import prior as fit_prior
from losslaws.fitting.fits import fit
from losslaws.forecast import calibration, fitted, predict, prior, refusals
from losslaws.laws import relaxation

# what the page computes with, by the module that has it
CONSTANTS = {
    "runs": (runs, "FIRST"),
    "schedule": (schedule_module, "LONGEST"),
    "prior": (prior, "POINTS ENDS WEIGHT FIRST ADAM RELATIVE"),
    "fitted": (fitted, "FEWEST FLOOR FORM UNLIKE"),
    "predict": (predict, "DRAWN CLOSE FAR LONGER SHORTER POOR KNOWN SIZES SIZES_APART"),
    "refusals": (refusals, "LATE LATER BLOWN JUMP STRETCH ENDS SAME NOISE APART RATES"),
    "huber": (huber, "ITERATIONS FTOL ROUNDING DAMPING"),
    "problem": (problem, "ON_BOUND FLAT RIDGE"),
    "losses": (losses, "LEAST MOST LOW HIGH HALF EMPTY FAR SHOWN SHORT FIRST SHARE STAYS MOVES"),
    "rates": (rates, "NEAR SPIKE SPIKES ALIKE SMOOTH SIDE COUPLE LEAP FALLEN FEW MOST LARGE LATE SPARSE"),
    "roles": (roles, "SOME EQUAL EQUAL_RATES"),
    "smoothing": (smoothing, "BLOCKS CUT DRAG"),
    "steps": (steps, "MIXED RUN FALSE_START EACH CALLS MICRO EQUAL SEVERAL"),
    "csv": (csv, "FEW"),
    "table": (table, "MISSING"),
}


def numbers() -> dict:
    """Return all numbers of a forecast, by the file that has them."""
    found = {name: taken(module, said.split()) for name, (module, said) in CONSTANTS.items()}
    return {**found, "names": words(), "law": law(), "learned": calibration.learned(), "spreads": calibration.spreads(),
            "unrelated": calibration.UNRELATED, "strange": calibration.STRANGE, "lowest": fit_prior.LOWEST, "delta": fit.__kwdefaults__["delta"]}  # fmt: skip


def taken(module: ModuleType, wanted: list[str]) -> dict:
    """Return some constants of a module."""
    return {name: plain(getattr(module, name)) for name in wanted}


def words() -> dict:
    """Return the words by which columns are told."""
    return {name: plain(value) for name, value in vars(names).items() if name.isupper()}


def plain(value):
    """Return sets and tuples as lists, and patterns as their text."""
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, dict):
        return [[list(key) if isinstance(key, tuple) else key, plain(one)] for key, one in value.items()]
    return list(value) if isinstance(value, tuple) else value


def law() -> dict:
    """Return the law of the forecasts: its settings, parameters and forms. Raises InputError for forms that the page does not know."""
    found = prior.LAW
    for name, held in prior.FORMS.items():
        if set(held) != {"rho"}:
            raise InputError(
                f"the form '{name}' of the law holds {sorted(held)}; the page is made for forms that hold rho"
            )
    return {
        "name": found.name,
        "stated_at": relaxation.STATED_AT,
        "age": relaxation.AGE,
        "size": relaxation.SIZE,
        "settings": {name: getattr(found, name) for name in ("p", "high", "q", "aging", "saturation")},
        "parameters": [
            {
                "name": p.name,
                "linear": p.linear,
                "bounds": [None if np.isinf(bound) else bound for bound in p.bounds],
                "starts": list(p.starts),
                "needs": p.needs,
            }
            for p in found.parameters
        ],
        "forms": [{"name": name, "rho": held["rho"]} for name, held in prior.FORMS.items()],
        "memories": list(prior.MEMORIES),
    }
