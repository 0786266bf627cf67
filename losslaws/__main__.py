"""`losslaws VERB`: forecasts of runs from their logs, schedules worth training, and what a budget of compute buys."""

import argparse
import sys

from losslaws import verbs
from losslaws.curves.errors import exit_on_input_error


def parser() -> argparse.ArgumentParser:
    """Return the parser of every verb."""
    return verbs.parser("losslaws", __doc__.replace("`", ""), verbs)


def run() -> None:
    """Do what the command line says."""
    args = parser().parse_args(sys.argv[1:])
    args.run(args)


def main() -> None:
    """The console command: bad input ends in one line on standard error and status 2."""
    exit_on_input_error(run)


if __name__ == "__main__":
    main()
