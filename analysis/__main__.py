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


def allocate(args):
    """how to spend a budget of compute: N, D, batch and expected loss by Kaplan, Chinchilla and a profile's own fit"""
    from analysis.allocation import allocate
    from analysis.experiment import Experiment
    from analysis.paper import as_markdown

    own = Experiment.load(results_folder(args.profile)) if args.profile else None
    print(as_markdown(allocate(args.flops, own)))


def paper(args):
    """claims, tables, figures and page of another paper, into results/papers/NAME"""
    from analysis.paper import Paper, names, write_paper

    failed = []
    for name in names() if args.name == "all" else [args.name]:
        try:
            found = Paper.load(name, (args.folder or RESULTS / "papers") / name)
            pages = write_paper(found)
        except InputError as reason:
            failed.append(f"{name}: {reason}")
            continue
        for claim in found.claims:
            print(f"{claim.verdict:14} {claim.claim} [{claim.on_paper_data}; paper: {claim.paper_value}]")
        print("\n".join([found.verdicts, *(f"left out: {line}" for line in found.lacking), *map(str, pages)]))
    if failed:
        raise InputError("; ".join(failed))


def parser() -> argparse.ArgumentParser:
    """Return the parser of every verb; a verb is a function, its help that function's docstring."""
    door = argparse.ArgumentParser(prog="python -m analysis", description=__doc__.splitlines()[0].replace("`", ""))
    verbs = door.add_subparsers(dest="verb", required=True, metavar="VERB")
    for function in (report, figures, claims, verify):
        verb = verbs.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
        verb.add_argument("profile", metavar="PROFILE", help="a name under results/, or a folder that holds curves/")
        verb.set_defaults(run=function)
    verb = verbs.add_parser("allocate", help=allocate.__doc__, description=allocate.__doc__)
    verb.add_argument("--flops", type=float, required=True, help="training FLOPs, counted as 6 N D, e.g. 1e18")
    verb.add_argument("--profile", default="cpu", help="whose own fit to add (default: cpu); empty: none")
    verb.set_defaults(run=allocate)
    verb = verbs.add_parser("paper", help=paper.__doc__, description=paper.__doc__)
    verb.add_argument("name", metavar="NAME", help="kaplan, mup, loss_to_loss, hitchhiker, or all")
    verb.add_argument("--folder", type=Path, help="where to write a folder NAME (default: results/papers)")
    verb.set_defaults(run=paper)
    verbs.choices["verify"].add_argument(
        "--update", action="store_true", help="write the values anew, keeping tolerances"
    )
    return door


def main() -> None:
    args = parser().parse_args(sys.argv[1:])
    args.run(args)


if __name__ == "__main__":
    exit_on_input_error(main)
