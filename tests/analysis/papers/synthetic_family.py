"""A made family: every cell of the kaplan sweep, with losses from Kaplan's laws of size, steps and batch, and of short texts."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from losslaws.curves import LossCurve, schedules

PEAK, WARMUP, TOKENS = 6e-3, 50, 2048
N = {"0.04m": 6_736, "0.06m": 13_944, "0.1m": 35_552, "0.2m": 83_280, "0.3m": 150_976, "0.6m": 443_232}
SIZE, STEPS = (6.0, 0.08), (20.0, 0.6)  # L = A N^-alpha + B S_min^-beta
CRITICAL = (4e6, 0.2)  # B*, alpha_B
# the longest text is the first 385 steps of the others' law; with these constants the law of texts agrees there to .3 %
TEXT = {"Nc": 10**12.3616, "alpha_N": 0.06833, "Dc": 3e10, "alpha_D": 0.12}
DECAYED = 0.02  # share of the loss that a decay of the rate removes
LENGTHS = {name: (350, 700) if name in ("0.3m", "0.6m") else (350, 700, 1400) for name in N}
TEXTS = {
    "0.04m": (12_500, 50_000, 200_000),
    "0.1m": (12_500, 50_000, 200_000),
    "0.2m": (12_500, 50_000, 100_000, 200_000),
}
SEEDS = 3
BATCHES = ((512, 2000, 100, 0.003), (2048, 600, 25, 0.006), (8192, 250, 10, 0.012))


def loss_at(size: int, step: np.ndarray, batch: int) -> np.ndarray:
    """Losses that solve L = A N^-alpha + B S_min(L)^-beta, by halving."""
    (A, alpha), (B, beta), (scale, alpha_B) = SIZE, STEPS, CRITICAL
    floor = A * size**-alpha
    low, high = np.full(step.size, floor), np.full(step.size, 1e3)
    for _ in range(80):
        middle = (low + high) / 2
        critical = scale * middle ** (-1 / alpha_B)
        above = floor + B * (step / (1 + critical / batch)) ** -beta > middle
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return high


def text_loss(size: int, D: float) -> float:
    """The lowest loss on a text of D tokens."""
    t = TEXT
    return float(((t["Nc"] / size) ** (t["alpha_N"] / t["alpha_D"]) + t["Dc"] / D) ** t["alpha_D"])


def family(noise: float = 0.0) -> list[LossCurve]:
    """Every curve, with `noise` times 1e-3 of the loss as scatter of whole runs."""
    made = [
        run(f"{name}-steps{T}-seed{seed}", "family", name, T, seed, TOKENS, "wsd")
        for name in N
        for T in LENGTHS[name]
        for seed in range(SEEDS)
    ]
    for name in ("0.04m", "0.1m"):
        for seed in (0, 2):
            for batch, T, every, peak in BATCHES:
                made.append(
                    run(f"{name}-batch{batch}-peak{peak}-seed{seed}", "batch", name, T, seed, batch, "constant", every)
                )
            slow = run(
                f"{name}-batch2048-peak0.012-seed{seed}", "batch", name, 600, seed, TOKENS, "constant", 25, 0.012
            )
            made.append(replace(slow, loss=loss_at(N[name], slow.step * 0.8, TOKENS)))
        for D in TEXTS[name]:
            made.append(text(name, D))
    made += [text("0.2m", D) for D in TEXTS["0.2m"]]
    rng = np.random.default_rng(0)
    return [scaled(curve, 1 + noise * 1e-3 * rng.standard_normal()) for curve in made]


def run(name, role, model, steps, seed, batch, kind, every=35, peak=PEAK) -> LossCurve:
    """One run; the loss falls by DECAYED while the rate does, and another seed adds (seed - 1) x 1e-3 of it."""
    schedule = schedules.build(kind, steps, peak, WARMUP)
    step = np.arange(every, steps + 1, every)
    loss = loss_at(N[model], step, batch) * (1 + 1e-3 * (seed - 1))
    loss = loss * (1 - DECAYED * (1 - schedule.lr[step - 1] / peak) * (step > WARMUP))
    return curve(name, role, model, schedule, step, loss, batch, seed, 9_000_000)


def text(model: str, D: int) -> LossCurve:
    """A run on a short text: its loss falls to `text_loss` at step 200 and rises again."""
    schedule = schedules.build("constant", 400, PEAK, WARMUP)
    step = np.arange(25, 401, 25)
    loss = text_loss(N[model], D) * (1 + (step / 200 - 1) ** 2)
    return curve(f"{model}-text-train_tokens{D}", "text", model, schedule, step, loss, TOKENS, 1, D)


def curve(name, role, model, schedule, step, loss, batch, seed, train_tokens) -> LossCurve:
    total = N[model] + 16_384
    return LossCurve(
        name=name,
        schedule=schedule,
        step=step,
        loss=loss,
        tokens_per_step=batch,
        parameters={"total": total, "non_embedding": N[model]},
        flops_per_token=6.0 * total,
        seed=seed,
        role=role,
        source={"made": "from Kaplan's laws", "train_tokens": train_tokens},
    )


def scaled(curve: LossCurve, factor: float) -> LossCurve:
    """The curve with all its losses times `factor`."""
    return replace(curve, loss=curve.loss * factor)


def write_family(folder: Path, noise: float = 0.0) -> Path:
    """Save the curves as `folder`/curves/NAME.csv and return `folder`."""
    for made in family(noise):
        made.save(Path(folder) / "curves")
    return Path(folder)
