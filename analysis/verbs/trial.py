"""hold a schedule that was found against others by their trained runs"""

from analysis.verbs._profile import results_folder
from losslaws.verbs._logs import curves_of


def arguments(parser) -> None:
    parser.add_argument("profile", metavar="RESULTS", help="the results folder of the sweep that trained the schedules")
    parser.add_argument("logs", nargs="+", metavar="LOG", help="what the schedule was found from")


def run(args) -> None:
    from analysis.trial.trial import write_trial
    from losslaws.curves.loss_curve import load_folder
    from losslaws.search.optimize import Search

    folder = results_folder(args.profile)
    steps = next(iter(load_folder(folder / "curves").values())).schedule.steps
    for path in write_trial(folder, Search.of(curves_of(args.logs), steps)):
        print(path)
