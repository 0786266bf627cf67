"""The public curves as families of models: what priors and intervals are learned from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from losslaws.curves import LossCurve, Schedule

GRID = "124M"  # the family that the benchmark forecasts; priors for it are learned from all others


@dataclass(frozen=True, eq=False)
class Group:
    """Runs of one model at one peak rate.

    name    e.g. "SlimPajama 93M 0.001"
    family  the models that are left out together when one of them is forecast
    curves  its runs
    """

    name: str
    family: str
    curves: tuple[LossCurve, ...]


def groups() -> list[Group]:
    """Return every group of the public curves that holds a constant rate and a decay."""
    found = {}
    for family, name, curve in listed():
        found.setdefault((family, f"{name} {curve.schedule.peak:g}"), []).append(curve)
    return [
        Group(name, family, tuple(curves))
        for (family, name), curves in found.items()
        if any(curve.schedule.name == "constant" for curve in curves) and any(decays(curve) for curve in curves)
    ]


def listed() -> Iterator[tuple[str, str, LossCurve]]:
    """Yield family, model and curve of every public run; repeats of a run are left out."""
    from losslaws.curves import public

    for size in public.MULTI_POWER_SIZES:
        yield from (("Multi-Power", f"Multi-Power {size}", curve) for curve in public.multi_power(size).values())
    paper = {**public.annealing_paper_fit(), **public.annealing_paper_unseen()}
    yield from (("annealing paper", "set-up A", curve) for curve in paper.values())
    for setup in "BDE":
        for curve in public.annealing_paper_setup(setup).values():
            yield "annealing paper", f"set-up {setup}", curve
    for family, read in (("OpenWebText2", public.openwebtext2_scaling), ("SlimPajama", public.slimpajama_scaling)):
        for name, curve in read().items():
            yield family, f"{family} {name.split('_')[0]}", curve
    yield from ((GRID, GRID, curve) for curve in public.slimpajama_124m().values() if not curve.role)


def decays(curve: LossCurve) -> bool:
    """Whether the rate of `curve` ends below its peak."""
    return bool(curve.schedule.lr[-1] < curve.schedule.peak)


def fork_of(schedule: Schedule) -> int:
    """Return the last step of the stretch at the peak rate that follows the warm-up; 0 where there is none."""
    fallen = np.flatnonzero(schedule.lr[schedule.warmup :] < schedule.peak)
    return int(fallen[0]) + schedule.warmup if fallen.size and fallen[0] else 0
