"""Long SLURM jobs that hold the nodes of a Ray cluster, for sweeps of many cells: SLURM gives machines, Ray places cells on them.

The launcher is the head of the cluster and runs nothing. Each job starts a Ray node and keeps it until the sweep is done,
the job is cancelled, or its time limit is near; then the node takes no more cells, those on it save and end, and Ray starts
them on other nodes from their checkpoints. A job that has left the queue is replaced while there is work. Others may be
added by hand and taken away at any moment.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import psutil
from ray._private.services import node_ip_address_from_perspective
from submitit.core.utils import FailedJobError

from losslaws.curves import InputError
from training.engines import ray as engine
from training.engines import squeue
from training.engines.submission import fitting, make_executor, refused
from training.sweep import Sweep

POLL = 10  # seconds between looks at the queue
SHORT = 60  # seconds; a job that ends sooner than this after its start did not come to hold a node
STARTS = 3  # of a node in one job: Ray gives up after 30 s where the machine is busy
FAILURES = 3  # such jobs in a row after which the launcher gives up
MISSED = 15  # looks, a second apart, after which a head that does not answer is gone rather than busy
GRACE = 60  # seconds that cells have to save a checkpoint before their node leaves
COMMAND = [sys.executable, "-c", "from ray.scripts.scripts import main; main()"]  # `ray`, of this environment


def launch(sweep: Sweep, options: dict) -> None:
    """Run the sweep on a Ray cluster whose nodes are SLURM jobs; all of them end with this process."""
    options = fitting(options)
    on_gpu = any(cell.settings["hardware"]["device"] == "cuda" for cell in sweep.cells.values())
    settings = {"cpus": 1, "gpus": None, "attempts": options["attempts"], "stalled_min": options["stalled_min"]}
    executor = make_executor(sweep, options)
    executor.update_parameters(slurm_additional_parameters={})  # a job that ends is replaced here, not queued again
    number = options["jobs"] or options["slurm_array_parallelism"]
    gpus = (options["gpus_per_node"] or 1) if on_gpu else 0
    with head() as address, Jobs(executor, (address, options["cpus_per_task"], gpus), number, options) as jobs:
        engine.launch(sweep, settings | {"address": address}, jobs.check)


def set_environment() -> None:
    """Set what Ray reads in the environment, for this process and those that it starts; the head and every node need the same."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # else a token that an earlier cluster left in the home would be asked for, which this process does not show
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    # a cluster of one machine, started in this process before, may have set 0: Ray would take 127.0.0.1 for a machine's address and no
    # node from elsewhere
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "1"


@contextmanager
def head():
    """A Ray cluster whose head is this process's machine and has no CPUs; yields its address."""
    set_environment()
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    address = f"{node_ip_address_from_perspective()}:{port}"
    command = [
        "start",
        "--head",
        "--block",
        f"--port={port}",
        "--num-cpus=0",
        "--num-gpus=0",
        "--include-dashboard=false",
    ]
    process = start(*command, f"--object-store-memory={engine.STORE}", preexec_fn=end_with_parent)
    try:
        deadline = time.monotonic() + 60
        while not reachable(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise InputError(f"--engine slurm: the head of a Ray cluster did not start at {address}")
            time.sleep(0.2)
        yield address
    finally:
        end(process)


def reachable(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, int(port))) == 0


def end_with_parent() -> None:
    """Have the kernel (Linux) send this process SIGTERM when the launcher is gone, even by kill -9; the nodes then leave too."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def ignore_warning() -> None:
    """Leave SIGUSR2 to the job: SLURM sends it to every process of the step, and it would end a Ray node at once."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def start(*arguments: str, **options) -> subprocess.Popen:
    """Start `ray` in a session of its own, so that a signal to a job's process group leaves it alone."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*COMMAND, *arguments], start_new_session=True, **silent | options)


def end(process: subprocess.Popen) -> None:
    """End a `ray start --block` and all that it started."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    process.terminate()
    _, alive = psutil.wait_procs([*below, psutil.Process(process.pid)] if psutil.pid_exists(process.pid) else below, 10)
    for left in alive:
        left.kill()
    process.wait()


