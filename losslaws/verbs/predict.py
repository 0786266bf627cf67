"""forecast a run of your own under other schedules, from its log"""

import sys
from pathlib import Path

from losslaws.curves import InputError
from losslaws.curves.errors import printable
from losslaws.curves.files import named
from losslaws.verbs import whole
from losslaws.verbs._logs import add_logs, read_logs
from losslaws.verbs._plans import add_model, add_plans, options_of


def arguments(parser) -> None:
    add_logs(parser)
    add_model(parser)
    parser.add_argument(
        "--next",
        type=whole(1),
        metavar="N",
        help="forecast a model of N parameters from logs of smaller ones, of two sizes or more",
    )
    parser.add_argument(
        "--next-batch", type=whole(1), metavar="TOKENS", help="its tokens per step (default: the largest log's)"
    )
    add_plans(parser)
    parser.add_argument(
        "--compare", action="store_true", help="add the usual schedules, and sort all by their final loss"
    )
    parser.add_argument("--json", action="store_true", help="write everything to standard output as JSON")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the forecast curves as a table")
    parser.add_argument(
        "--register",
        type=Path,
        metavar="LEDGER",
        help="write these forecasts down, dated and hashed, in a file that `losslaws score` reads",
    )
    parser.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="draw them, as .png, .svg or .pdf; without an ending as .svg and .pdf",
    )


def run(args) -> None:
    from losslaws.forecast import output, plans
    from losslaws.forecast.predict import Forecaster

    check_outputs(args)
    curves = plans.sized(read_logs(args), args.parameters)
    # refuses logs of which no schedule is to be asked, as one that ends within its warm-up
    forecaster = Forecaster(curves, args.optimizer and args.optimizer.lower(), model_of(args, curves))
    seen = plans.longest(curves).schedule
    asked = plans.planned(seen, args.schedule, args.steps, args.until, args.peak, args.compare, options_of(args))
    forecasts = plans.forecasts(forecaster, asked, args.compare)
    differences = forecaster.compare(asked) if args.compare else {}
    write = output.as_json if args.json else output.as_text
    print(write(forecaster, forecasts, differences))
    if args.csv:
        output.write_csv(args.csv, forecasts)
    if args.register:
        from losslaws.forecast.ledger import register

        count = register(args.register, forecaster, forecasts)
        print(printable(f"registered {count} in {args.register}"), file=sys.stderr)
    if args.figure:
        from losslaws.forecast.figure import draw

        for path in draw(args.figure, forecaster, forecasts):
            print(printable(f"wrote {path}"), file=sys.stderr)


def model_of(args, curves):
    """Return the model that is asked about; None for that of the logs."""
    from losslaws.forecast.ladder import Model
    from losslaws.forecast.prior import size_of

    if args.next is None:
        if args.next_batch:
            raise InputError("--next-batch: is that of another model; give its size with --next N")
        return None
    if args.until:
        raise InputError(
            "--until: goes on with a run of the log, which another model has none of; give --steps with --next"
        )
    largest = max(curves, key=lambda curve: size_of(curve) or 0)
    return Model(args.next, args.next_batch or largest.tokens_per_step or 0)


def check_outputs(args) -> None:
    """Raise InputError for a file that cannot be written, before the minutes that a large log may take."""
    outputs = [path for path in (args.csv, args.register) if path]
    if args.figure:
        from losslaws.style import kinds_of

        stem, kinds = kinds_of(args.figure)
        outputs += [Path(f"{stem}.{kind}") for kind in kinds]
    for path in map(named, outputs):
        if path.exists() and any(path.samefile(log) for log in map(Path, args.log) if log.exists()):
            raise InputError(f"{path}: is the log itself; name another file")
