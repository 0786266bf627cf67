"""What verbs that read a profile's results share."""

import argparse
from pathlib import Path

from analysis import RESULTS
from losslaws.curves.errors import InputError, nearest


def add_profile(parser: argparse.ArgumentParser) -> None:
    """Add the argument PROFILE."""
    parser.add_argument("profile", metavar="PROFILE", help="a name under results/, or a folder that holds curves/")


def results_folder(profile: str) -> Path:
    """Return the results folder of `profile`, a name under results/ or a path. Raises InputError where there is none."""
    for folder in (RESULTS / "annealing" / profile, RESULTS / profile, Path(profile)):
        if (folder / "curves").is_dir():
            return folder
    known = sorted(path.parent.name for path in RESULTS.glob("**/curves"))
    raise InputError(
        f"{profile}: there are no curves in {RESULTS / 'annealing' / profile / 'curves'}{nearest(profile, known)}; "
        f"train them with `python -m training run {profile}`"
    )


def load(args):
    """Return the Study of the profile that the command names."""
    from analysis.papers.annealing.study import Study

    return Study.load(results_folder(args.profile))
