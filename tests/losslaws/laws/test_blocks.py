"""Sums over blocks of drops beside the double sums that they stand for."""

import numpy as np
import pytest

from analysis.published.numbers import CONFIG
from analysis.published.table import PARAMETERS
from losslaws import laws
from losslaws.curves.schedules import build
from losslaws.laws._blocks import counted


def exact_loss_drop(plan, warmup, C, beta, gamma):
    """The Multi-Power loss drop / B as the double sum over all steps."""
    rate, drop, at = counted(plan, warmup)
    total, steps = np.cumsum(rate), np.flatnonzero(drop)
    out = []
    for t in at:
        k = steps[steps <= t]
        S = total[t] - total[k] + rate[k]
        u = C * np.maximum(rate[k], 1e-6 * rate.max()) ** -gamma * np.maximum(S, 0)
        out.append(np.sum(drop[k] * (1 - (1 + u) ** -beta)))
    return np.array(out)


def exact_functional_drop(plan, s, c4, gamma, c3):
    """The Functional law's sum over the drops / c2, step by step."""
    rate, drop, at = counted(plan, "true")
    T, steps = np.cumsum(rate), np.flatnonzero(drop)
    out = []
    for t in at:
        i = steps[steps <= t]
        out.append(np.sum(drop[i] * (c3 + T[i] ** -s) * (1 - (1 + c4 * (T[t] - T[i])) ** -gamma)))
    return np.array(out)


LONG = {
    "cosine": ("cosine", 24000, {"final": 0.1}),
    "wsd": ("wsd", 24000, {"decay": 0.1}),
    "wsd 1-sqrt": ("wsd", 24000, {"decay": 0.2, "shape": "1-sqrt"}),
    "exponential": ("wsd", 24000, {"decay": 4000, "shape": "exponential", "final": 0.1}),
    "two stage": ("two_stage", 16000, {}),
    "multistep cosine": ("multistep_cosine", 24000, {}),
    "cyclic": ("cyclic", 12000, {}),
    "short": ("wsd", 400, {"decay": 0.2}),
}


@pytest.mark.parametrize("warmup", ["true", "full", "repository"])
@pytest.mark.parametrize("shape", LONG)
def test_blocks_of_drops_are_within_1e_5_of_the_double_sum(shape, warmup):
    family, steps, options = LONG[shape]
    schedule = build(family, steps, 3e-4, steps // 12, **options)
    step = np.unique(np.linspace(steps // 12 + 16, steps, 60).astype(int))  # multiples of nothing
    plan = laws.Planned(schedule, step)
    for params in (CONFIG["400M"], (0, 0, 0.5, 400.0, 20.0, 0.5, 0.8), (0, 0, 0.5, 5000.0, 5.0, 0.02, 0.3)):
        _, _, alpha, B, C, beta, gamma = params
        law = laws.build("multi_power", warmup=warmup)
        phi, _ = law.basis(np.array([alpha, C, beta, gamma]), law.features([plan]))
        np.testing.assert_allclose(-B * phi[:, 2], B * exact_loss_drop(plan, warmup, C, beta, gamma), atol=1e-5)
    if warmup == "true":
        law = laws.build("functional")
        phi, _ = law.basis(np.array([0.45, 175.0, 0.6]), law.features([plan]))
        exact = 207 * exact_functional_drop(plan, 0.45, 175.0, 0.6, 1.7)
        np.testing.assert_allclose(-207 * (1.7 * phi[:, 2] + phi[:, 3]), exact, atol=1e-5)


def test_many_points_come_in_chunks_and_agree(monkeypatch):
    schedule = build("cosine", 3000, 3e-4, 100)
    law, params = laws.build("multi_power"), dict(zip(PARAMETERS, CONFIG["25M"], strict=True))
    every = law.loss(params, schedule)
    monkeypatch.setattr("losslaws.laws._blocks.CHUNK", 5000)
    np.testing.assert_allclose(law.loss(params, schedule), every, rtol=1e-12)
    np.testing.assert_allclose(law.loss(params, schedule, [7, 500, 3000]), every[[6, 499, 2999]], rtol=1e-12)
