"""A golden curve: a tiny seeded run whose losses are known. A change to the model, the loop or the data order shows here."""

from types import SimpleNamespace

import numpy as np
import pytest

from training import config
from training.machine import Machine

# Recorded with torch 2.13.0 on a CPU, float32, one thread. Other processors round the last digits differently.
GOLDEN = [
    5.5485487,
    5.4668503,
    5.3038731,
    5.014564,
    4.7061968,
    4.5078554,
    4.4202948,
    4.2620082,
    4.1804085,
    4.1576233,
    4.0959797,
    4.1357536,
    4.1221061,
]


pytestmark = pytest.mark.slow


def test_the_golden_curve():
    overrides = ["model=llama-0.1m", "batch.sequences=4", "batch.length=32", "eval.sequences=8", "steps=12"]
    cfg = config.load([*overrides, "schedule.warmup=3", "schedule.peak=1e-2", "hardware.device=cpu", "seed=7"])
    settings = config.plain(cfg)
    settings["hardware"]["precision"] = "fp32"
    i = np.arange(4096)
    tokens = ((i % 7) * (i % 13) + i % 3).astype(np.uint16)
    machine = Machine(settings, SimpleNamespace(train=tokens, val=tokens[:1024], vocab_size=256))
    rates = config.schedule(cfg).lr
    losses = [float(machine.step(step, rates[step - 1])[0]) for step in range(1, 13)]
    np.testing.assert_allclose([*losses, machine.evaluate()["val_loss"]], GOLDEN, rtol=1e-5)
