"""write a page that forecasts in a browser: of your log, or one into which logs are dropped"""

from pathlib import Path

from losslaws.curves import schedules
from losslaws.curves.files import named
from losslaws.curves.schedule import LONGEST
from losslaws.verbs import positive, whole
from losslaws.verbs._logs import add_logs, read_logs


def arguments(parser) -> None:
    add_logs(parser, least="*")
    parser.add_argument("--parameters", type=whole(1), metavar="N", help="of the model, without embeddings")
    parser.add_argument("--optimizer", metavar="NAME", help="adamw, muon, ..., unknown, as for `predict`")
    parser.add_argument(
        "--schedule", nargs="+", default=[], metavar="NAME", help="that the page begins with, as for `predict`"
    ).words = schedules.names()
    parser.add_argument("--steps", type=whole(1, LONGEST), help="length of the runs to forecast (default: the log's)")
    parser.add_argument("--peak", type=positive, help="peak rate (default: the log's)")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("forecast.html"), metavar="FILE", help="default: forecast.html"
    )


def run(args) -> None:
    from losslaws.browser import page
    from losslaws.forecast import plans
    from losslaws.forecast.predict import Forecaster

    named(args.out)
    groups = []
    if args.log:
        curves = plans.sized(read_logs(args), args.parameters)
        optimiser = args.optimizer and args.optimizer.lower()
        forecaster = Forecaster(curves, optimiser)
        for line in forecaster.warnings:
            print(f"warning: {line}")
        seen = plans.longest(curves).schedule
        steps, peak = args.steps or seen.steps, args.peak or seen.peak
        if args.schedule:
            plans.planned(seen, args.schedule, steps, peak=peak)  # refuses what cannot be built
        common = {"steps": steps, "peak": peak, "warmup": min(seen.warmup, steps)}
        groups.append(page.group(curves, args.schedule, common, optimiser))
    title = f"Forecast of {groups[0]['name']}" if groups else "Forecast of a training run"
    page.write(args.out, groups, title)
    print(f"wrote {args.out}; open it in a browser")
