"""claims, tables, figures and page of another paper: results/NAME"""

from pathlib import Path

from analysis import RESULTS
from losslaws.curves import InputError


def arguments(parser) -> None:
    parser.add_argument("name", metavar="NAME", help="kaplan, mup, loss_to_loss, hitchhiker, or all")
    parser.add_argument("--folder", type=Path, help="where to write a folder NAME (default: results)")


def run(args) -> None:
    from analysis.papers.paper import Paper, names, write_paper

    failed = []
    for name in names() if args.name == "all" else [args.name]:
        try:
            found = Paper.load(name, (args.folder or RESULTS) / name)
            pages = write_paper(found)
        except InputError as reason:
            failed.append(f"{name}: {reason}")
            continue
        for claim in found.claims:
            print(f"{claim.verdict:14} {claim.claim} [{claim.on_paper_data}; paper: {claim.paper_value}]")
        print("\n".join([found.verdicts, *(f"left out: {line}" for line in found.lacking), *map(str, pages)]))
    if failed:
        raise InputError("; ".join(failed))
