"""What SLURM says of its jobs, by squeue, scontrol and sinfo. sacct, which small clusters do not run, is never asked."""

import getpass
import re
import subprocess

from losslaws.curves import InputError

# A job that waits for one of these starts by itself in the end; what else squeue names is told to the user.
ORDINARY = {"None", "Priority", "Resources", "Dependency", "JobArrayTaskLimit", "BeginTime", "Cleaning", "Prolog"}
# No waiting mends these: the job asks for what no node of the partition has, or for more than the partition allows.
HOPELESS = {"PartitionConfig", "PartitionNodeLimit", "PartitionTimeLimit", "BadConstraints"}


def ask(*command: str) -> str | None:
    """What a command of SLURM prints; None where it fails, as while the controller is restarted."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        raise InputError(
            f"--engine slurm: there is no `{command[0]}` here; give the command on a machine that submits to SLURM"
        ) from None
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


def queued() -> dict[str, tuple[str, str]] | None:
    """State and reason of every job of this user that waits or runs, by its id; None where SLURM does not answer."""
    text = ask("squeue", "--noheader", "--array", "--user", getpass.getuser(), "--format", "%i|%T|%r")
    if text is None:
        return None
    jobs = (line.strip().split("|") for line in text.splitlines())
    return {job: (state, reason) for job, state, reason in jobs}


def ended(job: str) -> tuple[str, str]:
    """State and reason of a job that has left the queue; "unknown" once SLURM has forgotten it."""
    text = ask("scontrol", "show", "job", "--oneliner", job) or ""
    state, reason = (re.search(rf"\b{key}=(\S+)", text) for key in ("JobState", "Reason"))
    return state[1] if state else "unknown", reason[1] if reason else ""


def cancelled_by_hand(state: str, reason: str) -> bool:
    """Whether somebody cancelled a job, rather than SLURM because of what it depends on."""
    return state.startswith("CANCELLED") and reason != "DependencyNeverSatisfied"


def offered(partition: str | None) -> list[tuple[int, str]]:
    """CPUs of a node and time limit, as sinfo writes it, of each kind of node of a partition, or of the default one."""
    text = ask("sinfo", "--noheader", "--format", "%P|%c|%l", *(["--partition", partition] if partition else []))
    rows = [line.strip().split("|") for line in (text or "").splitlines()]
    if partition is None:
        rows = [row for row in rows if row[0].endswith("*")] or rows
    return [(int(cpus.rstrip("+")), limit) for _, cpus, limit in rows]


def complaint(waiting: dict[str, str], options: dict) -> str | None:
    """Why jobs wait, by id, and what the partition has, where time alone will not start them; else None."""
    odd = sorted({reason for reason in waiting.values() if reason not in ORDINARY})
    if not odd:
        return None
    count = sum(reason in odd for reason in waiting.values())
    nodes = offered(options["slurm_partition"])
    offers = " or ".join(sorted({f"{cpus} CPUs a node for {limit}" for cpus, limit in nodes})) or "nothing"
    return (
        f"{count} jobs wait for {', '.join(odd)}: each asks for {options['cpus_per_task']} CPUs and {options['timeout_min']} minutes, "
        f"the partition {options['slurm_partition'] or 'by default'} offers {offers}"
    )
