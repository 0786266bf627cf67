"""what a budget of FLOPs should buy: size, tokens, batch and loss by published laws, and by those of your own runs"""

import json

from losslaws.verbs import positive


def arguments(parser) -> None:
    parser.add_argument(
        "--flops", type=positive, required=True, help="training FLOPs to spend, counted as 6 N D, e.g. 1e18"
    )
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUNS",
        help="results folders or logs of runs of at least three sizes, for laws of your own",
    )
    parser.add_argument("--json", action="store_true", help="write everything to standard output as JSON")


def run(args) -> None:
    from losslaws.search.allocation import allocate, check_plan
    from losslaws.search.budget import Planner, table
    from losslaws.verbs._logs import whole_folders
    from losslaws.words import markdown

    planner = Planner.of(whole_folders(args.runs)) if args.runs else None
    own = {" ".join(args.runs): planner.chinchilla} if planner and planner.chinchilla else None
    plan = planner.report(args.flops) if planner else None
    for fit in (own or {}).values():
        check_plan(fit, args.flops)
    laws = allocate(args.flops, own)
    if args.json:
        print(json.dumps({"laws": json.loads(laws.to_json(orient="records")), "plan": plan}, indent=1))
        return
    print(markdown(laws))
    if plan:
        print(f"\n{table(plan)}")
