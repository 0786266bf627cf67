"""Engines: where the segments of a sweep run. One file each with `launch(sweep, options)`; its options are conf/engine/.

    local   processes of this machine
    ray     tasks of a Ray cluster
    slurm   job arrays of a SLURM cluster

What they share is here (a launch) and in `work` (what a worker does). An engine keeps no state: what is done is read from
the run folders, so that a launch may be stopped at any moment and given again, on another engine too.
"""

import itertools
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from tqdm import tqdm
from yaml import YAMLError

from losslaws.curves import InputError
from losslaws.curves.errors import nearest
from training import checkpoint, config, locks, texts
from training.cells import Cell
from training.events import Events
from training.settings import ENGINES, check
from training.sweep import Sweep

NAMES = ("local", "ray", "slurm")
LOOKS = 2000  # run folders that are read at a time for it
READ = 5  # seconds between readings of all records for the bar: at every look they took a fifth of a core


def run(sweep: Sweep, engine: str = "local", chosen: list[str] | None = None) -> None:
    """Train every cell of `sweep` that is not complete. A second launch waits for the first.

    engine  one of NAMES
    chosen  KEY=VALUE settings of the engine

    Raises InputError for an unknown setting and an engine that is not installed and, at the end, naming the cells that
    failed; all others are trained. SIGTERM ends the launch in good order, with status 143.
    """
    settings = options(engine, chosen or [])
    try:
        launch = import_module(f"training.engines.{engine}").launch
    except ImportError as error:
        raise InputError(f"--engine {engine}: the package '{error.name}' is not installed; run `make extras`") from None
    with ended_in_order(sweep), one_launch(sweep):
        for cell in {
            str((cell.settings["data"], cell.settings["eval"])): cell for cell in sweep.cells.values()
        }.values():
            texts.prepare(cell.settings)
        launch(sweep, settings)
    failed = sorted(name for name, cell in sweep.cells.items() if cell.folder.complete is None)
    if failed:
        raise InputError(
            f"sweep '{sweep.name}': {len(failed)} of {len(sweep.cells)} cells did not finish ({', '.join(failed)}); "
            f"`python -m training status {sweep.name}` shows why, and the same command tries them again"
        )


def options(engine: str, chosen: list[str]) -> dict:
    """The settings of an engine: its file in conf/engine with `chosen` KEY=VALUE entries put in. Raises InputError."""
    if engine not in NAMES:
        raise InputError(f"--engine {engine!a} is unknown{nearest(engine, NAMES)} (known: {', '.join(NAMES)})")
    base = OmegaConf.load(config.CONF / "engine" / f"{engine}.yaml")
    for entry in chosen:
        key = entry.partition("=")[0]
        if key not in base:
            raise InputError(f"engine.{key}: the engine '{engine}' has no such setting{nearest(key, base)}")
    try:
        merged = OmegaConf.to_container(OmegaConf.merge(base, OmegaConf.from_dotlist(chosen)))
    except (OmegaConfBaseException, YAMLError) as error:
        raise InputError(f"engine: {str(error).splitlines()[0]}") from None
    check(merged, ENGINES[engine], f"engine '{engine}'")
    return merged


@contextmanager
def ended_in_order(sweep: Sweep):
    """A block that SIGTERM leaves as an exception does, so that what it has started is ended; a second one ends at once."""
    if threading.current_thread() is not threading.main_thread():  # where Python takes no signals
        yield
        return

    def leave(number, frame):
        signal.signal(number, before)
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except SystemExit as end:
        # Ray puts a handler of its own in the place of this one; its status is the signal's number.
        if end.code not in (signal.SIGTERM, 128 + signal.SIGTERM):
            raise
        print(f"sweep '{sweep.name}': ended by SIGTERM; the same command goes on", file=sys.stderr)
        raise SystemExit(128 + signal.SIGTERM) from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def one_launch(sweep: Sweep):
    """Hold the sweep for this process; wait while another launch holds it."""
    sweep.runs.mkdir(parents=True, exist_ok=True)
    lock = sweep.runs / f".{sweep.name}.lock"
    if locks.is_held(lock):
        print(f"sweep '{sweep.name}': another launch of it is running; waiting for that one", file=sys.stderr)
    with locks.held(lock, wait=True):
        yield


class Done:
    """What is done of a sweep, read from the run folders of cells that had not ended; those that have are added to the log of events.

    At most LOOKS folders are read at a time, the others next time: a folder on a shared file system costs a millisecond.
    """

    def __init__(self, sweep: Sweep):
        self.sweep, self.log = sweep, Events(sweep.runs, sweep.name)
        self.open = dict(sweep.cells)
        self.flops = dict.fromkeys(sweep.cells, 0.0)
        ends = self.log.ends()
        # The log is believed only where the folder agrees: a run that was deleted is trained again.
        gone = [
            cell.folder.path.name
            for cell in sweep.cells.values()
            if cell.folder.path.name in ends and not cell.folder.ended
        ]
        self.log.append({"run": run, "status": "gone"} for run in gone)
        self.known = ends.keys() - set(gone)
        self.look(len(self.open))

    def look(self, number: int) -> None:
        """Read `number` of the cells that have not ended."""
        ended, parents = [], set()
        for name in list(itertools.islice(self.open, number)):
            cell = self.open.pop(name)
            end = cell.folder.complete
            if end is None:
                self.open[name] = cell  # behind the others
            else:
                parents |= {name, cell.parent} - {None}
                if cell.folder.path.name not in self.known:
                    about = {key: end[key] for key in ("status", "steps", "final_loss")}
                    ended.append({"run": cell.folder.path.name} | about)
            steps = cell.trained_steps if end else max(cell.folder.recorded_steps() - cell.branch, 0)
            self.flops[name] = cell.flops_per_step * steps
        self.log.append(ended)
        for name in parents:
            self.release(self.sweep.cells[name])

    def release(self, cell: Cell) -> None:
        """Remove the checkpoints from which only cells that have ended branch off `cell`.

        Those stay that the config names and those from which `cell` itself may have to go on.
        """
        wanted = set(cell.settings["checkpoint"]["keep"])
        if cell.settings["checkpoint"].get("final", True):
            wanted.add(cell.schedule.steps)
        if cell.name in self.open:
            wanted |= {*checkpoint.steps_in(cell.folder.checkpoints)[-2:]}
        for step, children in self.sweep.children(cell).items():
            if step not in wanted and not any(child.name in self.open for child in children):
                checkpoint.path_of(cell.folder.checkpoints, step).unlink(missing_ok=True)

    @property
    def gflops(self) -> float:
        return sum(self.flops.values()) / 1e9


@contextmanager
def progress(sweep: Sweep) -> Iterator[Callable[[str], None]]:
    """A bar of the sweep's FLOPs, read from the run folders; yields a function that brings it up to date with a note."""
    done, read = Done(sweep), time.monotonic()
    bar = tqdm(
        total=round(sweep.totals()["flops"] / 1e9, 1),
        initial=round(done.gflops, 1),
        desc=f"sweep {sweep.name}",
        unit=" GFLOP",
        smoothing=0.02,
        mininterval=0.5 if sys.stderr.isatty() else 20,
    )

    def update(note: str) -> None:
        nonlocal read
        bar.set_postfix_str(note, refresh=False)
        if time.monotonic() - read >= READ:
            done.look(LOOKS)
            bar.update(round(done.gflops, 1) - bar.n)
            read = time.monotonic()

    try:
        yield update
    finally:
        done.look(len(done.open))
        bar.update(round(done.gflops, 1) - bar.n)
        bar.close()
