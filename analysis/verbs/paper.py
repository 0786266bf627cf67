"""claims, tables, figures and page of a paper, or of all"""

from pathlib import Path

from analysis import RESULTS
from analysis.papers import names
from analysis.verbs._into import add_into


def arguments(parser) -> None:
    parser.add_argument("name", metavar="NAME", help=f"{', '.join(names())}, or all")
    parser.add_argument(
        "--profile", help="of the annealing paper: cpu, smoke, ... or a folder that holds curves/ (default: cpu)"
    )
    parser.add_argument("--folder", type=Path, help="where to write (default: results/NAME, results/annealing/PROFILE)")
    add_into(parser)
    parser.add_argument("--only", choices=("claims", "figures"), help="write and show these only")


def run(args) -> None:
    from analysis.papers.paper import Paper
    from losslaws.curves import InputError
    from losslaws.curves.files import named_folder

    root = named_folder(args.into) if args.into else RESULTS
    folder = args.folder and named_folder(args.folder)
    if args.name != "all":
        write(Paper.load(args.name, args.profile, folder, root=root), args.only)
        return
    failed = []
    for name in names():
        profile = args.profile if name == names()[0] else None
        try:
            write(Paper.load(name, profile, folder and folder / name, root=root), args.only)
        except InputError as reason:
            failed.append(f"{name}: {reason}")
    if failed:
        raise InputError("; ".join(failed))


def write(paper, only: str | None) -> None:
    """Write a paper's page, or only a part of it, and say what became of it."""
    from analysis.pages.writer import write_tables
    from analysis.papers.paper import write_paper

    if only == "figures":
        for drawing in paper.draw():
            print(f"{drawing.name}: {drawing.missing or drawing.title}")
        return
    pages = write_tables(paper.folder, {"claims": paper.tables["claims"]}) if only else write_paper(paper)
    for claim in paper.claims:
        print(f"{claim.verdict:14} {claim.claim} [{claim.on_own_runs}; paper: {claim.paper_value}]")
    print("\n".join([paper.verdicts, *(f"left out: {line}" for line in paper.lacking), *map(str, pages)]))
