"""How jobs are asked of SLURM, whether they are segments or hold nodes of a Ray cluster."""

from pathlib import Path

import submitit
from submitit.core.utils import FailedJobError

from training.engines import squeue
from training.sweep import Sweep

CPUS = 4  # of a job, where a node has so many


def fitting(options: dict) -> dict:
    """The options, with as many CPUs for a job as fit where that was left open."""
    if options["cpus_per_task"] is not None:
        return options
    cpus = [cpus for cpus, _ in squeue.offered(options["slurm_partition"])] if options["cluster"] == "slurm" else []
    return options | {"cpus_per_task": min(CPUS, *cpus) if cpus else CPUS}


def make_executor(sweep: Sweep, options: dict) -> submitit.AutoExecutor:
    """submitit's executor with the engine's settings, whose names are submitit's own."""
    given = {
        key: value
        for key, value in options.items()
        if value is not None and key not in ("attempts", "stalled_min", "jobs")
    }
    executor = submitit.AutoExecutor(
        Path(sweep.runs).resolve() / ".submitit" / "%j",
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


def refused(error: FailedJobError) -> str:
    """What sbatch says of a job that it does not take, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if "error:" in line] or [str(error).strip()]
    return f"sbatch refuses the job ({lines[-1]}); see conf/engine/slurm.yaml"
