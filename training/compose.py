"""Composing the configs of many runs that have most of their overrides in common."""

import re
from functools import lru_cache

from hydra.core.override_parser.types import OverrideType
from hydra.errors import HydraException
from omegaconf import OmegaConf

from losslaws.curves import InputError
from losslaws.curves.errors import printable
from training import config

# KEY=WORD and KEY=WHOLE, which Hydra's grammar, slow as it is, reads as this text and this whole number, of which a large
# sweep has as many as seeds
PLAIN = re.compile(
    r"(?P<key>\w+(\.\w+)*)=((?P<word>(?!(?i:null|true|false|nan|inf)$)[A-Za-z][\w.-]*)|(?P<whole>0|[1-9][0-9]{0,17}))"
)

# What of Hydra's own settings may be given: how a multirun is launched. Others write elsewhere, or run what they name.
HYDRA = ("hydra/launcher=", "hydra.launcher.", "hydra/sweeper=", "hydra.sweeper.", "hydra.mode=")


class Composer:
    """Gives what `config.plain(config.load(overrides))` gives, checked as there, in a hundredth of the time.

    Hydra takes a tenth of a second for one config. It is asked once for each choice of config groups; setting a key that
    is there, to a number, a text or a list, is then the same in the plain dict. Everything else goes through Hydra.
    """

    def __init__(self):
        self.bases: dict[tuple[str, ...], dict | None] = {}
        self.last: list[tuple[str, dict]] = []  # the lines of the last call, with the config after each
        self.last_base: dict | None = None
        self.checked: dict = {}  # the last config that passed

    def __call__(self, overrides: list[str]) -> dict:
        """Return the resolved config as plain dicts. Raises InputError where `config.load` does."""
        settings = self._apply(self._base(tuple(filter(_is_group, overrides))), overrides)
        settings = config.plain(config.assemble(overrides)) if settings is None else settings
        config.validate(settings, self.checked)
        self.checked = settings
        return settings

    def _apply(self, base, overrides):
        """`base` with the lines that choose no group put in; those with which the last call began are not read again."""
        if base is None:
            return None
        if base is not self.last_base:
            self.last, self.last_base = [], base
        lines = [line for line in overrides if not _is_group(line)]
        known = 0
        while known < min(len(lines), len(self.last)) and lines[known] == self.last[known][0]:
            known += 1
        del self.last[known:]
        settings = self.last[-1][1] if self.last else base
        for line in lines[known:]:
            settings = _set(settings, line)
            if settings is None:
                return None
            self.last.append((line, settings))
        return settings

    def _base(self, groups):
        """The config with these group choices alone; None where it cannot stand for others."""
        if groups not in self.bases:
            try:
                # every cell sets its name, which refers to another key otherwise
                cfg = config.assemble([*groups, "name=x"])
                self.bases[groups] = None if "${" in OmegaConf.to_yaml(cfg) else config.plain(cfg)
            except InputError:  # Hydra says it again for the cell
                self.bases[groups] = None
        return self.bases[groups]


@lru_cache(maxsize=4096)  # most lines of a cell are those of the cell before
def _is_group(line):
    return line.partition("=")[0] in config.GROUPS


def _set(settings, line):
    """A copy of `settings` with one override applied, sharing what did not change; None where that takes Hydra."""
    if match := PLAIN.fullmatch(line):
        return _put(settings, match["key"].split("."), match["word"] or int(match["whole"]))
    try:
        override = config.parsed(line)
    except (HydraException, ValueError, RecursionError):  # Hydra says why
        return None
    value = override.value()
    if override.type != OverrideType.CHANGE or override.is_sweep_override() or isinstance(value, dict):
        return None
    return None if "${" in str(value) else _put(settings, override.key_or_group.split("."), value)


def _put(tree, path, value):
    """`tree` with `value` at `path`; None where there is no such key."""
    head, *rest = path
    if not isinstance(tree, dict) or head not in tree or (not rest and isinstance(tree[head], dict)):
        return None
    branch = _put(tree[head], rest, value) if rest else value
    return None if rest and branch is None else tree | {head: branch}


def check(overrides: list[str], several: bool = True) -> None:
    """Refuse, before anything runs, what does not compose or is out of range in any element of any comma list.

    several  whether comma lists are meant; without, they are refused too
    """
    compose_all, seen = Composer(), set()
    for line in (line for line in overrides if line.lstrip("+~").startswith("hydra")):
        if not line.startswith(HYDRA):
            raise InputError(
                f"config: {printable(line[:80])}: of Hydra's own settings {', '.join(HYDRA)} are taken; run folders lie in runs="
            )
    overrides = [line for line in overrides if not line.startswith(HYDRA)]
    for override in config.parse(overrides):
        if override.is_sweep_override() and not several:
            raise InputError(f"config: {override.input_line} is more than one value; give -m for a run of each")
    for _, chosen in config.product(overrides):
        composed = compose_all(chosen)
        key = repr((composed["steps"], composed["schedule"]))
        if key not in seen:
            config.schedule(composed)
            seen.add(key)
