"""forecast a run of your own under other schedules, from its log"""

import sys
from pathlib import Path

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.curves.errors import printable
from losslaws.curves.files import named
from losslaws.curves.schedule import LONGEST
from losslaws.forecast import specs
from losslaws.verbs import positive, whole
from losslaws.verbs._logs import add_logs, read_logs


def arguments(parser) -> None:
    add_logs(parser)
    parser.add_argument(
        "--schedule", nargs="+", default=[], metavar="NAME", help="e.g. wsd, or wsd:decay=0.2,shape=1-sqrt"
    )
    parser.add_argument("--steps", type=whole(1, LONGEST), help="length of the runs to forecast (default: the log's)")
    parser.add_argument(
        "--until", type=whole(1, LONGEST), metavar="STEP", help="the run goes on at its last rate until STEP"
    )
    parser.add_argument(
        "--compare", action="store_true", help="add the usual schedules, and sort all by their final loss"
    )
    parser.add_argument("--peak", type=positive, help="peak rate (default: the log's)")
    for option in specs.all_options():
        parser.add_argument(f"--{option}", type=specs.value_of, help="option of the schedules that have it")
    parser.add_argument("--json", action="store_true", help="write everything to standard output as JSON")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the forecast curves as a table")
    parser.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="draw them, as .png, .svg or .pdf; without an ending as .svg and .pdf",
    )


def run(args) -> None:
    from losslaws.forecast import output
    from losslaws.forecast.predict import Forecaster

    check_outputs(args)
    curves = read_logs(args)
    longest = max(curves, key=lambda curve: curve.step[-1])
    forecaster = Forecaster(curves)
    forecasts = {name: forecaster.forecast(schedule) for name, schedule in planned(args, longest).items()}
    if args.compare:
        forecasts = dict(sorted(forecasts.items(), key=lambda item: item[1].final[0]))
    print(output.as_json(forecaster, forecasts) if args.json else output.as_text(forecaster, forecasts))
    if args.csv:
        output.write_csv(args.csv, forecasts)
    if args.figure:
        from losslaws.forecast.figure import draw

        for path in draw(args.figure, forecaster, forecasts):
            print(printable(f"wrote {path}"), file=sys.stderr)


def check_outputs(args) -> None:
    """Raise InputError for a file that cannot be written, before the minutes that a large log may take."""
    if args.csv:
        named(args.csv)
    if args.figure:
        from losslaws.style import kinds_of

        stem, kinds = kinds_of(args.figure)
        for kind in kinds:
            named(f"{stem}.{kind}")


def planned(args, curve: LossCurve) -> dict[str, Schedule]:
    """Return the schedules that the command asks for, by what a table calls them."""
    seen = curve.schedule
    steps = args.steps or args.until or seen.steps
    options = {name: getattr(args, name) for name in specs.all_options() if getattr(args, name) is not None}
    given = {"steps": steps, "peak": args.peak or seen.peak, "warmup": min(seen.warmup, steps), **options}
    plans = {specs.label(word, options): specs.parse(word, given) for word in args.schedule}
    if args.until:
        plans[f"as now until {args.until}"] = held(seen, args.until)
    if args.compare:
        from losslaws.forecast.predict import compared

        for name, chosen in compared():
            word = f"{name}:{','.join(f'{key}={value}' for key, value in chosen.items())}"
            plans.setdefault(specs.label(word, {}), specs.parse(word, {key: given[key] for key in specs.COMMON}))
    if not plans:
        raise InputError("predict: no schedule is asked for; give --schedule NAME, --until STEP or --compare")
    return plans


def held(seen: Schedule, until: int) -> Schedule:
    """Return the rates that were seen, then the last one up to step `until`. Raises InputError for a step before."""
    import numpy as np

    if until < seen.steps:
        raise InputError(f"--until {until}: lies before the last step of the log, {seen.steps}; give a later one")
    return Schedule(np.append(seen.lr, np.full(until - seen.steps, seen.lr[-1])), seen.warmup, "as now")
