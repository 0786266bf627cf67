"""say what a log is read as: its columns, steps, losses and rates, what is odd, and what a forecast would use"""

import json


def arguments(parser) -> None:
    from losslaws.verbs._logs import add_logs

    add_logs(parser)
    parser.add_argument("--json", action="store_true", help="write everything to standard output as JSON")


def run(args) -> None:
    from losslaws.verbs._logs import look_at_logs

    readings = look_at_logs(args)
    if args.json:
        print(json.dumps([reading.as_dict() for reading in readings], indent=1))
    else:
        print("\n\n".join(map(str, readings)))