def host(address: str, cpus: int, gpus: int) -> None:
    """What a job does: hold a node of the cluster at `address` until that ends or SLURM says that the job must."""
    leave = threading.Event()
    for number in (signal.SIGUSR2, signal.SIGTERM):  # the time limit is near; the job is cancelled
        signal.signal(number, lambda *_: leave.set())
    set_environment()
    for _ in range(STARTS):
        node = start(
            "start",
            "--block",
            f"--address={address}",
            f"--num-cpus={cpus}",
            f"--num-gpus={gpus}",
            f"--object-store-memory={engine.STORE}",
            stdout=None,  # the job's own files say why a node did not start
            stderr=None,
            preexec_fn=ignore_warning,
        )
        try:
            missed = 0
            while node.poll() is None and not leave.wait(1):
                missed = 0 if reachable(address) else missed + 1
                if missed == MISSED:
                    break
            if leave.is_set() and node.poll() is None:
                drain(address, node)
            if leave.is_set() or missed == MISSED or not reachable(address):
                return
        finally:
            end(node)
        print(f"the Ray node at {address} ended with status {node.returncode}", flush=True)
    raise RuntimeError(f"the Ray node at {address} ended {STARTS} times; the last status is {node.returncode}")


def drain(address: str, node: subprocess.Popen) -> None:
    """Have Ray place nothing more on this job's node, and the cells on it save and end."""
    below = psutil.Process(node.pid).children(recursive=True)
    parts = [part for one in below for part in command(one)]
    identity = next((part.split("=")[1] for part in parts if part.startswith("--node_id=")), None)
    if identity:
        reason = ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "the job ends"]
        deadline = ["--deadline-remaining-seconds", str(GRACE)]
        # No pipes, and no wait without end: a node whose head does not answer leaves all the same.
        process = start("drain-node", "--address", address, "--node-id", identity, *reason, *deadline)
        try:
            process.wait(GRACE / 2)
        except subprocess.TimeoutExpired:
            process.kill()
    print(f"leaving the cluster at {address}; node {identity} takes no more cells", flush=True)
    cells = {one: title(one) for one in psutil.Process(node.pid).children(recursive=True) if runs_cell(one)}
    for cell in cells:
        cell.send_signal(signal.SIGUSR2)
    until = time.monotonic() + GRACE
    while time.monotonic() < until and any(title(cell) == cells[cell] for cell in cells):
        time.sleep(0.2)
    left = [title(cell) for cell in cells if title(cell) == cells[cell]]
    print(
        f"{len(cells) - len(left)} of {len(cells)} cells have ended after {time.monotonic() - until + GRACE:.0f} s",
        flush=True,
    )


def command(process: psutil.Process) -> list[str]:
    """The command line of a process; empty of one that has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def title(process: psutil.Process) -> str | None:
    """How Ray titles a worker: ray::TASK, ray::IDLE."""
    return next(iter(command(process)), None)


def runs_cell(process: psutil.Process) -> bool:
    return (title(process) or "").startswith("ray::") and title(process) != "ray::IDLE"


class Jobs:
    """Keeps `number` jobs that hold nodes in the queue, in a thread, while the context lasts."""

    def __init__(self, executor, arguments: tuple, number: int, options: dict):
        self.executor, self.arguments, self.number, self.options = executor, arguments, number, options
        self.held: dict[str, float] = {}
        self.failures = 0
        self.said: str | None = None
        self.hopeless = False
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.keep, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        if self.held:
            squeue.ask("scancel", *self.held)

    def check(self) -> None:
        """Raises InputError where no job holds a node and none will."""
        if self.hopeless:
            raise InputError(f"--engine slurm: {self.said}")

    def keep(self) -> None:
        while not self.done.is_set():
            queue = squeue.queued()
            if queue is not None:
                self.look(queue)
            self.done.wait(POLL)

    def look(self, queue: dict[str, tuple[str, str]]) -> None:
        """Replace jobs that have left the queue; say once why jobs wait."""
        for job in [job for job in self.held if job not in queue]:
            begun = self.held.pop(job)
            failed = squeue.ended(job)[0] == "FAILED" and time.monotonic() - begun < SHORT
            self.failures = self.failures + 1 if failed else 0
        while len(self.held) < self.number and self.failures < FAILURES:
            try:
                self.held[str(self.executor.submit(host, *self.arguments).job_id)] = time.monotonic()
            except FailedJobError as error:
                self.said, self.hopeless = refused(error), True
                return
        waiting = {job: queue[job][1] for job in self.held if job in queue and queue[job][0] == "PENDING"}
        line = squeue.complaint(waiting, self.options)
        self.hopeless = len(waiting) == len(self.held) > 0 and set(waiting.values()) <= squeue.HOPELESS
        if self.failures >= FAILURES and not self.held:
            line = f"{FAILURES} jobs in a row ended at once; see the newest files in .submitit beside the run folders"
            self.hopeless = True
        if line and line != self.said:
            print(f"--engine slurm: {line}", file=sys.stderr)
            self.said = line
