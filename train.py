"""Train one model under one learning-rate schedule: python train.py schedule=wsd steps=2400 (`--help` lists the keys)."""

import sys

import hydra
from omegaconf import DictConfig

from losslaws.curves.errors import exit_on_input_error
from training import config


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def run(cfg: DictConfig) -> None:
    from training.loop import train  # torch takes seconds to import; a misspelt key should not

    exit_on_input_error(lambda: train(cfg))


def main() -> None:
    config.register()
    config.check([argument for argument in sys.argv[1:] if not argument.startswith("-")])
    run()


if __name__ == "__main__":
    exit_on_input_error(main)
