"""python -m training plan | run | status | collect SWEEP [override ...]"""

import argparse
from pathlib import Path

from losslaws.curves.errors import InputError, exit_on_input_error
from training import engines
from training.sweep import Sweep, load, state

SHOWN = 10  # cells that are left out, by name


def name_width(sweep: Sweep) -> int:
    """The width of the column that holds the names of the cells."""
    return 2 + max(len(name) for name in sweep.cells)


def show_plan(sweep: Sweep, results: Path) -> None:
    """Print what would run and what it costs, and draw the schedules with their branch points."""
    from training.plan_figure import draw

    wide = name_width(sweep)
    print(
        f"{'cell':{wide}}{'model':12}{'N':>12}{'steps':>8}{'trained':>9}  {'branches off':30}{'tokens':>8}{'FLOPs':>10}{'MiB':>9}"
    )
    for name, cell in sweep.cells.items():
        source = f"{cell.parent} @ {cell.branch}" if cell.parent else "-"
        tokens = cell.schedule.steps * cell.tokens_per_step
        print(
            f"{name:{wide}}{cell.settings['model']['name']:12}{cell.counts['non_embedding']:>12,}{cell.schedule.steps:>8,}{cell.trained_steps:>9,}"
            f"  {source:30}{tokens / 1e6:>7.1f}M{cell.flops_per_step * cell.trained_steps:>10.2e}{cell.memory / 2**20:>9,.0f}"
        )
    total = sweep.totals()
    print(
        f"\n{len(sweep.cells)} cells; {total['steps_asked']:,} steps asked for, {total['steps_trained']:,} trained "
        f"({total['steps_trained'] / total['steps_asked']:.0%}); {total['flops']:.2e} FLOPs; about {total['seconds'] / 60:.0f} minutes "
        f"with {sweep.workers} workers at {sweep.flops_per_second:.1e} FLOP/s each"
    )
    print(f"schedules: {draw(sweep, results / 'plan.svg')}")


def show_status(sweep: Sweep) -> None:
    """Print what has become of every cell."""
    wide = name_width(sweep)
    print(f"{'cell':{wide}}{'state':12}{'step':>8}{'of':>8}  note")
    for name, cell in sweep.cells.items():
        what, done, note = state(cell)
        print(f"{name:{wide}}{what:12}{done:>8,}{cell.schedule.steps:>8,}  {note}")


def run(sweep: Sweep, results: Path, engine: str, chosen: list[str]) -> None:
    """Train what is missing on an engine and collect the curves."""
    from training.results import listed

    listed(sweep, results)  # refuses the results of another sweep before anything is trained
    try:
        engines.run(sweep, engine, chosen)
    except InputError:
        if any(cell.folder.complete for cell in sweep.cells.values()):
            show_collected(sweep, results)
        raise
    show_collected(sweep, results)


def show_collected(sweep: Sweep, results: Path) -> None:
    """Collect the curves of what is complete and say what is not."""
    from training.results import collect

    left = collect(sweep, results)
    print(f"{len(sweep.cells) - len(left)} of {len(sweep.cells)} cells complete; curves in {results / 'curves'}")
    for name, why in list(left.items())[:SHOWN]:
        print(f"left out: cell '{name}' {why}")
    if len(left) > SHOWN:
        print(f"left out: {len(left) - SHOWN} more")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("verb", choices=["plan", "run", "status", "collect"])
    parser.add_argument("sweep", help="a file of conf/sweep, by name or path")
    parser.add_argument(
        "overrides", nargs="*", help="config overrides for every cell, e.g. runs=/scratch/runs, and engine.KEY=VALUE"
    )
    parser.add_argument(
        "--results", type=Path, help="where curves and tables go (default: results/SWEEP, or what the sweep says)"
    )
    parser.add_argument(
        "--engine", choices=engines.NAMES, default="local", help="what runs the cells; its settings: conf/engine"
    )
    args = parser.parse_intermixed_args()  # overrides may stand behind options, too
    chosen = [entry.removeprefix("engine.") for entry in args.overrides if entry.startswith("engine.")]
    sweep = load(args.sweep, [entry for entry in args.overrides if not entry.startswith("engine.")])
    results = args.results or sweep.results
    if args.verb == "plan":
        show_plan(sweep, results)
    elif args.verb == "status":
        show_status(sweep)
    elif args.verb == "collect":
        show_collected(sweep, results)
    else:
        run(sweep, results, args.engine, chosen)


if __name__ == "__main__":
    exit_on_input_error(main)
