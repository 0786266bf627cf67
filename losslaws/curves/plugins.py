"""Things found by their file: a schedule, a law, a source of text or a verb is one file in the package of its kind.

    names(package) -> ("cosine", "wsd", ...)    its modules, but for those whose name begins with an underscore
    load(package, name, kind) -> module         one of them

`package` is the package's name, as a package knows itself by `__name__`.
"""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from losslaws.curves.errors import InputError, nearest


@cache
def names(package: str) -> tuple[str, ...]:
    """Return the names of the modules of `package`, in order of the alphabet."""
    found = (module.name for module in iter_modules(import_module(package).__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def load(package: str, name: str, kind: str) -> ModuleType:
    """Return module `name` of `package`. Raises InputError for an unknown one; `kind` is what it calls it, e.g. "schedule"."""
    known = names(package)
    if name not in known:
        raise InputError(f"{kind} '{name}' is unknown{nearest(name, known)} (known: {', '.join(known)})")
    return import_module(f"{package}.{name}")
