"""what the registered forecasts of our own runs came to, and would come to today: results/ledger"""

from pathlib import Path

from analysis import RESULTS


def arguments(parser) -> None:
    parser.add_argument(
        "--folder", type=Path, default=RESULTS / "ledger", help="where ledger.jsonl lies (default: results/ledger)"
    )


def run(args) -> None:
    from analysis.ledger.ledger import write_ledger

    for path in write_ledger(args.folder):
        print(path)
