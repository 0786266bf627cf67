"""follow a growing log: where the run is heading under its plan, and whether its losses are where they should be"""

import json
import sys
import time
from pathlib import Path

from losslaws.curves import InputError
from losslaws.curves.errors import printable
from losslaws.forecast import specs
from losslaws.verbs import positive
from losslaws.verbs._logs import add_logs, look_at_logs
from losslaws.verbs._plans import add_model, add_plans, options_of

FAILED = 3  # exit status where something is off that --fail-on names
KINDS = ("above", "below", "rate", "nan")  # as look.OFF, which a list of verbs is too short for
AHEAD = 2  # times as long as it is, up to which a run without a plan is forecast at its last rate


def arguments(parser) -> None:
    add_logs(parser)
    add_model(parser)
    add_plans(parser)
    parser.add_argument("--once", action="store_true", help="look once and end")
    parser.add_argument(
        "--every", type=positive, default=30.0, metavar="SECONDS", help="between two looks (default: 30)"
    )
    parser.add_argument(
        "--fail-on",
        nargs="+",
        default=[],
        choices=[*KINDS, "any"],
        metavar="KIND",
        help=f"end with status {FAILED} once one of these is seen: {', '.join(KINDS)}, any",
    )
    parser.add_argument("--json", action="store_true", help="write a JSON object a look to standard output")
    parser.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="draw it at every look, as .png, .svg or .pdf; else as .svg and .pdf",
    )


def run(args) -> None:
    from losslaws.forecast.look import Looker

    if len(args.log) > 1:
        raise InputError(f"watch: follows one log, {len(args.log)} are given; start it once for each")
    unended = [word for word in args.schedule if "steps=" not in word and not word.startswith("file")]
    if unended and not (args.steps or args.until):
        raise InputError(f"watch: --schedule {unended[0]} needs the length of the run; give --steps")
    check_figure(args)
    looker = Looker(
        plans_of(args), bool(args.schedule or args.until), args.parameters, args.optimizer and args.optimizer.lower()
    )
    known, waited, begun = None, "", False
    while True:
        found, state = None, state_of(args.log[0])
        if state is None or state != known:
            known = state
            try:
                (reading,) = look_at_logs(args)
                reading.whole()
            except InputError as error:
                if args.once or (not begun and state is None):
                    raise
                if str(error) != waited:
                    print(printable(f"waiting: {error}"), file=sys.stderr, flush=True)
                waited = str(error)
            else:
                found = looker.look(reading)
        if found is not None:
            say(args, found)
            if set(found.off) & set(KINDS if "any" in args.fail_on else args.fail_on):
                sys.exit(FAILED)
        if args.once or (found is not None and found.over):
            return
        begun = True
        time.sleep(args.every)


def plans_of(args):
    """Return what makes the schedules that are asked for from the rates so far: without any, that of --ran, or the run goes on at its last rate."""
    from losslaws.forecast import plans

    if args.ran and not args.schedule:
        applied = specs.parse(args.ran, {"warmup": args.warmup or 0})
        return lambda seen: {specs.label(args.ran, {}): applied}

    def planned(seen):
        until = args.until if args.until or args.schedule else AHEAD * seen.steps
        return plans.planned(seen, args.schedule, args.steps, until, args.peak, False, options_of(args))

    return planned


def say(args, look) -> None:
    """Print one look, and draw it where that is asked."""
    print(json.dumps(look.as_dict()) if args.json else look, flush=True)
    if args.figure:
        from losslaws.forecast.watch_figure import draw

        draw(args.figure, look)


def check_figure(args) -> None:
    """Raise InputError for a figure that cannot be written, or that is the log."""
    if args.figure:
        from losslaws.curves.files import named
        from losslaws.style import kinds_of

        stem, kinds = kinds_of(args.figure)
        for path in (named(Path(f"{stem}.{kind}")) for kind in kinds):
            if path.exists() and Path(args.log[0]).exists() and path.samefile(args.log[0]):
                raise InputError(f"{path}: is the log itself; name another file")


def state_of(log: str) -> tuple | None:
    """Return what changes when something is logged: names, sizes and times of the files; None where there are none to look at."""
    path = Path(log)
    if not path.exists():
        return None
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]
    found = []
    for file in files:
        try:
            about = file.stat()
        except OSError:
            continue  # gone meanwhile
        found.append((str(file), about.st_size, about.st_mtime_ns))
    return tuple(found)
