"""SLURM engine, through submitit: segments that continue the same segment are one job array, which depends on it (afterok).

A job tries its segment `attempts` times. One that is preempted or reaches its time limit is queued again by submitit's
checkpointing and goes on from the newest checkpoint; one that is lost with its node is submitted again by the launcher.
The launcher learns of ends from squeue and the run folders. Beyond MANY segments, or with `engine.jobs`, a few long jobs
hold the nodes of a Ray cluster instead (`training.engines.allocation`). The run folders must lie on a file system that
all nodes share.
"""

import json
import sys
import time

import submitit
from pydantic import TypeAdapter
from submitit.core.utils import FailedJobError
from submitit.helpers import Checkpointable, DelayedSubmission

from losslaws.curves import InputError
from losslaws.curves.files import write_text
from training.engines import progress, squeue
from training.engines.submission import fitting, make_executor, refused
from training.engines.work import Trials, note
from training.sweep import Segment, Sweep

POLL = 5  # seconds between looks at the queue
SILENT = 12  # looks without an answer after which the user is told
JOBS = TypeAdapter(dict[str, str])  # the id of each segment's job
MANY = 1000  # segments that are jobs of their own: SLURM's arrays end at 1,001 by default, and each branch point is an array


class Work(Checkpointable):
    """The function of a job: a segment, in processes of its own that are started again when they die or stall."""

    def __init__(self, attempts: int, stalled_min: float | None):
        self.attempts, self.stalled_min = attempts, stalled_min
        self.trials: Trials | None = None

    def __call__(self, segment: Segment) -> None:
        self.trials = Trials(segment, self.attempts, self.stalled_min)
        self.trials.run()

    def checkpoint(self, segment: Segment) -> DelayedSubmission:
        """Called by submitit before the job is queued again: the process saves what it has first."""
        if self.trials:
            self.trials.interrupt()
        return DelayedSubmission(Work(self.attempts, self.stalled_min), segment)


def launch(sweep: Sweep, options: dict) -> None:
    """Submit all segments and wait until each has ended; the jobs go on if this process does not."""
    segments = {segment.name: segment for segment in sweep.segments() if not segment.done()}
    if options["cluster"] == "slurm" and (options["jobs"] or len(segments) > MANY):
        from training.engines import allocation  # needs ray, which one job a segment does not

        allocation.launch(sweep, options)
        return
    work = Work(options["attempts"], options["stalled_min"])
    options = fitting(options)
    book = Book(sweep)
    with progress(sweep) as update:
        if options["cluster"] != "slurm":
            wait(submit(make_executor(sweep, options), work, segments), update)
            return
        for _ in range(work.attempts):
            jobs = submit(make_executor(sweep, options), work, segments, book.running(segments))
            book.write(jobs)
            watch(sweep, jobs, options, update)
            segments = lost(segments, jobs)
            if not segments:
                return


class Book:
    """The job of each segment, so that a launch that is given again finds those that still wait or run."""

    def __init__(self, sweep: Sweep):
        self.path = sweep.runs / ".submitit" / f"{sweep.name}.json"

    def running(self, segments: dict[str, Segment]) -> dict[str, str]:
        """The id of each segment's job that an earlier launch submitted and SLURM still has."""
        try:
            known = JOBS.validate_json(self.path.read_bytes() if self.path.is_file() else b"{}")
        except ValueError as error:
            raise InputError(
                f"{self.path}: does not name the jobs of the launch before ({str(error).splitlines()[0]}); cancel those "
                "that squeue lists and remove it"
            ) from None
        queue = squeue.queued() or {}
        return {name: job for name, job in known.items() if job in queue and name in segments}

    def write(self, jobs: dict) -> None:
        write_text(self.path, json.dumps({name: job_id(job) for name, job in jobs.items()}))


