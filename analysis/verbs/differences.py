"""losses that were reproduced beside the committed ones: FOLDER/differences.csv"""

from pathlib import Path


def arguments(parser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what `make reproduce` wrote, e.g. reproduced")


def run(args) -> None:
    from analysis.differences import differences
    from losslaws.curves.files import write_table

    table = differences(args.folder)
    both = table.dropna()
    write_table(table, args.folder / "differences.csv", digits=6)
    print(table.to_string(index=False, float_format="%.5g"))
    print(
        f"{len(both)} of {len(table)} runs have a committed one; their final losses differ by {both['difference'].abs().max():.2g} at most"
        if len(both)
        else f"none of these {len(table)} runs is among the committed ones"
    )
