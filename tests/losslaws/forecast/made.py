"""Runs whose losses follow the law, so that what they become is known."""

import numpy as np

from losslaws import laws
from losslaws.curves import LossCurve, Schedule, schedules

TRUTH = {"L0": 2.7, "A": 25.0, "alpha": 0.47, "K": 0.22, "rho": 0.015}
LAW = laws.build("relaxation")
PEAK, WARMUP = 1e-3, 300


def plan(name, steps, peak=PEAK, warmup=WARMUP, **options):
    return schedules.build(name, steps, peak=peak, warmup=warmup, **options)


def made(schedule, upto=None, noise=5e-4, seed=0, name="made"):
    """A run under `schedule` with losses of the law and a little noise, seen up to step `upto`."""
    step = np.arange(200, (upto or schedule.steps) + 1, 200)
    loss = LAW.loss(TRUTH, schedule, step) * (1 + noise * np.random.default_rng(seed).standard_normal(step.size))
    return LossCurve(name, schedule, step, loss, tokens_per_step=51200)


def in_another_unit(run, factor):
    """The same run with its rates in another unit."""
    schedule = Schedule(run.schedule.lr * factor, run.schedule.warmup, run.schedule.name)
    return LossCurve(run.name, schedule, run.step, run.loss, tokens_per_step=run.tokens_per_step)
