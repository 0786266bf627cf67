"""`losslaws VERB`: forecasts of runs from their logs, schedules worth training, and what a budget of compute buys."""

import argparse
import sys
from pathlib import Path

import losslaws
from losslaws import verbs
from losslaws.curves.errors import InputError, exit_on_input_error

SHELLS = ("bash", "zsh", "tcsh")
FILES = ("LOG", "RUNS", "FILE")  # what a verb calls arguments that a shell completes with file names


class PrintCompletion(argparse.Action):
    """Prints the script that completes the command in a shell."""

    def __call__(self, door, namespace, shell, option_string=None):
        try:
            import shtab
        except ImportError:
            raise InputError(f"{option_string}: needs the package shtab; pip install 'losslaws[completion]'") from None
        for action in argument_actions(door):
            if action.type is Path or action.metavar in FILES:
                action.complete = shtab.FILE
            action.choices = action.choices or getattr(action, "words", None)
        print(shtab.complete(door, shell))
        door.exit()


def argument_actions(door: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return every argument of `door` and of its verbs."""
    own = list(door._actions)
    inner = [verb for action in own if isinstance(action.choices, dict) for verb in action.choices.values()]
    return [*own, *(action for verb in inner for action in argument_actions(verb))]


def parser() -> argparse.ArgumentParser:
    """Return the parser of every verb."""
    door = verbs.parser("losslaws", __doc__.replace("`", ""), verbs)
    door.add_argument("--version", action="version", version=f"losslaws {losslaws.__version__}")
    door.add_argument(
        "--print-completion",
        action=PrintCompletion,
        choices=SHELLS,
        help="print the script that completes this command",
    )
    return door


def run() -> None:
    """Do what the command line says."""
    args = parser().parse_args(sys.argv[1:])
    args.run(args)


def main() -> None:
    """The console command: bad input ends in one line on standard error and status 2."""
    exit_on_input_error(run)


if __name__ == "__main__":
    main()
