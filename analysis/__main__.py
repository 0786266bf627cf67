"""`python -m analysis VERB PROFILE`: tables, figures, claims and report of results that are already there; nothing is trained.

Each verb imports what it needs only when it runs, so that every answer begins at once.
"""

import argparse
import sys
from pathlib import Path

from curves.errors import InputError, exit_on_input_error, nearest

RESULTS = Path(__file__).parents[1] / "results"


def results_folder(profile: str) -> Path:
    """Return the results folder of `profile`, a name under results/ or a path. Raises InputError where there is none."""
    for folder in (RESULTS / profile, Path(profile)):
        if (folder / "curves").is_dir():
            return folder
    known = sorted(path.parent.name for path in RESULTS.glob("*/curves"))
    raise InputError(
        f"{profile}: there are no curves in {RESULTS / profile / 'curves'}{nearest(profile, known)}; "
        f"train them with `python -m training run {profile}`"
    )


def load(args):
    """Return the Study of the profile that the command names."""
    from analysis.study import Study

    return Study.load(results_folder(args.profile))


def report(args):
    """every table, every figure, report.md and report.html"""
    from analysis.report import write_report

    for path in write_report(load(args)):
        print(path)


def figures(args):
    """the figures as PDF and SVG"""
    from tqdm import tqdm

    from analysis.figures import draw_each, names

    study = load(args)
    for drawing in tqdm(draw_each(study, study.folder / "figures"), total=len(names()), leave=False):
        tqdm.write(f"{drawing.name}: {drawing.missing or drawing.title}")


def claims(args):
    """claims.csv, and every claim with its verdict on the terminal"""
    from analysis.report import write_tables

    study = load(args)
    write_tables(study, "claims")
    for claim in study.claims:
        print(f"{claim.verdict:14} {claim.claim} [{claim.on_own_runs}; paper: {claim.paper_value}]")
    print(f"{study.verdicts}\n{study.folder / 'claims.csv'}")


def verify(args):
    """compare the headline numbers with expected.json; fails on drift"""
    from analysis.verify import EXPECTED, compare, refuse_drift, update

    study = load(args)
    if args.update:
        print(update(study))
    elif not (study.folder / EXPECTED).exists():
        print(f"{study.folder / EXPECTED} is not there, so there is nothing to compare with; --update writes it")
    else:
        table = compare(study)
        print(table.drop(columns="why").to_string(index=False, float_format="%.6g"))
        refuse_drift(study, table)


def leaderboard(args):
    """every law on every public data set and on own runs: results/leaderboard.csv and results/leaderboard/"""
    from analysis.leaderboard.page import write

    for path in write(args.results):
        print(path)


def parser() -> argparse.ArgumentParser:
    """Return the parser of every verb; a verb is a function, its help that function's docstring."""
    door = argparse.ArgumentParser(prog="python -m analysis", description=__doc__.splitlines()[0].replace("`", ""))
    verbs = door.add_subparsers(dest="verb", required=True, metavar="VERB")
    for function in (report, figures, claims, verify):
        verb = verbs.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
        verb.add_argument("profile", metavar="PROFILE", help="a name under results/, or a folder that holds curves/")
        verb.set_defaults(run=function)
    board = verbs.add_parser("leaderboard", help=leaderboard.__doc__, description=leaderboard.__doc__)
    board.add_argument(
        "--results", type=Path, default=RESULTS, help="the folder with own runs, PROFILE/curves; default: results/"
    )
    board.set_defaults(run=leaderboard)
    verbs.choices["verify"].add_argument(
        "--update", action="store_true", help="write the values anew, keeping tolerances"
    )
    return door


def main() -> None:
    args = parser().parse_args(sys.argv[1:])
    args.run(args)


if __name__ == "__main__":
    exit_on_input_error(main)
