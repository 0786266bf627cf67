"""What one does to curves of runs: cut them to the points that a law speaks of, compare them, count their cost.

select(curve, keep), final(curve)     the curve with only some of its points, with only its last one
settled(curve), thinned(curve, n)     without the aftermath of its warm-up; with at most n points, evenly spaced
decays(curve), fork_of(schedule)      whether its rate falls, and from which step on
shape(schedule)                       what a schedule has in common with its longer and shorter likes
same_model(a, b), same_training(a, b)
kinds(curves), mean_curve(name, runs) runs that differ in the seed alone, and their mean
noise(pairs) -> Noise                 what another seed changes
consumed(curves)                      FLOPs, with shared beginnings trained once
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.schedule import Schedule

FIRST = 2  # the paper's first point lies at 1,000 steps after a warm-up of 500


@dataclass(frozen=True)
class Noise:
    """What another seed changes, from pairs of runs that differ in nothing else.

    pairs     names of the runs whose second seed exists
    relative  rms over pairs and points of the relative difference in the second half of the curves
    """

    pairs: tuple[str, ...]
    relative: float


def select(curve: LossCurve, keep: np.ndarray) -> LossCurve:
    """Return `curve` with only the evaluated points that the mask or indices `keep` name."""
    also = {name: losses[keep] for name, losses in curve.also.items()}
    return replace(curve, step=curve.step[keep], loss=curve.loss[keep], also=also)


def final(curve: LossCurve) -> LossCurve:
    """Return `curve` with only its last evaluated point: what laws of the final loss are fitted on."""
    return select(curve, [-1])


def settled(curve: LossCurve, share: float = 0.0) -> LossCurve:
    """Return `curve` from FIRST times its warm-up on, and from `share` of its seen steps on: earlier losses follow no law of the rate.

    Raises InputError where no point is left.
    """
    keep = curve.step >= max(FIRST * curve.schedule.warmup, share * curve.step[-1])
    if not keep.any():
        raise InputError(
            f"{curve.origin}: has no loss after {FIRST} times its warm-up of {curve.schedule.warmup} steps; log on"
        )
    return select(curve, keep)


def thinned(curve: LossCurve, points: int) -> LossCurve:
    """Return `curve` with at most `points` points, evenly spaced in the order they were logged, the first and the last among them."""
    return select(curve, np.unique(np.linspace(0, curve.step.size - 1, points).round().astype(int)))


def decays(curve: LossCurve) -> bool:
    """Whether the rate of `curve` ends below its peak."""
    return bool(curve.schedule.lr[-1] < curve.schedule.peak)


def fork_of(schedule: Schedule) -> int:
    """Return the last step of the stretch at the peak rate that follows the warm-up; 0 where there is none."""
    fallen = np.flatnonzero(schedule.lr[schedule.warmup :] < schedule.peak)
    return int(fallen[0]) + schedule.warmup if fallen.size and fallen[0] else 0


def shape(schedule: Schedule) -> tuple[str, float, float, float]:
    """Return what `schedule` has in common with its longer and shorter likes, to a tenth.

    Its family; the share of its steps that it holds the peak rate, 0 where it falls at once as a cosine does; and, as shares of the
    peak, the rate in the middle of the fall and the last one.
    """
    rate, steps, warmup = schedule.lr / schedule.peak, schedule.steps, schedule.warmup
    start = warmup + int(np.argmax(rate[warmup:] < 1))
    held = start / steps if start > warmup + 1 else 0.0
    middle = rate[(start + steps) // 2]
    return schedule.name, *np.round([held, middle, rate[-1]], 1).tolist()


def same_model(a: LossCurve, b: LossCurve) -> bool:
    """Whether two runs trained the same network on batches of the same size."""
    return a.parameters == b.parameters and a.tokens_per_step == b.tokens_per_step


def same_training(a: LossCurve, b: LossCurve) -> bool:
    """Whether two runs differ in nothing but their learning rates."""
    return same_model(a, b) and a.seed == b.seed


def kinds(curves: Iterable[LossCurve]) -> dict[str, dict[int, LossCurve]]:
    """Group runs that differ in the seed alone: the name of the lowest seed, without its seed -> {seed: LossCurve}, seeds rising."""
    groups: dict[tuple, dict[int, LossCurve]] = {}
    for curve in sorted(curves, key=lambda curve: curve.seed or 0):
        like = (
            curve.schedule.lr.tobytes(),
            curve.tokens_per_step,
            tuple(sorted(curve.parameters.items())),
            curve.step.tobytes(),
            curve.source.get("corpus"),
            curve.source.get("train_tokens"),
        )
        runs = groups.setdefault(like, {})
        if curve.seed in runs:  # the same seed once more: a run of its own, not a draw
            runs = groups.setdefault((curve.name, *like), {})
        runs[curve.seed] = curve
    return {label(next(iter(runs.values()))): runs for runs in groups.values()}


def label(curve: LossCurve) -> str:
    """The name of a run without the seed that the sweep appended to it."""
    return curve.name.removesuffix(f"-seed{curve.seed}")


def mean_curve(name: str, runs: Sequence[LossCurve]) -> LossCurve:
    """Return the mean of runs that differ in the seed alone, as a curve of the first one's seed."""
    first = runs[0]
    also = {key: np.mean([run.also[key] for run in runs], axis=0) for key in first.also}
    each = {
        key: np.mean([getattr(run, key) for run in runs], axis=0)
        for key in ("train_loss", "grad_norm")
        if all(getattr(run, key) is not None for run in runs)
    }
    return replace(first, name=name, loss=np.mean([run.loss for run in runs], axis=0), also=also, **each)


def seed_pairs(curves: Iterable[LossCurve]) -> list[tuple[LossCurve, LossCurve]]:
    """Return every second run beside the first of its kind: runs that differ in the seed alone."""
    groups = [list(runs.values()) for runs in kinds(curves).values()]
    return [(group[0], other) for group in groups for other in group[1:]]


def noise(pairs: Sequence[tuple[LossCurve, LossCurve]]) -> Noise | None:
    """Return what another seed changes, from pairs of runs that differ in nothing else; None without any."""
    if not pairs:
        return None
    late = [(b.loss / a.loss - 1)[a.step > a.schedule.steps / 2] for a, b in pairs]
    return Noise(tuple(a.name for a, _ in pairs), float(np.sqrt(np.mean(np.concatenate(late) ** 2))))


def consumed(curves: Sequence[LossCurve]) -> float:
    """Return the FLOPs of training `curves`, where runs that agree in all but their rates share the steps before these differ.

    Raises InputError for a run whose FLOPs are not known.
    """
    total = 0.0
    for i, curve in enumerate(curves):
        shared = [curve.schedule.common_steps(c.schedule) for c in curves[:i] if same_training(c, curve)]
        total += curve.flops * (1 - max(shared, default=0) / curve.schedule.steps)
    return total
