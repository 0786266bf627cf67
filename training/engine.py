"""Local engine: runs the cells of a sweep in processes of their own, as many at a time as there are workers."""

import fcntl
import multiprocessing
import os
import sys
import time
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from curves import InputError
from curves.errors import exit_on_input_error
from curves.files import atomic, write_text
from training import checkpoint, config, corpus
from training.sweep import Cell, Sweep

ATTEMPTS = 3  # of a cell whose process dies; each goes on from the newest checkpoint
POLL = 0.5  # seconds between looks at the workers


def run(sweep: Sweep) -> None:
    """Train every cell of `sweep` that is not complete. A second launch waits for the first.

    Raises InputError, at the end, naming the cells that failed; all others are trained.
    """
    with one_launch(sweep):
        for data in {str(cell.settings["data"]): cell.settings for cell in sweep.cells.values()}.values():
            corpus.prepare(data["data"], data["corpora"])
        failed = Launch(sweep).run()
    if failed:
        raise InputError(
            f"sweep '{sweep.name}': {len(failed)} of {len(sweep.cells)} cells did not finish ({', '.join(sorted(failed))}); "
            f"`python -m training status {sweep.name}` shows why, and the same command tries them again"
        )


@contextmanager
def one_launch(sweep: Sweep):
    """Hold the sweep for this process; wait while another launch holds it."""
    runs = Path(next(iter(sweep.cells.values())).settings["runs"])
    runs.mkdir(parents=True, exist_ok=True)
    with open(runs / f".{sweep.name}.lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                f"sweep '{sweep.name}': another launch of it is running; waiting for that one",
                file=sys.stderr,
            )
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def train_cell(overrides: list[str], log: str) -> None:
    """What a worker process does: `python train.py` with these overrides, its output going to the file `log`."""
    from training.loop import train

    with open(log, "a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    exit_on_input_error(lambda: train(config.load(overrides)))


class Launch:
    """One launch of a sweep: which cells wait, run, are done or have failed."""

    def __init__(self, sweep: Sweep):
        self.sweep = sweep
        self.waiting = {name: cell for name, cell in sweep.cells.items() if cell.folder.complete is None}
        self.running: dict[str, BaseProcess] = {}
        self.attempts = dict.fromkeys(sweep.cells, 0)
        self.failed: set[str] = set()
        # Workers are forked from a process that has imported torch once and done nothing else.
        self.processes = multiprocessing.get_context("forkserver")
        self.processes.set_forkserver_preload(["training.loop"])

    def run(self) -> set[str]:
        """Run until nothing is left that can run; return the names of the cells that did not finish."""
        bar = tqdm(
            total=round(self.work(whole=True), 1),
            desc=f"sweep {self.sweep.name}",
            unit=" GFLOP",
            smoothing=0.02,
            mininterval=0.5 if sys.stderr.isatty() else 20,
        )
        bar.update(self.work(whole=False))
        try:
            while self.waiting or self.running:
                self.reap()
                self.start_ready()
                bar.set_postfix_str(f"{len(self.running)} running, {len(self.waiting)} waiting", refresh=False)
                bar.update(round(self.work(whole=False), 1) - bar.n)
                if not self.running and not any(map(self.ready, self.waiting.values())):
                    break
                time.sleep(POLL)
        finally:
            bar.close()
            for process in self.running.values():
                process.terminate()
        return self.failed | set(self.waiting)

    def work(self, whole: bool) -> float:
        """GFLOPs of the sweep: those asked for, or those done."""
        steps = {
            name: cell.trained_steps
            if whole or cell.folder.complete
            else max(cell.folder.recorded_steps() - cell.branch, 0)
            for name, cell in self.sweep.cells.items()
        }
        return sum(cell.flops_per_step * steps[name] for name, cell in self.sweep.cells.items()) / 1e9

    def ready(self, cell: Cell) -> bool:
        """A cell can start when it needs no parent, or its branch point is there, or its parent will not reach it."""
        if cell.parent is None or cell.folder.resume_step():
            return True
        parent = self.sweep.cells[cell.parent].folder
        return cell.branch in checkpoint.steps_in(parent.checkpoints) or parent.complete is not None

    def start_ready(self) -> None:
        """Start the costliest cells that can start while workers are free."""
        candidates = sorted(
            filter(self.ready, self.waiting.values()), key=lambda c: -c.flops_per_step * c.trained_steps
        )
        for cell in candidates[: self.sweep.workers - len(self.running)]:
            del self.waiting[cell.name]
            self.running[cell.name] = self.start(cell)

    def start(self, cell: Cell) -> BaseProcess:
        keep = ",".join(map(str, self.sweep.kept_steps(cell)))
        origin = cell.origin(self.sweep.cells)
        overrides = [*cell.overrides, f"checkpoint.keep=[{keep}]", *([f"init_from='{origin}'"] if origin else [])]
        folder = cell.folder.path
        folder.mkdir(parents=True, exist_ok=True)
        self.attempts[cell.name] += 1
        process = self.processes.Process(target=train_cell, args=(overrides, str(folder / "log.txt")), daemon=True)
        process.start()
        return process

    def reap(self) -> None:
        """Take note of the processes that have ended."""
        for name, process in list(self.running.items()):
            if process.is_alive():
                continue
            del self.running[name]
            cell = self.sweep.cells[name]
            if cell.folder.complete:
                continue
            lines = (cell.folder.path / "log.txt").read_text().strip().splitlines()
            reason = f"exit status {process.exitcode}: {lines[-1] if lines else 'no output'}"
            write_text(cell.folder.path / "error.txt", reason + "\n")
            if process.exitcode == 2 or self.attempts[name] == ATTEMPTS:  # 2: bad input, which no retry mends
                self.failed.add(name)
            else:
                self.waiting[name] = cell


def collect(sweep: Sweep, results: Path) -> None:
    """Write every finished cell's LossCurve to RESULTS/curves and a table of the runs to RESULTS/runs.csv."""
    rows = []
    for name, cell in sweep.cells.items():
        end = cell.folder.complete
        if end is None:
            raise InputError(
                f"sweep '{sweep.name}': cell '{name}' is not complete; run `python -m training run {sweep.name}` first"
            )
        if end["final_loss"] is not None:
            cell.folder.curve(name, cell.role).save(results / "curves")
        rows.append(
            {
                "cell": name,
                "role": cell.role,
                "model": cell.settings["model"]["name"],
                "non_embedding": cell.counts["non_embedding"],
                "schedule": cell.schedule.name,
                "peak_lr": cell.schedule.peak,
                "seed": cell.settings["seed"],
                "steps": cell.schedule.steps,
                "trained_steps": cell.trained_steps,
                "parent": cell.parent or "",
                "branch": cell.branch,
                "tokens_per_step": cell.tokens_per_step,
                "flops": cell.flops_per_step * cell.schedule.steps,
                "status": end["status"],
                "final_loss": end["final_loss"],
            }
        )
    with atomic(results / "runs.csv") as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)
