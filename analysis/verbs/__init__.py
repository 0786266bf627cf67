"""The verbs of `python -m analysis`, one file each.

The docstring of `some_verb.py` is the help of `some-verb`, `arguments(parser)` says what it takes, `run(args)` does it. Every
verb is loaded to list them all, so a file imports what it needs inside its functions. Files whose name begins with an
underscore are shared parts, not verbs.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def verbs() -> dict[str, ModuleType]:
    """Every verb there is, by its name on the command line."""
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    return {name.replace("_", "-"): import_module(f"{__name__}.{name}") for name in names}
