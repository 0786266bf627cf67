"""what must run before the page of a paper, or of all, can be written: arguments of `python -m`, one call a line"""


def arguments(parser) -> None:
    parser.add_argument("name", metavar="NAME", help="a paper, or all")
    parser.add_argument("--profile", help="of the annealing paper (default: cpu)")


def run(args) -> None:
    from analysis.papers.paper import steps

    print("\n".join(steps(args.name, args.profile)))
