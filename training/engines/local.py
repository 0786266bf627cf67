"""Local engine: processes of this machine, each of which trains one cell after another.

A cell stays with its process to its end; others start as soon as the checkpoint that they branch from is there. A process
that has ended a cell goes on with those of the same shape, on the model and the compiled code that it has (`training.machine`),
and first with those that only lack a last step.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

import torch
from tqdm import tqdm

from losslaws.curves import InputError
from training import checkpoint, compiled, machine
from training.engines import progress
from training.engines.stalls import Stalls
from training.engines.work import GRACE, STALLED, Mishap, note, perform
from training.sweep import Cell, Segment, Sweep

POLL = 0.5  # seconds between looks at the run folders
# What a process takes of a GPU over what its cell is planned to take
MARGIN, CONTEXT = 1.25, 0.7 * 2**30


def launch(sweep: Sweep, options: dict) -> None:
    """Run until nothing is left that can run."""
    Launch(sweep, options).run()


def serve(orders: Connection, gpu: str | None) -> None:
    """What a worker process does: train the segments that arrive, and answer when each has ended.

    Exit status 1: a mishap, which a new process may get over.
    """
    threading.Thread(target=end_with_launcher, daemon=True).start()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    while True:
        try:
            segment = orders.recv()
        except EOFError:  # the launcher has ended, one way or the other
            return
        try:
            perform(segment)
            orders.send("done")
        except InputError:
            orders.send("refused")
        except Mishap:
            sys.exit(1)


def end_with_launcher() -> None:
    """Wait until the launcher is gone, even by kill -9, and have this process save and end, or be killed where it does not.

    What is waited for is the end of a pipe, which tells it too of a launcher that was gone before. The kernel's own signal
    (PR_SET_PDEATHSIG) would tell of the fork server, the parent of this process, which lives as long as its children.
    """
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return chosen.split(",") if chosen else [str(number) for number in range(torch.cuda.device_count())]


def free_memory(gpu: str) -> float:
    """Bytes of a GPU that nobody has taken; asked of the driver, since asking through torch would take some."""
    query = ["nvidia-smi", f"--id={gpu}", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    return float(done.stdout) * 2**20 if done.returncode == 0 else float("inf")


@dataclass
class Worker:
    """A process of the launch.

    gpu    which one it uses, if any
    cell   what it trains now; None: it waits
    last   what it trains or has trained last, those aside that lacked only a last step of it
    """

    process: BaseProcess
    orders: Connection
    gpu: str | None
    cell: Cell | None = None
    last: Cell | None = None


@dataclass
class Launch:
    """One launch of a sweep: which cells wait, which workers there are and what they do."""

    sweep: Sweep
    options: dict
    workers: list[Worker] = field(default_factory=list)

    def __post_init__(self):
        cells = self.sweep.cells.values()
        on_gpu = any(cell.settings["hardware"]["device"] == "cuda" for cell in cells)
        self.gpus = gpus() if on_gpu else []
        self.stalls = Stalls(self.options["stalled_min"], lambda name: self.sweep.cells[name].folder.recorded_steps())
        self.places = self.options["workers"] or len(self.gpus) or self.sweep.workers
        self.memory = {gpu: free_memory(gpu) for gpu in self.gpus}
        self.waiting = {name: cell for name, cell in self.sweep.cells.items() if cell.folder.complete is None}
        self.attempts = dict.fromkeys(self.sweep.cells, 0)
        self.shapes = {name: machine.shape(cell.settings) for name, cell in self.sweep.cells.items()}
        self.flops = dict.fromkeys(self.shapes.values(), 0.0)
        for cell in cells:
            self.flops[self.shapes[cell.name]] += cell.flops_per_step * cell.trained_steps
        # Workers are forked from a process that has imported torch once and done nothing else.
        self.processes = multiprocessing.get_context("forkserver")
        self.processes.set_forkserver_preload(["training.engines.work"])

    @property
    def running(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.cell]

    def run(self) -> None:
        with progress(self.sweep) as update:
            try:
                while self.waiting or self.running:
                    self.start_ready()
                    update(f"{len(self.running)} running, {len(self.waiting)} waiting")
                    if not self.running and not any(map(self.ready, self.waiting.values())):
                        break
                    wait([end for worker in self.running for end in (worker.orders, worker.process.sentinel)], POLL)
                    self.end_stalled()
                    self.reap()
            finally:
                self.end_workers()

    def end_workers(self) -> None:
        """Have all processes save and end; the sweep is this launch's until they have."""
        for worker in self.workers:
            worker.process.terminate()
        until = time.monotonic() + GRACE
        for worker in self.workers:
            worker.process.join(max(until - time.monotonic(), 0))
            worker.process.kill()

    def ready(self, cell: Cell) -> bool:
        """A cell can start when it needs no parent, or its branch point is there, or its parent will not reach it."""
        if cell.parent is None or cell.folder.resume_step():
            return True
        parent = self.sweep.cells[cell.parent].folder
        return cell.branch in checkpoint.steps_in(parent.checkpoints) or parent.complete is not None

    def start_ready(self) -> None:
        """Give work to the workers that wait, and to new ones while places are free."""
        for worker in [worker for worker in self.workers if worker.cell is None]:
            if (cell := self.choose(worker, worker.gpu)) is not None:
                self.give(worker, cell)
            elif worker.gpu:  # it holds memory that others can use
                self.dismiss(worker)
        while len(self.workers) < self.places:
            gpu = min(self.gpus, key=lambda gpu: sum(worker.gpu == gpu for worker in self.workers), default=None)
            if (cell := self.choose(None, gpu)) is None:
                break
            self.give(self.hire(gpu), cell)

    def choose(self, worker: Worker | None, gpu: str | None) -> Cell | None:
        """What a worker (None: a new one) should train next.

        First what lacks only a last step of what it has just trained; then the costliest cell, those last whose shape
        other workers are at and this one is not.
        """
        last = worker.last if worker else None
        others = [one for one in self.workers if one is not worker]
        kept = {one.last.name for one in others if one.last}  # what lacks their last step is theirs
        shapes = {self.shapes[one.last.name] for one in others if one.last} - {last and self.shapes[last.name]}

        def rank(cell):
            return rides(cell, last), self.shapes[cell.name] not in shapes, cell.flops_per_step * cell.trained_steps

        able = [
            cell
            for cell in self.waiting.values()
            if not (cell.trained_steps == 1 and cell.parent in kept)
            and self.fits(cell, gpu, others)
            and self.ready(cell)
        ]
        return max(able, key=rank, default=None)

    def fits(self, cell: Cell, gpu: str | None, others: list[Worker]) -> bool:
        """Whether the memory of a GPU suffices for a cell beside those of other workers; alone, it may try."""
        taken = [planned(one.last) for one in others if gpu is not None and one.gpu == gpu]
        return not taken or sum(taken) + planned(cell) <= self.memory[gpu]

    def hire(self, gpu: str | None) -> Worker:
        """Start a process."""
        ours, theirs = self.processes.Pipe()
        process = self.processes.Process(target=serve, args=(theirs, gpu), daemon=True)
        process.start()
        theirs.close()
        self.workers.append(Worker(process, ours, gpu))
        return self.workers[-1]

    def dismiss(self, worker: Worker) -> None:
        """End a process that waits."""
        self.workers.remove(worker)
        worker.orders.close()

    def give(self, worker: Worker, cell: Cell) -> None:
        """Let a worker train a cell."""
        del self.waiting[cell.name]
        self.attempts[cell.name] += 1
        worker.cell = cell
        if not rides(cell, worker.last):
            worker.last = cell
        with suppress(OSError):  # it has just died, which `reap` finds
            worker.orders.send(self.segment(cell))

    def segment(self, cell: Cell) -> Segment:
        """What a worker is told: the whole rest of the cell. Whether it pays to compile is a matter of all its shape's cells."""
        segment, where = self.sweep.segment(cell, cell.schedule.steps), cell.settings["hardware"]
        compiles = compiled.wanted(where["compile"], where["device"], self.flops[self.shapes[cell.name]])
        return replace(segment, overrides=(*segment.overrides, f"hardware.compile={str(compiles).lower()}"))

    def end_stalled(self) -> None:
        """Kill the processes whose runs have stopped without ending; `reap` has their cells tried again."""
        at = {worker.cell.name: worker.process for worker in self.running}
        for name in self.stalls.find(at):
            tqdm.write(f"cell '{name}': {STALLED}", file=sys.stderr)
            at[name].kill()

    def reap(self) -> None:
        """Take note of the cells and the processes that have ended."""
        for worker in self.running:
            answered = self.answered(worker)
            if not answered and worker.process.is_alive():
                continue
            cell, worker.cell = worker.cell, None
            if not answered:
                self.dismiss(worker)
            if cell.folder.complete or answered == "refused":
                continue
            if not answered and worker.process.exitcode < 0:
                note(self.segment(cell), f"killed by signal {-worker.process.exitcode}")
            if self.attempts[cell.name] < self.options["attempts"]:
                self.waiting[cell.name] = cell

    def answered(self, worker: Worker) -> str | None:
        """What a worker says of its cell, "done" or "refused"; None while it says nothing."""
        with suppress(EOFError, OSError):
            return worker.orders.recv() if worker.orders.poll() else None
        return None


def rides(cell: Cell, last: Cell | None) -> bool:
    """Whether a cell only lacks a last step of another."""
    return last is not None and cell.parent == last.name and cell.trained_steps == 1


def planned(cell: Cell) -> float:
    """Bytes of a GPU's memory that a process takes which trains the cell."""
    return cell.memory * MARGIN + CONTEXT
