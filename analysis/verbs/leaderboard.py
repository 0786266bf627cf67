"""every law on every public data set and on own runs: results/leaderboard/; one law beside it: --law NAME"""

from pathlib import Path

from analysis import RESULTS


def arguments(parser) -> None:
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="the folder with own runs, PROFILE/curves; default: results/"
    )
    parser.add_argument(
        "--law", metavar="NAME", help="score this law or entry only and print where it ranks; nothing is written"
    )


def run(args) -> None:
    from analysis.leaderboard.page import standing, write

    if args.law:
        print(standing(args.results, args.law))
        return
    for path in write(args.results):
        print(path)
