"""Configs: how they are composed, refusal of what does not fit, and the identity of a run."""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from losslaws.curves import InputError, Schedule, schedules
from losslaws.curves.errors import nearest, printable
from models.architecture import Architecture
from training import settings

CONF = Path(__file__).parents[1] / "conf"
GROUPS = ("model", "data", "schedule", "optimizer", "hardware", "logger", "experiment")
# What cannot change a run's record has no part in its identity.
NOT_IDENTITY = ("name", "runs", "corpora", "logger", "checkpoint", "init_from")
MOST = 1_000_000  # runs that lists of values may ask for
# ${ followed by anything but the path of another key: a resolver, which may read the environment or files
RESOLVER = re.compile(r"\$\{(?![\w.\[\]-]+\}).{0,20}")


def register() -> None:
    """Offer every file of losslaws/curves/schedules as a choice of the config group `schedule`."""
    for name in schedules.names():
        node = {"name": name, "peak": 1.0 if name == "file" else 3e-3, "warmup": 0 if name == "file" else 100}
        ConfigStore.instance().store(group="schedule", name=name, node=node | schedules.options(name))


def load(overrides: list[str]) -> DictConfig:
    """Compose the config of one run from `conf/` and command-line style overrides, and check it.

    Raises InputError, naming the nearest valid key, for a key or choice that does not exist and a value out of range.
    """
    config = assemble(overrides)
    validate(plain(config))
    return config


def assemble(overrides: list[str]) -> DictConfig:
    """Compose a config without a look at its values. Raises InputError for a key or choice that does not exist."""
    register()
    if GlobalHydra.instance().is_initialized():
        return _compose(overrides)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return _compose(overrides)


def _compose(overrides):
    try:
        config = compose("config", overrides=overrides)
    except (
        HydraException,
        OmegaConfBaseException,
        ValueError,
    ) as error:  # ValueError: a group's choice that is no text
        _explain(overrides)
        raise refusal(error) from None
    except RecursionError:
        raise InputError("config: a value is nested too deeply") from None
    for key, value in _leaves(OmegaConf.to_container(config)):
        if foreign := RESOLVER.search(value):
            raise InputError(
                f"config: {key} holds '{foreign[0]}...': only other keys may be referred to, as in ${{steps}}"
            )
    return config


def _leaves(tree, path=""):
    """Every text of a container with the path that leads to it."""
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _leaves(value, f"{path}.{key}" if path else str(key))


def validate(config: dict, like: Mapping = MappingProxyType({})) -> None:
    """Check a plain config's keys, types and ranges. Raises InputError, one line; the schedule's options are left to `schedule`.

    like  a config that passed: what both hold, as one object, is not looked at again
    """
    if like.keys() != config.keys():
        like = {}
    new = {key: value for key, value in config.items() if key not in like or like[key] is not value}
    settings.check(new, settings.only(frozenset(new)) if like else settings.Settings)
    if config["model"]["family"] == "llama" and new.keys() & {"model", "batch"}:
        Architecture.of(config["model"], 1, config["batch"]["length"])  # whether its sizes fit
    settings.epochs(config, config["data"]["train_tokens"])  # as asked for; what there is shows when it is there
    for named in (config["eval"].get("also"), config["data"]["tokenizer"]):
        for text in named if isinstance(named, list) else []:
            if text not in choices("data"):
                preset(text)


