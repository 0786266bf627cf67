"""`python -m analysis VERB`: tables, figures, claims and pages of results that are there; nothing is trained."""

import argparse
import sys

from analysis import verbs
from losslaws.curves.errors import exit_on_input_error
from losslaws.verbs import parser as parser_of


def parser() -> argparse.ArgumentParser:
    """Return the parser of every verb."""
    return parser_of("python -m analysis", __doc__.replace("`", ""), verbs)


def main() -> None:
    args = parser().parse_args(sys.argv[1:])
    args.run(args)


if __name__ == "__main__":
    exit_on_input_error(main)
