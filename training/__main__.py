"""python -m training plan | run | status | collect SWEEP [override ...], or corpus TEXT|SWEEP [override ...]"""

import argparse
import itertools
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from losslaws.curves.errors import InputError, exit_on_input_error
from losslaws.curves.files import named_folder
from training import status
from training.settings import ENGINES

if TYPE_CHECKING:  # it imports torch, which `status` can do without
    from training.sweep import Sweep

ROWS = 1000  # of a table; of a larger sweep the first are shown


def show_plan(sweep: "Sweep", results: Path) -> None:
    """Print what would run and what it costs, and draw the schedules with their branch points; of a large sweep, the first ROWS."""
    from training.plan_figure import draw

    rows = dict(itertools.islice(sweep.cells.items(), ROWS))
    wide = 2 + max(map(len, rows))
    print(
        f"{'cell':{wide}}{'model':12}{'N':>12}{'steps':>8}{'trained':>9}  {'branches off':30}{'tokens':>8}{'FLOPs':>10}{'MiB':>9}"
    )
    for name, cell in rows.items():
        source = f"{cell.parent} @ {cell.branch}" if cell.parent else "-"
        tokens = cell.schedule.steps * cell.tokens_per_step
        print(
            f"{name:{wide}}{cell.settings['model']['name']:12}{cell.counts['non_embedding']:>12,}{cell.schedule.steps:>8,}{cell.trained_steps:>9,}"
            f"  {source:30}{tokens / 1e6:>7.1f}M{cell.flops_per_step * cell.trained_steps:>10.2e}{cell.memory / 2**20:>9,.0f}"
        )
    if len(sweep.cells) > len(rows):
        print(f"... and {len(sweep.cells) - len(rows):,} more")
    total = sweep.totals()
    print(
        f"\n{len(sweep.cells)} cells; {total['steps_asked']:,} steps asked for, {total['steps_trained']:,} trained "
        f"({total['steps_trained'] / total['steps_asked']:.0%}); {total['flops']:.2e} FLOPs; about {total['seconds'] / 60:.0f} minutes "
        f"with {sweep.workers} workers at {sweep.flops_per_second:.1e} FLOP/s each"
    )
    print(f"schedules: {draw(sweep, results / 'plan.svg')}")


def show_status(name: str, extra: list[str]) -> None:
    """Print what has become of every cell; of a large sweep, of those that are neither complete nor waiting, at most ROWS."""
    runs, name, cells = status.planned(name, extra)
    found = status.states(runs, name, cells)
    rows = (
        list(found) if len(found) <= ROWS else [c for c in found if found[c][0] not in ("complete", "waiting")][:ROWS]
    )
    wide = 2 + max(map(len, rows), default=4)
    print(f"{'cell':{wide}}{'state':12}{'step':>8}{'of':>8}  note")
    for cell in rows:
        what, done, note = found[cell]
        print(f"{cell:{wide}}{what:12}{done:>8,}{cells[cell].steps:>8,}  {note}")
    if len(found) > ROWS:
        counts = Counter(what for what, *_ in found.values())
        print(f"{len(found):,} cells: " + ", ".join(f"{number:,} {what}" for what, number in counts.most_common()))


def run(sweep: "Sweep", results: Path, engine: str, chosen: list[str]) -> None:
    """Train what is missing on an engine and collect the curves."""
    from training import engines
    from training.results import listed

    listed(sweep, results)  # refuses the results of another sweep before anything is trained
    try:
        engines.run(sweep, engine, chosen)
    except InputError:
        if any(cell.folder.complete for cell in sweep.cells.values()):
            show_collected(sweep, results)
        raise
    show_collected(sweep, results)


def show_collected(sweep: "Sweep", results: Path) -> None:
    """Collect the curves of what is complete and say what is not."""
    from training.results import SHOWN, collect

    left = collect(sweep, results)
    print(f"{len(sweep.cells) - len(left)} of {len(sweep.cells)} cells complete; curves in {results}")
    for name, why in list(left.items())[:SHOWN]:
        print(f"left out: cell '{name}' {why}")
    if len(left) > SHOWN:
        print(f"left out: {len(left) - SHOWN} more")


def make_corpora(name: str, extra: list[str], workers: int | None) -> None:
    """Build the corpora of a file of conf/data, or of a sweep's cells, where they are not there yet."""
    from training import config, settings, texts

    if name in config.choices("data"):
        wanted = [config.plain(config.assemble([f"data={name}", *extra]))]
        settings.check(wanted[0])
    else:
        from training.sweep import load

        wanted = [cell.settings for cell in load(name, extra).cells.values()]
    for asked in {str((one["data"], one["eval"])): one for one in wanted}.values():
        begun = time.perf_counter()
        own, also = texts.prepare(asked, workers)
        for text in (own, *also.values()):
            files = len(list(text.fingerprint.get("shards", {}).get("train", [0])))
            print(
                f"{text.folder}: {text.train.size:,} + {text.val.size:,} tokens, {files} files for training, id {text.id}"
            )
        print(f"{time.perf_counter() - begun:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("verb", choices=["plan", "run", "status", "collect", "corpus"])
    parser.add_argument("sweep", help="a file of conf/sweep, by name or path; for corpus, of conf/data or conf/sweep")
    parser.add_argument(
        "overrides", nargs="*", help="config overrides for every cell, e.g. runs=/scratch/runs, and engine.KEY=VALUE"
    )
    parser.add_argument(
        "--results", type=Path, help="where curves and tables go (default: results/SWEEP, or what the sweep says)"
    )
    parser.add_argument(
        "--engine", choices=list(ENGINES), default="local", help="what runs the cells; its settings: conf/engine"
    )
    parser.add_argument("--workers", type=int, help="processes that build a large corpus (default: one for each core)")
    args = parser.parse_intermixed_args()  # overrides may stand behind options, too
    chosen = [entry.removeprefix("engine.") for entry in args.overrides if entry.startswith("engine.")]
    extra = [entry for entry in args.overrides if not entry.startswith("engine.")]
    if args.workers is not None and (args.verb != "corpus" or args.workers < 1):
        parser.error("--workers is a number of processes, for the verb corpus; for run, engine.workers=N")
    if args.verb == "corpus":
        make_corpora(args.sweep, extra, args.workers)
        return
    if args.verb == "status":
        show_status(args.sweep, extra)
        return
    from training.sweep import keep_plan, load

    sweep = load(args.sweep, extra)
    results = named_folder(args.results or sweep.results)
    if args.verb == "plan":
        show_plan(sweep, results)
    elif args.verb == "collect":
        show_collected(sweep, results)
    else:
        keep_plan(sweep, args.sweep, extra)
        run(sweep, results, args.engine, chosen)


if __name__ == "__main__":
    exit_on_input_error(main)
