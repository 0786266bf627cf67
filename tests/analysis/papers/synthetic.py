"""A made experiment: every kind of run of the night sweep, with losses from the annealing law and a little noise."""

from pathlib import Path

import numpy as np

from analysis.papers.annealing.experiment import Experiment
from losslaws.curves import LossCurve, Schedule, schedules
from losslaws.laws.annealing import annealing_sums

PEAK, WARMUP, X, TOKENS = 3e-3, 40, 400, 2048
LAW = {"L0": 1.6, "A": 1.1, "alpha": 0.45, "C": 1.0, "lambda": 0.97, "B": 0.5, "beta": 0.2, "gamma": 0.05}
BASE, SIZES = 100_000, {"0.06m": 40_000, "0.18m": 280_000}  # non-embedding parameters
# relative: what a seed adds to every loss of its runs, what it adds to one run, and to each of its points
OFFSET, OWN, SCATTER = 5e-4, 2e-4, 3e-4

DIPS = {
    "dip-short": [[0, 1], [0.3333, 1], [0.375, 0.1], [0.7917, 1], [1, 1]],
    "dip-long": [[0, 1], [0.2857, 1], [0.5, 0.1], [0.8571, 1], [1, 1]],
}
NUMBER = {"025x": 0.25, "05x": 0.5, "075x": 0.75, "1x": 1, "15x": 1.5, "2x": 2, "3x": 3}
SHARES = {"05x": (5, 10, 20, 40, 60, 80), "1x": (5, 10, 20, 40, 60, 80), "3x": (5, 10, 20, 40, 60, 80)}
ROOTS = {"05x": (10, 20, 40), "1x": (5, 10, 20, 40, 60), "3x": (10, 20, 40)}
UNSEEN = ("wsd20-linear-3x", "wsd40-linear-3x", "wsd20-1sqrt-3x")


def decays() -> dict[str, tuple]:
    """Every share and shape of decay."""
    found = {}
    for shape, lengths in (("linear", SHARES), ("1-sqrt", ROOTS)):
        for x, shares in lengths.items():
            for share in shares:
                name = f"wsd{share:02d}-{shape.replace('-', '')}-{x}"
                role = "unseen" if name in UNSEEN else "claim"
                found[name] = (role, NUMBER[x], "wsd", {"decay": share / 100, "shape": shape})
    return found


CELLS = {
    "constant-1x": ("fit", 1, "constant", {}),
    "cosine-1x": ("fit", 1, "cosine", {}),
    "constant-3x": ("unseen", 3, "constant", {}),
    "cosine-3x": ("unseen", 3, "cosine", {}),
    "multistep-cosine-2x": ("unseen", 2, "multistep_cosine", {}),
    "cyclic-2x": ("unseen", 2, "cyclic", {}),
    **{f"cosine-{x}": ("length", NUMBER[x], "cosine", {}) for x in ("025x", "05x", "075x", "15x", "2x")},
    **{f"constant-{x}": ("length", NUMBER[x], "constant", {}) for x in ("025x", "05x", "2x")},
    **decays(),
    "cosine-1x-cycle06": ("claim", 1, "cosine", {"cycle": round(0.6 * X)}),
    "cosine-1x-cycle14": ("claim", 1, "cosine", {"cycle": round(1.4 * X)}),
    "cosine-1x-final10": ("claim", 1, "cosine", {"final": 0.1}),
    "rewarm-full": ("claim", 2, "cyclic", {"cycles": 2, "final": 0.1}),
    "rewarm-half": ("claim", 2, "cyclic", {"cycles": 2, "final": 0.1, "peaks": [1, 0.5]}),
    "dip-short": ("claim", 6, "polyline", {"points": DIPS["dip-short"]}),
    "dip-long": ("claim", 7, "polyline", {"points": DIPS["dip-long"]}),
    "zero-tail": ("claim", 1.1, "polyline", {"points": [[0, 1], [0.8 / 1.1, 1], [1 / 1.1, 0], [1, 0]]}),
    **{f"peak{k}-05x": ("claim", 0.5, "cosine", {"peak": k * PEAK}) for k in (2, 4, 8)},
    **{f"{family}-1x-{size}": ("size", 1, family, {}) for family in ("constant", "cosine") for size in SIZES},
}
SMOKE = ("constant-1x", "cosine-1x", "wsd20-linear-1x", "cosine-05x")


def loss_of(schedule: Schedule, size: int) -> np.ndarray:
    """Losses of every step by the annealing law with a term for the size, [T]."""
    p, millions = LAW, size / 1e6
    S1, S2 = annealing_sums(schedule, p["lambda"])
    return p["L0"] + p["A"] * S1 ** -p["alpha"] + p["B"] * millions ** -p["beta"] - p["C"] * S2 * millions ** p["gamma"]


def curve(name: str, noise: float = 1.0, seed: int | None = None) -> LossCurve:
    """Return a run of kind `name` with `noise` times the usual noise; of a seed, it is called NAME-seedSEED."""
    role, length, family, options = CELLS[name]
    schedule = schedules.build(family, round(length * X), **({"peak": PEAK, "warmup": WARMUP} | options))
    size = SIZES.get(name.rsplit("-", 1)[-1], BASE)
    every = 5 if name.startswith("dip") else 20
    step = np.arange(every, schedule.steps + 1, every)
    own = np.random.default_rng([seed_of(name), seed or 0])
    shared = np.random.default_rng(seed or 0)
    common, alone = OFFSET * shared.standard_normal(), OWN * own.standard_normal()
    relative = 1 + noise * (common + alone + SCATTER * own.standard_normal(step.size))
    return LossCurve(
        name=name if seed is None else f"{name}-seed{seed}",
        schedule=schedule,
        step=step,
        loss=loss_of(schedule, size)[step - 1] * relative,
        grad_norm=1 + 100 * schedule.lr,
        tokens_per_step=TOKENS,
        parameters={"total": size + 262_144, "non_embedding": size},
        flops_per_token=6.0 * (size + 262_144),
        seed=seed or 0,
        role=role,
        source={"made": "from the annealing law", "config": {"schedule": config_of(family, options)}},
    )


def config_of(family: str, options: dict) -> dict:
    """The group `schedule` of a run's config."""
    return {"name": family} | schedules.options(family) | options


def seed_of(name: str) -> int:
    """A number of the name that is the same in every process."""
    return int.from_bytes(name.encode()[-8:], "little")


def experiment(name: str = "night", cells=CELLS, noise: float = 1.0, seeds: int = 4) -> Experiment:
    """Return an experiment of `cells`, each with so many seeds."""
    return Experiment.of(name, [curve(cell, noise, seed) for cell in cells for seed in range(seeds)])


def write_experiment(folder: Path, cells=CELLS, noise: float = 1.0, seeds: int = 0) -> Path:
    """Save the curves of `cells` as `folder`/curves/NAME.csv, with several seeds as NAME-seedSEED.csv; return `folder`."""
    for name in cells:
        for seed in range(seeds) if seeds else [None]:
            curve(name, noise, seed).save(Path(folder) / "curves")
    return Path(folder)
