"""The verbs of the command `losslaws`, one file each.

The docstring of `some_verb.py` is the help of `some-verb`, `arguments(parser)` says what it takes, `run(args)` does it. Every
verb is loaded to list them all, so a file imports what it needs inside its functions. Files whose name begins with an
underscore are shared parts, not verbs. `analysis.verbs` is made in the same way.
"""

import argparse
from types import ModuleType

from losslaws.curves import plugins


def verbs(package: ModuleType) -> dict[str, ModuleType]:
    """Return every verb of `package`, by its name on the command line."""
    names = plugins.names(package.__name__)
    return {name.replace("_", "-"): plugins.load(package.__name__, name, "verb") for name in names}


def parser(prog: str, about: str, package: ModuleType) -> argparse.ArgumentParser:
    """Return the parser of every verb of `package`, whose `run` is left in the parsed arguments."""
    door = argparse.ArgumentParser(prog=prog, description=about)
    choices = door.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in verbs(package).items():
        one = choices.add_parser(name, help=verb.__doc__, description=verb.__doc__)
        verb.arguments(one)
        one.set_defaults(run=verb.run)
    return door
