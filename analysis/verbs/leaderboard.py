"""every law on every public data set and on own runs: results/leaderboard.csv and results/leaderboard/"""

from pathlib import Path

from analysis import RESULTS


def arguments(parser) -> None:
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="the folder with own runs, PROFILE/curves; default: results/"
    )


def run(args) -> None:
    from analysis.leaderboard.page import write

    for path in write(args.results):
        print(path)
