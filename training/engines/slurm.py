"""SLURM engine, through submitit: segments that continue the same segment are one job array, which depends on it (afterok).

A job that is preempted or reaches its time limit is queued again by submitit's checkpointing and goes on from the newest
checkpoint. The run folders must lie on a file system that all nodes share.
"""

import time

import submitit
from submitit.helpers import Checkpointable

from training.engines import progress
from training.engines.work import note, perform
from training.sweep import Segment, Sweep

POLL = 5  # seconds between looks at the run folders


class Work(Checkpointable):
    """The function of a job; `Checkpointable` has it submitted again with the same segment when the job is interrupted."""

    def __call__(self, segment: Segment) -> None:
        perform(segment)


def launch(sweep: Sweep, options: dict) -> None:
    """Submit all segments and wait until each has ended; the jobs go on if this process does not."""
    executor = make_executor(sweep, options)
    segments = {segment.name: segment for segment in sweep.segments() if not segment.done()}
    jobs = submit(executor, segments)
    with progress(sweep) as update:
        while left := [name for name, job in jobs.items() if not job.done()]:
            update(f"{len(left)} of {len(jobs)} jobs left")
            time.sleep(POLL)
    for name, segment in segments.items():
        if not segment.done() and not (segment.folder / "error.txt").exists():
            note(segment, f"job {jobs[name].job_id} ended as {jobs[name].state}; see {jobs[name].paths.stderr}")


def submit(executor: submitit.AutoExecutor, segments: dict[str, Segment]) -> dict[str, submitit.Job]:
    """Submit every segment, in one array with all others that need the same; return their jobs."""
    jobs: dict[str, submitit.Job] = {}
    for needs, array in arrays(segments).items():
        if needs:
            depend(executor, jobs[needs])
        jobs |= zip((segment.name for segment in array), executor.map_array(Work(), array), strict=True)
    return jobs


def arrays(segments: dict[str, Segment]) -> dict[str | None, list[Segment]]:
    """Group segments by the one that they need; first of all those (None) that need nothing, or what is done already."""
    groups: dict[str | None, list[Segment]] = {None: []}
    for segment in segments.values():
        groups.setdefault(segment.needs if segment.needs in segments else None, []).append(segment)
    return {needs: group for needs, group in groups.items() if group}


def make_executor(sweep: Sweep, options: dict) -> submitit.AutoExecutor:
    """submitit's executor with the engine's settings, whose names are submitit's own."""
    given = {key: value for key, value in options.items() if value is not None}
    executor = submitit.AutoExecutor(
        sweep.runs / ".submitit" / "%j",
        cluster=given.pop("cluster"),
        slurm_max_num_timeout=given.pop("max_num_timeout"),
    )
    on_gpu = any(cell.settings["hardware"]["device"] == "cuda" for cell in sweep.cells.values())
    executor.update_parameters(
        **{"gpus_per_node": 1} if on_gpu else {},
        **given,
        name=sweep.name,
        # A job whose dependency failed would wait forever; one whose node failed is queued again.
        slurm_additional_parameters={"kill-on-invalid-dep": "yes", "requeue": True},
    )
    return executor


def depend(executor: submitit.AutoExecutor, job: submitit.Job) -> None:
    """Let what is submitted next start when `job` has ended well. submitit's local executor has no queue: wait here."""
    if executor.cluster == "slurm":
        executor.update_parameters(slurm_dependency=f"afterok:{job.job_id}")
    else:
        job.wait()
