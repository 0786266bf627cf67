"""Figures, one function each.

A figure is a function in a module of this package::

    @figure
    def fig02_fit(study):
        '''What the reader sees, in two or three sentences.'''
        ...

It takes a `Study` and returns a matplotlib Figure; its name is the stem of its files and its docstring the caption. It
calls `need` for the cells it shows and is left out, with a note, in a profile that did not run them.

The figures of the other papers are those in `papers/`, one module each; they take the paper's evidence for the study.

    draw_each(study, folder)      yields a Drawing for every figure, having written FIGURE.pdf and FIGURE.svg
    draw(study, folder, name)     one of them
"""

import inspect
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from losslaws import style

REGISTRY: dict[str, Callable] = {}


class NotRun(Exception):
    """The profile lacks the cells that a figure shows. The message names them."""


@dataclass(frozen=True)
class Drawing:
    """What became of one figure: its title and caption, and why it was left out (empty: it was drawn)."""

    name: str
    title: str
    caption: str
    missing: str = ""


def figure(function: Callable) -> Callable:
    """Register `function` under its own name."""
    REGISTRY[function.__name__] = function
    return function


def need(study, *names: str) -> list:
    """Return the curves of these cells. Raises NotRun when the profile lacks one."""
    missing = [name for name in names if name not in study.experiment.curves]
    if missing:
        raise NotRun(f"needs {', '.join(missing)}, not run in this profile")
    return [study.experiment.curves[name] for name in names]


def names(paper: str = "annealing") -> list[str]:
    """Every figure of a profile, or of one of the other papers, in order."""
    place = f"analysis.papers.{paper}.figures"
    package = import_module(place)
    for module in iter_modules(getattr(package, "__path__", ())):
        import_module(f"{place}.{module.name}")
    return sorted(name for name, function in REGISTRY.items() if f"{function.__module__}.".startswith(f"{place}."))


def draw(study, folder: Path | str, name: str) -> Drawing:
    """Draw one figure into `folder`; where the profile cannot show it, its old files are removed."""
    if name not in REGISTRY:
        names()
    function, folder = REGISTRY[name], Path(folder)
    caption = inspect.cleandoc(function.__doc__)
    try:
        with style.applied():
            drawn = function(study)
            style.save(drawn, folder / name)
    except NotRun as reason:
        for stale in folder.glob(f"{name}.*"):
            stale.unlink()
        return Drawing(name, name, caption, str(reason))
    return Drawing(name, " ".join(drawn.get_suptitle().split()), caption)


def draw_each(study, folder: Path | str) -> Iterator[Drawing]:
    """Draw every figure into `folder`, on all cores, and yield what became of each, in order."""
    with ProcessPoolExecutor() as pool:
        yield from pool.map(partial(draw, study, folder), names())
