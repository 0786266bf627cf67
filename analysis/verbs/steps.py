"""what must run before the page of a paper, or of all, can be written: arguments of `python -m`, one call a line"""

from analysis.verbs._into import add_into


def arguments(parser) -> None:
    parser.add_argument("name", metavar="NAME", help="a paper, or all")
    parser.add_argument("--profile", help="of the annealing paper (default: cpu)")
    add_into(parser)


def run(args) -> None:
    from analysis.papers.paper import steps

    print("\n".join(steps(args.name, args.profile, args.into)))
