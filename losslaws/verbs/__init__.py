"""The verbs of the command `losslaws`, one file each.

The docstring of `some_verb.py` is the help of `some-verb`, `arguments(parser)` says what it takes, `run(args)` does it. Every
verb is loaded to list them all, so a file imports what it needs inside its functions. Files whose name begins with an
underscore are shared parts, not verbs. `analysis.verbs` is made in the same way.
"""

import argparse
import math
from collections.abc import Callable
from types import ModuleType
from typing import NoReturn

from losslaws.curves import InputError, plugins


class Door(argparse.ArgumentParser):
    """A parser that answers a bad command line with one line, as everything else here does."""

    def parse_known_args(self, args=None, namespace=None):
        for word in args or ():
            if word.startswith("--") and word.endswith("=--"):  # argparse would give the option an empty list
                self.error(f"argument {word[:-3]}: '--' is no value")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (`{self.prog} --help` says what there is)")


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a type of arguments: whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < least or (most is not None and number > most):
            upper = f" to {most:,}" if most is not None else " up"
            raise argparse.ArgumentTypeError(f"{text}: give a whole number from {least}{upper}")
        return number

    return read


def wholes(least: int) -> Callable[[str], list[int]]:
    """Return a type of arguments: whole numbers from `least` up, with commas between them."""
    one = whole(least)
    return lambda text: [one(part) for part in text.split(",")]


def positive(text: str) -> float:
    """A type of arguments: finite numbers above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"{text}: give a finite number above 0, e.g. 1e18 or 3e-4")
    return number


def verbs(package: ModuleType) -> dict[str, ModuleType]:
    """Return every verb of `package`, by its name on the command line."""
    names = plugins.names(package.__name__)
    return {name.replace("_", "-"): plugins.load(package.__name__, name, "verb") for name in names}


def parser(prog: str, about: str, package: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of every verb of `package`, whose `run` is left in the parsed arguments."""
    door = Door(prog=prog, description=about)
    choices = door.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in verbs(package).items():
        one = choices.add_parser(name, help=verb.__doc__, description=verb.__doc__)
        verb.arguments(one)
        one.set_defaults(run=verb.run)
    return door
