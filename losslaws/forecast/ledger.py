"""Forecasts that were written down before their runs ended, and how they came out.

    register(path, forecaster, forecasts)      appends a line for every forecast to the ledger at `path`
    entries(path) -> [dict]                    its lines, checked: nothing was changed or taken out since
    scored(entries, runs) -> [Outcome]         what each came to, by the runs that followed its schedule

A ledger is a file of JSON lines. Each holds the time, the version and a hash of the priors and widths, a fingerprint of the logs that were seen, the
rates of the schedule, the forecast and its interval, and a hash of all this and of the line before.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import numpy as np

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.curves.files import write_text
from losslaws.forecast.calibration import INTERVALS, PRIOR
from losslaws.forecast.predict import CLOSE, Forecast, Forecaster
from losslaws.forecast.prior import size_of

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

KNOTS = 200  # steps at which the rates of a schedule are written down
ENDED = 0.98  # share of the steps of a schedule at which a run counts as over
NEAR = 0.01  # share of its steps by which the length of a run may differ from its schedule's


@dataclass(frozen=True)
class Outcome:
    """One registered forecast and the run that followed it.

    entry    the line of the ledger
    run      the name of the run; "" where none of those given followed the schedule to its end
    loss     what it ended at
    """

    entry: dict
    run: str = ""
    loss: float = float("nan")

    @property
    def error(self) -> float:
        """Relative error of the forecast."""
        return self.entry["final_loss"] / self.loss - 1

    @property
    def inside(self) -> bool:
        """Whether the run ended within the interval."""
        low, high = self.entry["interval_90"]
        return low <= self.loss <= high


def fingerprint(*arrays: np.ndarray) -> str:
    """Return the SHA-256 of numbers."""
    digest = sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()


def register(path: Path | str, forecaster: Forecaster, forecasts: Mapping[str, Forecast]) -> int:
    """Append a line for every forecast to the ledger at `path`; return how many. Raises InputError for a run that is over.

    Of processes that register at once each waits for the others.
    """
    path = Path(path)
    with alone(path.parent):
        lines = entries(path) if path.exists() else []
        lines += written(path, forecaster, forecasts, lines[-1]["sha256"] if lines else "")
        write_text(path, "".join(json.dumps(line) + "\n" for line in lines))
    return len(forecasts)


def written(path: Path, forecaster: Forecaster, forecasts: Mapping[str, Forecast], before: str) -> list[dict]:
    """Return the lines of forecasts, the first of which follows the line with the hash `before`."""
    lines = []
    logs = [{"name": c.name, "last_step": int(c.step[-1]), "sha256": identity(c)} for c in forecaster.curves]
    model = {"model": asdict(forecaster.model)} if forecaster.model else {}
    for name, forecast in forecasts.items():
        steps = forecast.schedule.steps
        if forecast.continues and forecaster.fitted.steps >= ENDED * steps:
            raise InputError(f"{path}: '{name}' is not registered, for the log holds its end already, step {steps}")
        final, low, high = forecast.final
        at = np.unique(np.linspace(1, steps, KNOTS).round().astype(int))
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": version(),
            "priors": sha256(PRIOR.read_bytes() + INTERVALS.read_bytes()).hexdigest(),
            "logs": logs,
            "schedule": name,
            "steps": steps,
            "rates": [[int(step), float(rate)] for step, rate in zip(at, forecast.schedule.lr[at - 1], strict=True)],
            "final_loss": final,
            "interval_90": [low, high],
            "before": lines[-1]["sha256"] if lines else before,
        } | model
        lines.append(entry | {"sha256": signed(entry)})
    return lines


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process registers in `folder`; where there are no locks, do not."""
    if fcntl is None or not folder.is_dir():
        yield
        return
    place = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)


def identity(curve: LossCurve) -> str:
    """Return the fingerprint of a log."""
    return fingerprint(curve.step, curve.loss, curve.schedule.lr)


def version() -> str:
    """Return the version that is installed; "clone" where it runs from a clone."""
    try:
        return metadata.version("losslaws")
    except metadata.PackageNotFoundError:
        return "clone"


def signed(entry: Mapping) -> str:
    """Return the SHA-256 of a line without its own."""
    return sha256(json.dumps({k: v for k, v in entry.items() if k != "sha256"}, sort_keys=True).encode()).hexdigest()


def entries(path: Path | str) -> list[dict]:
    """Return the lines of a ledger. Raises InputError for a file that is none, or that was changed."""
    path, found, before = Path(path), [], ""
    if not path.is_file():
        raise InputError(f"{path}: no such ledger; `losslaws predict ... --register {path}` writes one")
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        try:
            entry = json.loads(line)
            whole = isinstance(entry, dict) and entry["sha256"] == signed(entry) and entry["before"] == before
        except (ValueError, KeyError, RecursionError):
            raise InputError(f"{path}: line {number} is no registered forecast") from None
        if not whole:
            raise InputError(f"{path}: line {number} is not as it was registered, or a line before it is missing")
        found.append(entry)
        before = entry["sha256"]
    return found


def scored(lines: Iterable[dict], runs: Sequence[LossCurve]) -> list[Outcome]:
    """Return what each registered forecast came to. A log that it was made from is no outcome, nor, of a ladder's, a run of another size."""
    outcomes, known = [], {id(run): identity(run) for run in runs}
    for entry in lines:
        seen, size = {log["sha256"] for log in entry["logs"]}, entry.get("model", {}).get("size")
        later = [run for run in runs if known[id(run)] not in seen and (not size or size_of(run) in (size, None))]
        over = [run for run in later if followed(entry, run.schedule) and run.step[-1] >= ENDED * entry["steps"]]
        outcomes.append(Outcome(entry, over[0].name, over[0].final_loss) if over else Outcome(entry))
    return outcomes


def followed(entry: Mapping, schedule: Schedule) -> bool:
    """Whether a run took the rates of a registered schedule, after its warm-up, to within a thousandth of the peak, and its length."""
    if abs(schedule.steps / entry["steps"] - 1) > NEAR:
        return False
    step, rate = np.array(entry["rates"]).T
    use = (step > schedule.warmup) & (step <= schedule.steps)
    return bool(np.all(np.abs(schedule.lr[step[use].astype(int) - 1] - rate[use]) <= CLOSE * rate.max()))