def submit(
    executor: submitit.AutoExecutor, work: Work, segments: dict[str, Segment], held: dict[str, str] | None = None
) -> dict:
    """Submit every segment but those `held`, in one array with all others that need the same; return job or id by name.

    Raises InputError with SLURM's line where it refuses a job.
    """
    jobs: dict = dict(held or {})
    for needs, array in arrays(segments).items():
        array = [segment for segment in array if segment.name not in jobs]
        if not array:
            continue
        for segment in array:
            (segment.folder / "error.txt").unlink(missing_ok=True)
        depend(executor, jobs[needs] if needs else None)
        try:
            jobs |= zip((segment.name for segment in array), executor.map_array(work, array), strict=True)
        except FailedJobError as error:
            raise InputError(f"--engine slurm: {refused(error)}") from None
    return jobs


def arrays(segments: dict[str, Segment]) -> dict[str | None, list[Segment]]:
    """Group segments by the one that they need; first of all those (None) that need nothing, or what is done already."""
    groups: dict[str | None, list[Segment]] = {None: []}
    for segment in segments.values():
        groups.setdefault(segment.needs if segment.needs in segments else None, []).append(segment)
    return {needs: group for needs, group in groups.items() if group}


def depend(executor: submitit.AutoExecutor, job) -> None:
    """Let what is submitted next start when `job` has ended well. submitit's local executor has no queue: wait here."""
    if executor.cluster == "slurm":
        executor.update_parameters(slurm_dependency=None if job is None else f"afterok:{job_id(job)}")
    elif job is not None:
        job.wait()


def wait(jobs: dict, update) -> None:
    """Wait for submitit's local jobs."""
    while left := [job for job in jobs.values() if not job.done()]:
        update(f"{len(left)} of {len(jobs)} jobs left")
        time.sleep(min(POLL, 1))


def watch(sweep: Sweep, jobs: dict, options: dict, update) -> None:
    """Wait until SLURM has none of the jobs any more; say why they wait where that is not for their turn.

    Raises InputError, and cancels the jobs, where all that are left ask for what the partition does not have.
    """
    ids = {job_id(job) for job in jobs.values()}
    said, hopeless, silent = None, 0, 0
    while True:
        queue = squeue.queued()
        silent = silent + 1 if queue is None else 0
        if silent == SILENT:
            print(
                f"sweep '{sweep.name}': squeue has not answered {SILENT} times; the launcher goes on asking",
                file=sys.stderr,
            )
        if queue is not None:
            left = {job: queue[job] for job in ids & queue.keys()}
            if not left:
                return
            waiting = {job: reason for job, (state, reason) in left.items() if state == "PENDING"}
            line = squeue.complaint(waiting, options)
            if line and line != said:
                print(f"sweep '{sweep.name}': {line}", file=sys.stderr)
                said = line
            # What waits for a job that never starts never starts either.
            stuck = {reason for reason in waiting.values()} - {"Dependency"}
            hopeless = hopeless + 1 if len(waiting) == len(left) and stuck and stuck <= squeue.HOPELESS else 0
            if hopeless > 2:
                squeue.ask("scancel", *sorted(left))
                raise InputError(f"sweep '{sweep.name}': {line}; nothing can start, so the jobs were cancelled")
            update(
                f"{len(left)} of {len(jobs)} jobs left" + (f", {', '.join(sorted(stuck))}" if stuck and said else "")
            )
        time.sleep(POLL)


def lost(segments: dict[str, Segment], jobs: dict) -> dict[str, Segment]:
    """The segments to submit again: those whose job was lost, and what waits for them.

    Not those that failed by themselves, whose error is in their folder, nor those that somebody cancelled. Every job that
    was lost leaves a line in its run folder.
    """
    again: dict[str, Segment] = {}
    stopped: set[str | None] = set()
    for name, segment in segments.items():
        if segment.done():
            continue
        job = job_id(jobs[name])
        if segment.needs in stopped or (segment.folder / "error.txt").exists():
            stopped.add(name)
        elif squeue.cancelled_by_hand(*(end := squeue.ended(job))):
            note(segment, f"job {job} was cancelled")
            stopped.add(name)
        else:
            note(segment, f"job {job} ended as {end[0]} ({end[1]}); see its files in .submitit beside the run folders")
            again[name] = segment
    return again


def job_id(job: submitit.Job | str) -> str:
    """The id of a job that was submitted now, or of one that is known by its id."""
    return job if isinstance(job, str) else str(job.job_id)
