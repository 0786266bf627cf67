"""What verbs that may work beside the committed results share."""

import argparse
from pathlib import Path


def add_into(parser: argparse.ArgumentParser) -> None:
    """Add the argument --into."""
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="a folder that stands for results/, as `reproduced` of `make reproduce`",
    )
