"""What the tests of laws share.

Each law has tests/losslaws/laws/test_NAME.py with CASES, a list of Case: true parameters, from which `test_every_law` makes curves,
checks the derivatives and fits the parameters again. What is special of a law is tested beside its CASES.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import LossCurve, public
from losslaws.curves.schedules import build
from losslaws.fitting import fit
from losslaws.fitting.metrics import average, score

BATCH = 2048
SIZES = (1_000_000, 4_000_000, 20_000_000)
POWER = {"L0": 2.1, "A": 0.9, "alpha": 0.45}
REWARM = ((0, 1), (0.3, 1), (0.6, 0.1), (0.65, 0.9), (0.8, 0.9), (1, 0.05))


@dataclass(frozen=True)
class Case:
    """A law with true parameters.

    params   the value of every parameter
    options  of the law
    held     parameters that the fit does not free
    rewarm   whether the law is defined after a rise of the rate
    """

    params: dict
    options: dict = field(default_factory=dict)
    held: tuple[str, ...] = ()
    rewarm: bool = True


def plans(rewarm=True):
    """Schedules that decay early and late, fast and slowly and, with `rewarm`, rise again, at three sizes each."""
    step = np.arange(100, 2401, 25)
    shapes = {"constant": {}, "cosine": {}, "wsd": {"decay": 0.3}, "two_stage": {"switch": 0.2}}
    if rewarm:
        shapes["polyline"] = {"points": REWARM}
    return [
        laws.Planned(build(name, 2400, 3e-3, 60, **options), step, {"non_embedding": size}, BATCH, f"{name}-{size}")
        for name, options in shapes.items()
        for size in SIZES
    ]


def curves_of(law, case):
    """The curves that the case gives, without noise."""
    return [
        LossCurve(p.name, p.schedule, p.step, law.loss(case.params, p), parameters=p.parameters, tokens_per_step=BATCH)
        for p in plans(case.rewarm)
    ]


def converged(name, size, expected):
    """Hold a fit to the Multi-Power paper's three curves against `expected`: 1e3 x objective, and R2, MAE, RMSE, PredE, WorstE of its other six."""
    curves = public.multi_power(size)
    seen = [curves.pop(key) for key in public.MULTI_POWER_FIT]
    found = fit(laws.build(name), seen)
    mean = average(score(found.predict(curve), curve.loss) for curve in curves.values())
    objective, *metrics = expected
    assert found.converged and 1e3 * found.objective == pytest.approx(objective, abs=1e-3)
    assert (mean.r2, mean.mae, mean.rmse, mean.mean_error, mean.worst_error) == pytest.approx(metrics, abs=1e-4)
