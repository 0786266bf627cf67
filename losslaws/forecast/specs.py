"""Schedules as words of a command line: `wsd`, `wsd:decay=0.2,shape=1-sqrt`, `cosine:steps=20000,peak=3e-4,warmup=500`."""

import json
from collections.abc import Mapping

from losslaws.curves import InputError, Schedule, schedules
from losslaws.curves.schedules.file import length

COMMON = ("steps", "peak", "warmup")


def all_options() -> list[str]:
    """Every option that some schedule has."""
    return sorted({option for name in schedules.names() for option in schedules.options(name)})


def parse(word: str, given: Mapping[str, object]) -> Schedule:
    """Build the schedule that `word` names; what it leaves open is taken from `given`, where the schedule has such an option.

    given  "steps", "peak", "warmup" and options of schedules; the rates of a file stand as they are, over the length of the file, unless the
           word says otherwise. Raises InputError for what cannot be built.
    """
    name, _, rest = word.partition(":")
    known = schedules.options(name)
    chosen = {key: value for key, value in given.items() if key in known or key in COMMON}
    if name == "file":
        chosen |= {"peak": 1.0, "warmup": 0, "steps": None}
    said: set[str] = set()
    for part in parts(rest):
        key, sign, text = part.partition("=")
        if not sign:
            raise InputError(f"schedule '{word}': '{part}' is no option; write NAME:option=value,option=value")
        if key in said:
            raise InputError(f"schedule '{word}': {key} is given twice")
        said.add(key)
        chosen[key] = value_of(text)
    if chosen.get("steps") is None and name == "file":
        chosen["steps"] = length(str(chosen.get("path", "")))
    for key in ("steps", "warmup"):
        if isinstance(chosen.get(key), bool) or not isinstance(chosen.get(key), int):
            raise InputError(f"schedule '{word}': {key} is {chosen.get(key)}; give a whole number, e.g. --{key} 20000")
    if not isinstance(chosen.get("peak"), int | float) or not chosen["peak"] > 0:
        raise InputError(f"schedule '{word}': peak is {chosen.get('peak')}; give a positive rate, e.g. --peak 3e-4")
    return schedules.build(name, **chosen)


def parts(rest: str) -> list[str]:
    """Return what stands between the commas of `rest`, but for those within brackets: "a=[1,2],b=3" is "a=[1,2]" and "b=3"."""
    found, depth = [""], 0
    for letter in rest:
        depth += (letter == "[") - (letter == "]")
        if letter == "," and depth <= 0:
            found.append("")
        else:
            found[-1] += letter
    return [part for part in found if part]


def value_of(text: str) -> object:
    """Return the number or JSON value that `text` is, else the text itself."""
    for kind in (int, float, json.loads):
        try:
            return kind(text)
        except (ValueError, RecursionError):
            continue
    return text


def label(word: str, given: Mapping[str, object]) -> str:
    """Return `word` with the options of `given` that it leaves open and its schedule has: what a table calls it."""
    name, _, rest = word.partition(":")
    said = [part for part in parts(rest) if part.partition("=")[0] not in COMMON]
    named = {part.partition("=")[0] for part in said}
    known = schedules.options(name)
    said += [f"{key}={value}" for key, value in given.items() if key in known and key not in named]
    return f"{name} {' '.join(said)}".strip()
