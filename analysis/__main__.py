"""`python -m analysis VERB`: tables, figures, claims and reports of results that are there, and forecasts; nothing is trained."""

import argparse
import sys

from analysis.verbs import verbs
from curves.errors import exit_on_input_error


def parser() -> argparse.ArgumentParser:
    """Return the parser of every verb."""
    door = argparse.ArgumentParser(prog="python -m analysis", description=__doc__.replace("`", ""))
    choices = door.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in verbs().items():
        one = choices.add_parser(name, help=verb.__doc__, description=verb.__doc__)
        verb.arguments(one)
        one.set_defaults(run=verb.run)
    return door


def main() -> None:
    args = parser().parse_args(sys.argv[1:])
    args.run(args)


if __name__ == "__main__":
    exit_on_input_error(main)
