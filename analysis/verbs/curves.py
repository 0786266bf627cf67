"""write the curves of a results folder as CSV files, one a run, that any tool reads"""

from pathlib import Path


def arguments(parser) -> None:
    parser.add_argument("folder", type=Path, help="a results folder, e.g. results/annealing/night")
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="where NAME.csv and NAME.json go")


def run(args) -> None:
    from losslaws.curves.files import named_folder
    from losslaws.curves.store import load_folder

    curves = load_folder(args.folder)
    named_folder(args.into)
    for curve in curves.values():
        curve.save(args.into)
    print(f"{len(curves)} curves in {args.into}")
