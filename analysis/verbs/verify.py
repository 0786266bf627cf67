"""compare the headline numbers of a profile with its expected.json; fails on drift"""

from analysis import RESULTS
from analysis.verbs._into import add_into


def arguments(parser) -> None:
    parser.add_argument("profile", nargs="?", help="a profile of the annealing paper, or a folder that holds curves/")
    add_into(parser)
    parser.add_argument("--update", action="store_true", help="write the values anew")


def run(args) -> None:
    from analysis.papers.annealing.verify import compare, expected_file, refuse_drift, update
    from analysis.papers.paper import Paper

    paper = Paper.load("annealing", args.profile, root=args.into or RESULTS)
    if args.update:
        print(update(paper))
    elif not expected_file(paper).exists():
        print(f"{expected_file(paper)} is not there, so there is nothing to compare with; --update writes it")
    else:
        table = compare(paper)
        print(table.drop(columns="why").to_string(index=False, float_format="%.6g"))
        refuse_drift(paper, table)
