"""What `python train.py --help` prints: the groups and their choices, then every key with its value and its meaning."""

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from losslaws.curves import schedules
from training import config
from training.settings import Settings, shown

WIDTH, KEY, VALUE = 132, 28, 22
USAGE = """\
python train.py KEY=VALUE ...            train one run; KEY=VALUE as below
python train.py -m KEY=VALUE,VALUE ...   one run for each value, and for each combination
python train.py GROUP=CHOICE --help      the keys of another choice
"""


def page(overrides: list[str]) -> str:
    """The page, with the keys and values that `overrides` give. Raises InputError where they do not compose."""
    values = config.plain(config.assemble(overrides))
    lines = [USAGE, "Groups and their choices"]
    for group in config.GROUPS:
        lines += textwrap.wrap(
            f"{group:{KEY}}{', '.join(config.choices(group))}",
            WIDTH,
            initial_indent="  ",
            subsequent_indent=" " * (KEY + 2),
            break_on_hyphens=False,
        )
    lines += ["", "Keys, their values as chosen, and what they mean"]
    return "\n".join([*lines, *(line for row in rows(Settings, values) for line in layout(*row))])


def rows(model: type[BaseModel], values: Mapping, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Key, value and meaning of every field, those of groups after the group's own line; then of a schedule's options."""
    for key, field in model.model_fields.items():
        if key not in values:
            continue
        group = member(field, values[key])
        if group is None:
            yield prefix + key, shown(values[key]).strip("'"), meaning(field)
        else:
            yield f"{prefix}{key}", "", inspect.getdoc(group).splitlines()[0]
            yield from rows(group, values[key], f"{prefix}{key}.")
    if prefix == "schedule.":
        for key, words in options(values["name"]).items():
            yield prefix + key, shown(values[key]).strip("'"), words


def member(field: FieldInfo, value: object) -> type[BaseModel] | None:
    """The group that a field holds, of a union the one whose tag `value` carries; None for a plain key."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(value, Mapping):
            tag = field.discriminator
            if tag is None or value[tag] in get_args(kind.model_fields[tag].annotation):
                return kind
    return None


def meaning(field: FieldInfo) -> str:
    """A key's description, with its choices where they are few words."""
    words = field.description or ""
    known = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    listed = " | ".join(known)
    return words if len(known) < 2 or listed in words else f"{listed}; {words}"


def options(name: str) -> dict[str, str]:
    """The options of a schedule with what its docstring says of each."""
    found, last = dict.fromkeys(schedules.options(name), ""), None
    for line in inspect.getdoc(schedules.shape(name)).splitlines():
        if (match := re.match(r"(\w+)  +(.+)", line)) and match[1] in found:
            last, found[match[1]] = match[1], match[2]
        elif last and line.startswith("  "):
            found[last] += " " + line.strip()
        else:
            last = None
    return found


def layout(key: str, value: str, words: str) -> list[str]:
    """One key's lines: key, value, wrapped meaning."""
    if not value:
        return ["", f"  {key:{KEY}}{words}"]
    head = f"  {key:{KEY}}{value:{VALUE}}"
    wrapped = textwrap.wrap(words, WIDTH - KEY - VALUE - 3) or [""]
    if len(head) > KEY + VALUE + 2:
        return [head.rstrip(), *(" " * (KEY + VALUE + 2) + line for line in wrapped)]
    return [(head + wrapped[0]).rstrip(), *(" " * (KEY + VALUE + 2) + line for line in wrapped[1:])]
