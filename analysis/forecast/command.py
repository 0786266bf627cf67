"""`python -m analysis predict LOG [LOG ...]`: what would other schedules give?"""

import argparse
from dataclasses import replace
from pathlib import Path

from analysis.forecast import specs
from curves import InputError, LossCurve, Schedule, logs

RESULTS = Path(__file__).parents[2] / "results" / "forecast"


def add_verbs(verbs) -> None:
    """Add the verbs of forecasting to the parsers `verbs`."""
    verb = verbs.add_parser("predict", help=predict.__doc__, description=predict.__doc__)
    add_log_arguments(verb)
    verb.add_argument(
        "--schedule", nargs="+", default=[], metavar="NAME", help="e.g. wsd, or wsd:decay=0.2,shape=1-sqrt"
    )
    verb.add_argument("--steps", type=int, help="length of the runs to forecast (default: the log's)")
    verb.add_argument("--until", type=int, metavar="STEP", help="the run goes on at its last rate until STEP")
    verb.add_argument(
        "--compare", action="store_true", help="add the usual schedules, and sort all by their final loss"
    )
    verb.add_argument("--peak", type=float, help="peak rate (default: the log's)")
    for option in specs.all_options():
        verb.add_argument(f"--{option}", type=specs.value_of, help="option of the schedules that have it")
    verb.add_argument("--json", action="store_true", help="write everything to standard output as JSON")
    verb.add_argument("--csv", type=Path, metavar="FILE", help="write the forecast curves as a table")
    verb.add_argument("--figure", type=Path, metavar="FILE", help="draw them, as FILE.svg and FILE.pdf")
    verb.set_defaults(run=predict)
    for function in (calibrate, forecast_benchmark):
        name = function.__name__.replace("_", "-")
        verbs.add_parser(name, help=function.__doc__, description=function.__doc__).set_defaults(run=function)


def add_log_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what is asked about logs."""
    verb.add_argument(
        "log",
        nargs="+",
        metavar="LOG",
        help="csv, jsonl, parquet, trainer_state.json, event file, .wandb, text, run folder",
    )
    verb.add_argument(
        "--columns", nargs="+", default=[], metavar="ROLE=COLUMN", help="which column is step, lr, val_loss, train_loss"
    )
    verb.add_argument(
        "--ran",
        metavar="NAME",
        help="schedule that the log ran, if it has no rates: cosine:steps=20000,peak=3e-4,warmup=500",
    )
    verb.add_argument("--warmup", type=int, help="steps of the log's warm-up (default: seen in its rates)")
    verb.add_argument("--batch", type=int, metavar="TOKENS", help="tokens per step, which narrows the interval")


def read_logs(args) -> list[LossCurve]:
    """Return the curves of the logs that the command names."""
    columns = {}
    for pair in args.columns:
        role, sign, column = pair.partition("=")
        if not sign:
            raise InputError(f"--columns {pair}: write ROLE=COLUMN, e.g. lr=rate")
        columns[role] = column
    applied = specs.parse(args.ran, {"warmup": args.warmup or 0}) if args.ran else None
    curves = [logs.read(path, columns=columns, schedule=applied, warmup=args.warmup) for path in args.log]
    return [replace(curve, tokens_per_step=args.batch or curve.tokens_per_step) for curve in curves]


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
        from analysis.forecast.predict import compared

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


def predict(args) -> None:
    """forecast a run of your own under other schedules, from its log"""
    from analysis.forecast import output
    from analysis.forecast.predict import Forecaster

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
        from analysis.forecast.figure import draw

        draw(args.figure, forecaster, forecasts)


def calibrate(args) -> None:
    """rebuild the priors and interval widths of forecasts from the public curves"""
    from analysis.forecast import calibrate

    for path in calibrate.write(calibrate.errors()):
        print(path)


def forecast_benchmark(args) -> None:
    """rebuild results/forecast: the public 124M grid forecast from little, beside baselines"""
    from analysis.forecast import benchmark, calibrate

    table = benchmark.benchmark(calibrate.errors())
    print(benchmark.summary(table).to_string(index=False, float_format="%.3g"))
    for path in benchmark.write(table, RESULTS):
        print(path)
