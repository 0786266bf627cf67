"""plan how a run goes on to a longer horizon, also after a finished decay: rates from where it stands, and what they should reach"""

import re
import shlex
from pathlib import Path

from losslaws.curves.files import named
from losslaws.curves.schedule import LONGEST
from losslaws.verbs import positive, whole
from losslaws.verbs._logs import add_logs, read_logs
from losslaws.verbs._plans import add_model, add_schedule, options_of


def arguments(parser) -> None:
    add_logs(parser)
    add_model(parser)
    parser.add_argument("--steps", type=whole(1, LONGEST), required=True, help="last step of the run that goes on")
    add_schedule(parser)
    parser.add_argument("--peak", type=positive, help="rate to which the run rises again (default: the log's peak)")
    parser.add_argument(
        "--rise", type=whole(0, LONGEST), metavar="STEPS", help="steps of the rise (default: as the log's warm-up)"
    )
    parser.add_argument("--json", action="store_true", help="write everything to standard output as JSON")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the rates of the best, for schedule=file")


def run(args) -> None:
    from losslaws.forecast import output, plans, resume
    from losslaws.forecast.predict import Forecaster

    if args.out:
        named(args.out)
    curves = plans.sized(read_logs(args), args.parameters)
    seen = plans.longest(curves).schedule
    asked = resume.candidates(seen, args.steps)
    if args.schedule or args.peak or args.rise is not None or options_of(args):
        word = args.schedule or "wsd"
        chosen = resume.resumed(seen, args.steps, word, args.peak, args.rise, options_of(args))
        asked = {plans.name_of(word, options_of(args), ()): chosen}
    forecaster = Forecaster(curves, args.optimizer and args.optimizer.lower())
    forecasts = plans.forecasts(forecaster, asked, ranked=True)
    print((output.as_json if args.json else output.as_text)(forecaster, forecasts))
    if args.out:
        best, path = next(iter(forecasts)), str(args.out)
        said = path if re.fullmatch(r"[\w./+-]+", path) else shlex.quote(f"'{path}'")  # by shell and config alike
        resume.save(asked[best], args.out)
        if not args.json:
            print(f"{path}: {best}; train it with schedule=file schedule.path={said} steps={args.steps}")
