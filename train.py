"""Train one model under one learning-rate schedule: python train.py schedule=wsd steps=2400 (`--help` explains the keys)."""

import os
import sys

import hydra
from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from losslaws.curves.errors import InputError, exit_on_input_error
from training import compose, config


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def run(cfg: DictConfig) -> None:
    from training.loop import memory_said, train  # torch takes seconds to import; a misspelt key should not

    def here() -> None:
        with memory_said():
            train(cfg)

    exit_on_input_error(here)


def main() -> None:
    config.register()
    given = get_args_parser().parse_intermixed_args()  # overrides may stand behind options, too, ...
    sys.argv[1:] = [
        *(word for word in sys.argv[1:] if word not in given.overrides),
        *given.overrides,
    ]  # ... but not for Hydra
    if given.help:
        from training.help import page

        print(page(given.overrides))
        return
    if given.config_path or given.config_name or given.config_dir or given.experimental_rerun:
        raise InputError(
            "the config of a run is conf/config.yaml; put a file of your own into a group of conf/ and choose it"
        )
    several = given.multirun or any(line.startswith("hydra.mode=") for line in given.overrides)
    compose.check(given.overrides, several)
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # let what Hydra refuses come through, to be said in one line
    try:
        run()
    except (HydraException, OmegaConfBaseException) as error:
        raise config.refusal(error) from None


if __name__ == "__main__":
    exit_on_input_error(main)
