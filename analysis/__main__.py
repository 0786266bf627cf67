"""`python -m analysis VERB PROFILE`: tables, figures, claims and report of results that are already there; nothing is trained.

Each verb imports what it needs only when it runs, so that every answer begins at once.
"""

import argparse
import json
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


def logs(paths: list[str]) -> list:
    """Return the curves of the logs that the command names; a results folder stands for the runs of its base model."""
    from analysis.experiment import Experiment, same_model
    from curves import LossCurve

    curves = []
    for path in map(Path, paths):
        if (path / "curves").is_dir():
            of = Experiment.load(path)
            base = next(iter((of.role("fit") or of.curves).values()))
            curves += [curve for curve in of.curves.values() if same_model(curve, base)]
        else:
            curves.append(LossCurve.load(path))
    return curves


def optimize(args):
    """the schedule of a family, or of all monotone ones, that should end at the lowest loss"""
    from analysis.optimize import FAMILIES, REFERENCE, Search, save, table

    search = Search.of(logs(args.logs), args.steps, args.peak)
    families = [args.family] if args.family else [*FAMILIES, "free"]
    found = [one for family in families if (one := search.best(family))]
    print(table(search, [search.build(REFERENCE), *found]))
    if args.out and found:
        best = next((one for one in found if one.family == "free"), found[0])
        print(
            f"{save(best, args.out)}: {best}; train it with schedule=file schedule.path={args.out} steps={args.steps}"
        )


def plan(args):
    """which size, length and schedule a budget of FLOPs should buy, by laws fitted over a profile's sizes"""
    from analysis.plan import Planner, table
    from curves.loss_curve import load_folder

    found = Planner.of(list(load_folder(results_folder(args.profile) / "curves").values())).report(args.flops)
    print(json.dumps(found, indent=1) if args.json else table(found))


def trial(args):
    """hold a schedule that was found against others by their trained runs"""
    from analysis.optimize import Search
    from analysis.trial import write_trial
    from curves.loss_curve import load_folder

    folder = results_folder(args.profile)
    steps = next(iter(load_folder(folder / "curves").values())).schedule.steps
    for path in write_trial(folder, Search.of(logs(args.logs), steps)):
        print(path)


def parser() -> argparse.ArgumentParser:
    """Return the parser of every verb; a verb is a function, its help that function's docstring."""
    door = argparse.ArgumentParser(prog="python -m analysis", description=__doc__.splitlines()[0].replace("`", ""))
    verbs = door.add_subparsers(dest="verb", required=True, metavar="VERB")
    for function in (report, figures, claims, verify):
        verb = add(verbs, function)
        verb.add_argument("profile", metavar="PROFILE", help="a name under results/, or a folder that holds curves/")
    verbs.choices["verify"].add_argument(
        "--update", action="store_true", help="write the values anew, keeping tolerances"
    )
    optimizing = add(verbs, optimize)
    optimizing.add_argument("logs", nargs="+", metavar="LOG", help="a loss curve, or a results folder")
    optimizing.add_argument("--steps", type=int, required=True, help="length of the run to come")
    optimizing.add_argument("--family", help="one family only, or 'free'")
    optimizing.add_argument("--peak", type=float, help="peak rate, one of those in the logs; default: the commonest")
    optimizing.add_argument("--out", type=Path, help="write the schedule there, for schedule=file")
    planning = add(verbs, plan)
    planning.add_argument("--flops", type=float, required=True, help="training FLOPs to spend")
    planning.add_argument("--profile", default="cpu", help="a results folder with runs of several sizes; default: cpu")
    planning.add_argument("--json", action="store_true", help="print JSON")
    trying = add(verbs, trial)
    trying.add_argument("profile", metavar="RESULTS", help="the results folder of the sweep that trained the schedules")
    trying.add_argument("logs", nargs="+", metavar="LOG", help="what the schedule was found from")
    return door


def add(verbs, function) -> argparse.ArgumentParser:
    """Add the verb of `function` and return its parser."""
    verb = verbs.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
    verb.set_defaults(run=function)
    return verb


def main() -> None:
    args = parser().parse_args(sys.argv[1:])
    args.run(args)


if __name__ == "__main__":
    exit_on_input_error(main)
