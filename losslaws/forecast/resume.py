"""A run taken further than it was planned: `resumed(seen, 40_000, "wsd:decay=0.2") -> Schedule`, from the rate where it stands.

    resumed(seen, steps, word, ...)   the rates so far, a rise to the peak if the last one lies below, and the schedule over the steps that are left
    candidates(seen, steps)           what is tried where no schedule is asked for: peaks and shapes
    save(schedule, path)              every rate of the whole run, for schedule=file

After a finished decay the run has to be warmed up again: the loss rises, and falls below its old end only later (Ibrahim et al. 2024,
arXiv 2403.08763).
"""

from pathlib import Path

import numpy as np

from losslaws.curves import InputError, Schedule
from losslaws.curves.files import write_text
from losslaws.forecast import specs

REWARM = 0.01  # of the steps that are left, for a rise to the peak where the log has no warm-up
NEAR = 0.999  # of the peak, from which on a rate needs no rise
PEAKS = (1.0, 0.5, 0.25)  # times the log's peak rate, to which a decayed run may be warmed up again
SHAPES = ("wsd:decay=0.2,shape=1-sqrt", "wsd:decay=0.5", "cosine", "linear")


def resumed(
    seen: Schedule,
    steps: int,
    word: str,
    peak: float | None = None,
    warmup: int | None = None,
    options: dict | None = None,
) -> Schedule:
    """Return the rates of a run that goes on from the end of `seen` to step `steps`; those of `seen` stay as they are.

    word     a schedule, as on a command line, of the steps that are left: the share of a decay is of these
    peak     its peak rate; default: that of `seen`
    warmup   steps of a linear rise from the last rate to the peak; default: none where the last rate is the peak, else as many as the warm-up
             of `seen` had, or REWARM of those left, and at most a tenth of them
    options  for the schedule, where `word` leaves them open

    Raises InputError for a run that is over by then, and for a schedule that cannot be built.
    """
    left = steps - seen.steps
    if left < 2:
        raise InputError(f"--steps {steps}: the log is at step {seen.steps} already; give a later one")
    peak, last = peak or seen.peak, float(seen.lr[-1])
    if warmup is None:
        usual = max(seen.warmup, round(REWARM * left), 1)
        warmup = 0 if NEAR <= last / peak <= 1 / NEAR else min(usual, max(left // 10, 1))
    if not 0 <= warmup < left:
        raise InputError(f"--rise {warmup}: must lie between 0 and the {left} steps that are left")
    later = specs.parse(word, {**(options or {}), "steps": left, "peak": peak, "warmup": 0})
    if later.steps != left:
        raise InputError(f"schedule '{word}': has {later.steps} steps, but {left} are left; leave its steps out")
    rates = later.lr.copy()
    if warmup:  # from the last rate, not from 0; where the shape falls meanwhile, up to where it stands
        t = np.arange(1, warmup + 1) / warmup
        rates[:warmup] = last + (rates[:warmup] - last) * t
    return Schedule(np.append(seen.lr, rates), seen.warmup, later.name)


def candidates(seen: Schedule, steps: int) -> dict[str, Schedule]:
    """Return schedules worth asking about, by what a table calls them: SHAPES, and of a run that has decayed each at every one of PEAKS."""
    decayed = seen.lr[-1] < NEAR * seen.peak
    found = {}
    for share in PEAKS if decayed else PEAKS[:1]:
        if share * seen.peak < seen.lr[-1]:
            continue
        for word in SHAPES:
            name = specs.label(word, {}) + (f" to {share:g} x the peak" if decayed else "")
            found[name] = resumed(seen, steps, word, share * seen.peak)
    return found


def save(schedule: Schedule, path: Path | str) -> Path:
    """Write every rate to the last digit, one row a step, and return `path`."""
    rows = (f"{t},{rate!r}\n" for t, rate in enumerate(schedule.lr.tolist(), 1))
    write_text(path, "step,lr\n" + "".join(rows))
    return Path(path)
