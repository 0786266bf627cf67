"""which size, length and schedule a budget of FLOPs should buy, by laws fitted over a profile's sizes"""

import json

from analysis.verbs._profile import results_folder


def arguments(parser) -> None:
    parser.add_argument("--flops", type=float, required=True, help="training FLOPs to spend")
    parser.add_argument("--profile", default="cpu", help="a results folder with runs of several sizes; default: cpu")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args) -> None:
    from analysis.search.plan import Planner, table
    from curves.loss_curve import load_folder

    found = Planner.of(list(load_folder(results_folder(args.profile) / "curves").values())).report(args.flops)
    print(json.dumps(found, indent=1) if args.json else table(found))
