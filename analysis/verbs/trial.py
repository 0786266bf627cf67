"""hold a schedule that was found against others by their trained runs: results/trial"""

from pathlib import Path

from analysis import RESULTS


def arguments(parser) -> None:
    parser.add_argument(
        "logs", nargs="+", metavar="LOG", help="what the schedule was found from: logs or results folders"
    )
    parser.add_argument(
        "--folder", type=Path, default=RESULTS / "trial", help="the runs of the trial (default: results/trial)"
    )


def run(args) -> None:
    from analysis.trial.trial import write_trial
    from losslaws.curves.store import load_folder
    from losslaws.search.optimize import Search
    from losslaws.verbs._logs import curves_of

    steps = next(iter(load_folder(args.folder).values())).schedule.steps
    for path in write_trial(args.folder, Search.of(curves_of(args.logs), steps)):
        print(path)
