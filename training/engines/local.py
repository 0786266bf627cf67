"""Local engine: every cell in a process of its own, as many at a time as there are workers.

A cell stays with its process to its end; others start as soon as the checkpoint that they branch from is there.
"""

import multiprocessing
import os
import sys
import time
from multiprocessing.process import BaseProcess

import torch

from losslaws.curves import InputError
from training import checkpoint
from training.engines import progress
from training.engines.work import Mishap, note, perform
from training.sweep import Cell, Segment, Sweep

POLL = 0.5  # seconds between looks at the workers


def launch(sweep: Sweep, options: dict) -> None:
    """Run until nothing is left that can run."""
    Launch(sweep, options).run()


def work(segment: Segment, gpu: str | None) -> None:
    """What a worker process does. Exit status 2: bad input, which no retry mends; 1: anything else that Python noticed."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    try:
        perform(segment)
    except InputError:
        sys.exit(2)
    except Mishap:
        sys.exit(1)


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return chosen.split(",") if chosen else [str(number) for number in range(torch.cuda.device_count())]


class Launch:
    """One launch of a sweep: which cells wait and run, and which places of the machine are free."""

    def __init__(self, sweep: Sweep, options: dict):
        self.sweep, self.attempts_allowed = sweep, options["attempts"]
        self.places = list(range(options["workers"] or sweep.workers))
        self.gpus = gpus()
        self.waiting = {name: cell for name, cell in sweep.cells.items() if cell.folder.complete is None}
        self.running: dict[str, tuple[BaseProcess, int]] = {}
        self.attempts = dict.fromkeys(sweep.cells, 0)
        # Workers are forked from a process that has imported torch once and done nothing else.
        self.processes = multiprocessing.get_context("forkserver")
        self.processes.set_forkserver_preload(["training.engines.work"])

    def run(self) -> None:
        with progress(self.sweep) as update:
            try:
                while self.waiting or self.running:
                    self.reap()
                    self.start_ready()
                    update(f"{len(self.running)} running, {len(self.waiting)} waiting")
                    if not self.running and not any(map(self.ready, self.waiting.values())):
                        break
                    time.sleep(POLL)
            finally:
                for process, _ in self.running.values():
                    process.terminate()

    def ready(self, cell: Cell) -> bool:
        """A cell can start when it needs no parent, or its branch point is there, or its parent will not reach it."""
        if cell.parent is None or cell.folder.resume_step():
            return True
        parent = self.sweep.cells[cell.parent].folder
        return cell.branch in checkpoint.steps_in(parent.checkpoints) or parent.complete is not None

    def start_ready(self) -> None:
        """Start the costliest cells that can start while places are free."""
        if not self.places:
            return
        candidates = sorted(
            filter(self.ready, self.waiting.values()), key=lambda c: -c.flops_per_step * c.trained_steps
        )
        for cell in candidates[: len(self.places)]:
            del self.waiting[cell.name]
            place = self.places.pop(0)
            self.running[cell.name] = self.start(cell, place), place

    def start(self, cell: Cell, place: int) -> BaseProcess:
        gpu = self.gpus[place % len(self.gpus)] if self.gpus else None
        self.attempts[cell.name] += 1
        segment = self.sweep.segment(cell, cell.schedule.steps)
        process = self.processes.Process(target=work, args=(segment, gpu), daemon=True)
        process.start()
        return process

    def reap(self) -> None:
        """Take note of the processes that have ended."""
        for name, (process, place) in list(self.running.items()):
            if process.is_alive():
                continue
            del self.running[name]
            self.places.append(place)
            cell = self.sweep.cells[name]
            if cell.folder.complete:
                continue
            if process.exitcode < 0:
                note(self.sweep.segment(cell, cell.schedule.steps), f"killed by signal {-process.exitcode}")
            if process.exitcode != 2 and self.attempts[name] < self.attempts_allowed:
                self.waiting[name] = cell
