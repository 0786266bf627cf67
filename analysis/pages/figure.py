"""Figures, one function each.

A figure of a paper is a function in its module or package `figures`::

    @figure
    def fig02_fit(e):
        '''What the reader sees, in two or three sentences.'''
        ...

It takes what the paper's claims are held against and returns a matplotlib Figure; its name is the stem of its files and its
docstring the caption. It calls `need` for what it shows, and is left out, with a note, where that was not run. Figures are numbered
in the order of their names.

    names(place)                    every figure of a module or package
    draw(place, name, e, folder)    one of them, as FIGURE.pdf and FIGURE.svg
    draw_each(place, e, folder)     all of them, on all cores
    save(function, folder, number, *arguments)   one that is no part of a paper
"""

import inspect
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from losslaws import style
from losslaws.curves.public import Unavailable

REGISTRY: dict[str, dict[str, Callable]] = {}  # by module and name
_evidence = (
    None  # what the figures of `draw_each` show; worker processes are forked with it, so that nothing is computed twice
)


class NotRun(Exception):
    """What a figure shows was not run. The message says what is missing."""


@dataclass(frozen=True)
class Drawing:
    """What became of one figure: its title and caption, its number, and why it was left out (empty: it was drawn)."""

    name: str
    title: str
    caption: str
    number: int = 0
    missing: str = ""


def figure(function: Callable) -> Callable:
    """Register `function` under its own name."""
    REGISTRY.setdefault(function.__module__, {})[function.__name__] = function
    return function


def registered(place: str) -> dict[str, Callable]:
    """Return every figure of the module or package `place`, in the order of their names."""
    package = import_module(place)
    modules = [place, *(f"{place}.{module.name}" for module in iter_modules(getattr(package, "__path__", ())))]
    for module in modules:
        import_module(module)
    return dict(sorted(item for module in modules for item in REGISTRY.get(module, {}).items()))


def names(place: str) -> list[str]:
    """Every figure of the module or package `place`, in order."""
    return list(registered(place))


def save(function: Callable, folder: Path, number: int, *arguments) -> Drawing:
    """Draw `function(*arguments)` into `folder`; where it cannot be shown, its old files are removed."""
    name, caption = function.__name__, inspect.cleandoc(function.__doc__)
    try:
        with style.applied():
            drawn = function(*arguments)
            style.save(drawn, folder / name)
    except (NotRun, Unavailable) as reason:
        for stale in folder.glob(f"{name}.*"):
            stale.unlink()
        return Drawing(name, name, caption, number, str(reason))
    return Drawing(name, " ".join(drawn.get_suptitle().split()), caption, number)


def draw(place: str, name: str, e, folder: Path | str) -> Drawing:
    """Draw the figure `name` of `place` into `folder`."""
    every = registered(place)
    return save(every[name], Path(folder), 1 + list(every).index(name), e)


def draw_each(place: str, e, folder: Path | str) -> Iterator[Drawing]:
    """Draw every figure of `place` into `folder`, on all cores, and yield what became of each, in order."""
    global _evidence
    _evidence = e
    every = names(place)
    if "fork" not in multiprocessing.get_all_start_methods():
        yield from (draw(place, name, e, folder) for name in every)
        return
    quiet = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is said once, by the process that waits
    with ProcessPoolExecutor(
        mp_context=multiprocessing.get_context("fork"), initializer=signal.signal, initargs=quiet
    ) as pool:
        try:
            yield from [found.result() for found in [pool.submit(_draw, place, name, folder) for name in every]]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _draw(place: str, name: str, folder: Path) -> Drawing:
    return draw(place, name, _evidence, folder)