def product(overrides: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Expand comma lists as Hydra's sweeps do; yield (name suffix, overrides) for every combination.

    Raises InputError where there is none, or where there are more than MOST.
    """
    axes = []
    for override in parse(overrides):
        if override.is_sweep_override():
            key = override.get_key_element()
            axes.append([(f"-{key.split('.')[-1]}{value}", f"{key}={value}") for value in several(override)])
        else:
            axes.append([("", override.input_line)])
    if (runs := math.prod(map(len, axes))) > MOST:
        raise InputError(f"config: {runs:,} runs are more than {MOST:,}; give shorter lists")
    for combination in itertools.product(*axes):
        yield "".join(suffix for suffix, _ in combination), [text for _, text in combination]


def several(override: Override) -> list[str]:
    """The values of a comma list, a choice or a range."""
    swept, said = override.value(), f"config: {printable(override.input_line[:80])}"
    if isinstance(swept, RangeSweep) and not (swept.step and (swept.stop - swept.start) / swept.step <= MOST):
        raise InputError(f"{said} has no end within {MOST:,} values")
    try:
        found = list(override.sweep_string_iterator())
    except HydraException as error:  # an interval, which is for optimisers, or the files of a group
        raise InputError(
            f"{said} is no list of values ({refusal(error).args[0].removeprefix('config: ')}); write them out"
        ) from None
    if not found:
        raise InputError(f"{said} has no values")
    return found


def parse(overrides: list[str]) -> list[Override]:
    """Read overrides as Hydra does. Raises InputError where it does not."""
    try:
        return [parsed(line) for line in overrides]
    except (HydraException, ValueError) as error:  # ValueError: a number of thousands of digits
        raise refusal(error) from None
    except RecursionError:
        raise InputError("config: a value is nested too deeply") from None


@lru_cache(maxsize=4096)  # most lines of a sweep stand in many of its cells
def parsed(line: str) -> Override:
    """One override as Hydra reads it, to be left as it is. Raises what Hydra raises."""
    return _parser().parse_overrides([line])[0]


@cache
def _parser():
    return OverridesParser.create()


def refusal(error: Exception) -> InputError:
    """What Hydra or OmegaConf says, in one line of a bearable length."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    line = printable(line)
    return InputError(f"config: {line if len(line) <= 200 else line[:197] + '...'}")


def _explain(overrides):
    """Find the override that does not fit and say which key or choice was probably meant."""
    parsed = parse(overrides)
    groups = {key: value for o in parsed if (key := o.key_or_group) in GROUPS for value in [o.value()]}
    for group, choice in groups.items():
        known = choices(group)
        if choice not in known and not (choice is None and group == "experiment"):
            raise InputError(
                f"config: {group}={choice} does not exist{nearest(str(choice), known)} (choices: {', '.join(known)})"
            )
    try:
        base = compose("config", overrides=[f"{k}={'null' if v is None else v}" for k, v in groups.items()])
    except (HydraException, ValueError):  # the groups themselves do not fit together; Hydra's own message says how
        return
    known = _keys(OmegaConf.to_container(base))
    for o in parsed:
        if o.key_or_group not in GROUPS and o.key_or_group not in known and not o.is_add():
            raise InputError(f"config: there is no key '{o.key_or_group}'{nearest(o.key_or_group, known)}")


@cache
def choices(group: str) -> list[str]:
    """The choices of a config group."""
    files = [path.stem for path in sorted((CONF / group).glob("*.yaml"))]
    return sorted([*files, *schedules.names()]) if group == "schedule" else files


def _keys(tree, prefix=""):
    keys = []
    for key, value in tree.items():
        keys += [prefix + key] + (_keys(value, f"{prefix}{key}.") if isinstance(value, dict) else [])
    return keys


def schedule(config: DictConfig | dict) -> Schedule:
    """Build the Schedule that a config, plain or not, asks for. Raises InputError where it is not valid."""
    chosen = config["schedule"]
    options = OmegaConf.to_container(chosen, resolve=True) if OmegaConf.is_config(chosen) else chosen
    return schedules.build(steps=config["steps"], **options)


def plain(config: DictConfig) -> dict:
    """The resolved config as plain dicts, lists and numbers. Raises InputError for a reference that leads nowhere."""
    try:
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except (OmegaConfBaseException, RecursionError) as error:
        raise refusal(error) from None


def preset(data: str) -> dict:
    """A file of conf/data as a plain dict. Raises InputError where there is none."""
    return plain(assemble([f"data={data}"]))["data"]


def identity(config: dict) -> dict:
    """The part of a plain config that determines the record, short of what it was initialised from.

    How the work is divided, by devices, micro-batches or a compiler, changes the rounding of a record and not its curve.
    It is set to what it was in the profiles when these keys counted, so that their runs keep their names.
    """
    kept = {key: value for key, value in config.items() if key not in NOT_IDENTITY}
    kept["hardware"] = {key: value for key, value in config["hardware"].items() if key in ("device", "precision")}
    kept["hardware"]["compile"] = config["hardware"].get("device") == "cuda"
    if "batch" in config:
        kept["batch"] = config["batch"] | {"micro": None}
    if "data" in config:  # a permission, which changes nothing
        kept["data"] = {key: value for key, value in config["data"].items() if key != "repeat"}
    if "eval" in config:  # what is empty or not taken changes no record
        absent = {key for key in ("also", "average", "end") if not config["eval"].get(key)}
        absent |= {"average_steps"} & (set(config["eval"]) if "average" in absent else set())
        kept["eval"] = {key: value for key, value in config["eval"].items() if key not in absent}
    chosen = config.get("schedule", {})
    if chosen.get("name") == "file":  # what is in it, not where it lies
        content = Path(chosen["path"]).read_bytes()
        kept["schedule"] = chosen | {"path": hashlib.sha256(content).hexdigest()}
    return kept


def digest(identity: dict) -> str:
    """Eight hexadecimal digits that name an identity."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
