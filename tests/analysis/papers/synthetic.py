"""A made experiment: every cell of the cpu sweep, with losses from the annealing law and a little noise."""

from pathlib import Path

import numpy as np

from losslaws.curves import LossCurve, Schedule, schedules
from losslaws.laws.annealing import annealing_sums

PEAK, WARMUP, X, TOKENS = 3e-3, 40, 400, 2048
LAW = {"L0": 1.6, "A": 1.1, "alpha": 0.45, "C": 1.0, "lambda": 0.97, "B": 0.5, "beta": 0.2, "gamma": 0.05}
BASE, SIZES = 100_000, {"0.3m": 280_000, "0.6m": 600_000}  # non-embedding parameters
OFFSET, SCATTER = 5e-4, 3e-4  # relative: of a whole run, and of each of its points

DIPS = [[0, 1], [0.4, 1], [0.45, 0.1], [0.5, 1], [0.7, 1], [0.8, 0.1], [0.9, 1], [1, 1]]
CELLS = {
    "constant-1x": ("fit", 1, "constant", {}),
    "cosine-1x": ("fit", 1, "cosine", {}),
    "constant-3x": ("unseen", 3, "constant", {}),
    "cosine-3x": ("unseen", 3, "cosine", {}),
    "multistep-cosine-2x": ("unseen", 2, "multistep_cosine", {}),
    "wsd20-linear-3x": ("unseen", 3, "wsd", {"decay": 0.2}),
    "wsd10-linear-3x": ("unseen", 3, "wsd", {"decay": 0.1}),
    "wsd20-1sqrt-3x": ("unseen", 3, "wsd", {"decay": 0.2, "shape": "1-sqrt"}),
    "wsd10-1sqrt-3x": ("unseen", 3, "wsd", {"decay": 0.1, "shape": "1-sqrt"}),
    "cyclic-2x": ("unseen", 2, "cyclic", {}),
    "cosine-05x": ("length", 0.5, "cosine", {}),
    "cosine-2x": ("length", 2, "cosine", {}),
    "wsd20-linear-05x": ("length", 0.5, "wsd", {"decay": 0.2}),
    "wsd20-linear-1x": ("length", 1, "wsd", {"decay": 0.2}),
    "wsd20-linear-2x": ("length", 2, "wsd", {"decay": 0.2}),
    "wsd10-linear-1x": ("length", 1, "wsd", {"decay": 0.1}),
    "wsd05-linear-3x": ("claim", 3, "wsd", {"decay": 0.05}),
    "wsd40-linear-3x": ("claim", 3, "wsd", {"decay": 0.4}),
    "wsd20-cosine-3x": ("claim", 3, "wsd", {"decay": 0.2, "shape": "cosine"}),
    "wsd40-1sqrt-3x": ("claim", 3, "wsd", {"decay": 0.4, "shape": "1-sqrt"}),
    "cosine-1x-cycle06": ("claim", 1, "cosine", {"cycle": round(0.6 * X)}),
    "cosine-1x-cycle14": ("claim", 1, "cosine", {"cycle": round(1.4 * X)}),
    "cosine-1x-final10": ("claim", 1, "cosine", {"final": 0.1}),
    "rewarm-full": ("claim", 2, "cyclic", {"cycles": 2, "final": 0.1}),
    "rewarm-half": ("claim", 2, "cyclic", {"cycles": 2, "final": 0.1, "peaks": [1, 0.5]}),
    "dip": ("claim", 1.5, "polyline", {"points": DIPS}),
    "zero-tail": ("claim", 1.1, "polyline", {"points": [[0, 1], [0.8 / 1.1, 1], [1 / 1.1, 0], [1, 0]]}),
    "peak4-05x": ("claim", 0.5, "cosine", {"peak": 4 * PEAK}),
    "peak10-05x": ("claim", 0.5, "cosine", {"peak": 10 * PEAK}),
    "constant-1x-seed1": ("noise", 1, "constant", {}),
    "cosine-1x-seed1": ("noise", 1, "cosine", {}),
    "wsd20-linear-1x-seed1": ("noise", 1, "wsd", {"decay": 0.2}),
    "cosine-1x-0.3m": ("size", 1, "cosine", {}),
    "cosine-1x-0.6m": ("size", 1, "cosine", {}),
}
SMOKE = ("constant-1x", "cosine-1x", "wsd20-linear-1x", "cosine-1x-seed1", "cosine-05x")


def loss_of(schedule: Schedule, size: int) -> np.ndarray:
    """Losses of every step by the annealing law with a term for the size, [T]."""
    p, millions = LAW, size / 1e6
    S1, S2 = annealing_sums(schedule, p["lambda"])
    return p["L0"] + p["A"] * S1 ** -p["alpha"] + p["B"] * millions ** -p["beta"] - p["C"] * S2 * millions ** p["gamma"]


def curve(name: str, noise: float = 1.0) -> LossCurve:
    """Return cell `name` with `noise` times the usual noise."""
    role, length, family, options = CELLS[name]
    schedule = schedules.build(family, round(length * X), **({"peak": PEAK, "warmup": WARMUP} | options))
    size = SIZES.get(name.rsplit("-", 1)[-1], BASE)
    step = np.arange(20, schedule.steps + 1, 20)
    rng = np.random.default_rng(seed_of(name))
    relative = 1 + noise * (OFFSET * rng.standard_normal() + SCATTER * rng.standard_normal(step.size))
    return LossCurve(
        name=name,
        schedule=schedule,
        step=step,
        loss=loss_of(schedule, size)[step - 1] * relative,
        tokens_per_step=TOKENS,
        parameters={"total": size + 262_144, "non_embedding": size},
        flops_per_token=6.0 * (size + 262_144),
        seed=int(name.endswith("-seed1")),
        role=role,
        source={"made": "from the annealing law", "config": {"schedule": config_of(family, options)}},
    )


def config_of(family: str, options: dict) -> dict:
    """The group `schedule` of a run's config."""
    return {"name": family} | schedules.options(family) | options


def seed_of(name: str) -> int:
    """A number of the name that is the same in every process."""
    return int.from_bytes(name.encode()[-8:], "little")


def write_experiment(folder: Path, cells=CELLS, noise: float = 1.0) -> Path:
    """Save the curves of `cells` as `folder`/curves/NAME.csv and return `folder`, ready for `Experiment.load`."""
    for name in cells:
        curve(name, noise).save(Path(folder) / "curves")
    return Path(folder)
