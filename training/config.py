"""Configs: the schedule group, refusal of misspelt keys, and the identity of a run."""

import hashlib
import json
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from losslaws.curves import InputError, Schedule, schedules
from losslaws.curves.errors import nearest

CONF = Path(__file__).parents[1] / "conf"
GROUPS = ("model", "data", "schedule", "optimizer", "hardware", "logger", "experiment")
# What cannot change a run's record has no part in its identity.
NOT_IDENTITY = ("name", "runs", "corpora", "logger", "checkpoint", "init_from")


def register() -> None:
    """Offer every file of losslaws/curves/schedules as a choice of the config group `schedule`."""
    for name in schedules.names():
        node = {"name": name, "peak": 1.0 if name == "file" else 3e-3, "warmup": 0 if name == "file" else 100}
        ConfigStore.instance().store(group="schedule", name=name, node=node | schedules.options(name))


def load(overrides: list[str]) -> DictConfig:
    """Compose the config of one run from `conf/` and command-line style overrides.

    Raises InputError, naming the nearest valid key, for a key or choice that does not exist.
    """
    register()
    if GlobalHydra.instance().is_initialized():
        return _compose(overrides)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return _compose(overrides)


def _compose(overrides):
    try:
        return compose("config", overrides=overrides)
    except (HydraException, OmegaConfBaseException) as error:
        _explain(overrides)
        raise InputError(f"config: {str(error).splitlines()[0]}") from None


def check(overrides: list[str]) -> None:
    """Refuse misspelt keys and choices before Hydra starts. A sweep's comma lists are checked by their first element."""
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        raise InputError(f"config: {str(error).splitlines()[0]}") from None
    first = [
        f"{o.get_key_element()}={next(o.sweep_string_iterator())}" if o.is_sweep_override() else o.input_line
        for o in parsed
    ]
    load([line for line in first if not line.lstrip("+~").startswith("hydra")])


def _explain(overrides):
    """Find the override that does not fit and say which key or choice was probably meant."""
    parsed = OverridesParser.create().parse_overrides(overrides)
    groups = {key: value for o in parsed if (key := o.key_or_group) in GROUPS for value in [o.value()]}
    for group, choice in groups.items():
        known = choices(group)
        if choice is not None and choice not in known:
            raise InputError(
                f"config: {group}={choice} does not exist{nearest(str(choice), known)} (choices: {', '.join(known)})"
            )
    try:
        base = compose("config", overrides=[f"{k}={'null' if v is None else v}" for k, v in groups.items()])
    except HydraException:  # the groups themselves do not fit together; Hydra's own message says how
        return
    known = _keys(OmegaConf.to_container(base))
    for o in parsed:
        if o.key_or_group not in GROUPS and o.key_or_group not in known and not o.is_add():
            raise InputError(f"config: there is no key '{o.key_or_group}'{nearest(o.key_or_group, known)}")


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
    """The resolved config as plain dicts, lists and numbers."""
    return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)


def preset(data: str) -> dict:
    """A file of conf/data as a plain dict. Raises InputError where there is none."""
    return plain(load([f"data={data}"]))["data"]


def identity(config: dict) -> dict:
    """The part of a plain config that determines the record, short of what it was initialised from."""
    kept = {key: value for key, value in config.items() if key not in NOT_IDENTITY}
    # How many devices share a run changes its rounding, not its curve.
    kept["hardware"] = {key: v for key, v in config["hardware"].items() if key not in ("threads", "parallel")}
    if "eval" in config:  # an empty `also` changes no record
        kept["eval"] = {key: value for key, value in config["eval"].items() if key != "also" or value}
    chosen = config.get("schedule", {})
    if chosen.get("name") == "file":  # what is in it, not where it lies
        content = Path(chosen["path"]).read_bytes()
        kept["schedule"] = chosen | {"path": hashlib.sha256(content).hexdigest()}
    return kept


def digest(identity: dict) -> str:
    """Eight hexadecimal digits that name an identity."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
