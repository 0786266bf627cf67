"""Ray engine: every segment is a task whose argument is the object reference of the segment that it continues.

Ray starts a task when its reference is there, places it where CPUs and (fractions of) GPUs are free, and tries it again when its worker or node dies. The
run folders must lie on a file system that all nodes share.
"""

import os
import signal
from collections.abc import Callable

import ray
from ray.exceptions import RayError, RayTaskError

from training.engines import progress
from training.engines.work import Interrupted, Mishap, killed_when_stalled, note, perform
from training.sweep import Segment, Sweep

POLL = 2  # seconds between looks at the tasks
DEATHS = 100  # of the workers and nodes that a task outlives where nodes come and go
STORE = 80 * 2**20  # bytes of the object store, in which nothing but references lies; Ray wants at least 75 MiB


def launch(sweep: Sweep, options: dict, check: Callable[[], None] | None = None) -> None:
    """Hand all segments to Ray and wait until each has ended.

    check  called at every look: nodes may leave, which costs a task no attempt, and it raises where none will come
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with ray.init(**cluster(sweep, options)), progress(sweep) as update:
        tasks: dict[str, ray.ObjectRef] = {}
        segments = {segment.name: segment for segment in sweep.segments() if not segment.done()}
        here = options["attempts"] if check else 1
        for name, segment in segments.items():
            given = segment, tasks.get(segment.needs), here, options["stalled_min"]
            tasks[name] = task(segment, options, check is not None).remote(*given)
        pending = list(tasks.values())
        while pending:
            _, pending = ray.wait(pending, num_returns=len(pending), timeout=POLL)
            update(f"{len(pending)} of {len(tasks)} tasks left")
            if check:
                check()
        for name, segment in segments.items():
            if not segment.needs or segment.needs not in segments or segments[segment.needs].done():
                report(segment, tasks[name])


def cluster(sweep: Sweep, options: dict) -> dict:
    """What `ray.init` is called with: the cluster to join, or one of this machine alone."""
    about = {"log_to_driver": False, "logging_level": "warning"}
    if options["address"]:
        return about | {"address": options["address"]}
    own = {"num_cpus": sweep.workers * options["cpus"], "object_store_memory": STORE, "include_dashboard": False}
    return about | own | {"address": "local"}


def task(segment: Segment, options: dict, nodes_leave: bool = False):
    """The remote function of one segment. A fresh process where a GPU is used, so that its memory is given back."""
    gpus = (1 if segment.on_gpu else 0) if options["gpus"] is None else options["gpus"]
    again = {"max_retries": options["attempts"] - 1, "retry_exceptions": [Mishap]}
    if nodes_leave:
        again = {"max_retries": DEATHS, "retry_exceptions": [Interrupted]}
    return ray.remote(num_cpus=options["cpus"], num_gpus=gpus, **again)(train_segment).options(name=segment.name)


def train_segment(segment: Segment, before: None, attempts: int, stalled_min: float | None) -> None:
    """`perform`, after the segment whose reference `before` is; tried again here when it fails, but not when it is interrupted.

    A run that stalls ends this process, and Ray tries the task again in another.
    """
    if (
        signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN
    ):  # of a node in a SLURM job, which is told by its job; a cell saves
        signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    for attempt in range(1, attempts + 1):
        try:
            with killed_when_stalled(segment, stalled_min):
                return perform(segment)
        except Mishap as error:
            if attempt == attempts or isinstance(error, Interrupted):
                raise


def report(segment: Segment, reference: "ray.ObjectRef") -> None:
    """Leave an error that the worker could not leave itself: its process or its node is gone."""
    try:
        ray.get(reference)
    except RayTaskError:  # raised in Python, where `perform` has noted it
        pass
    except RayError as error:
        note(segment, f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
