"""What the runs of other models say of a run's parameters before it is fitted: `prior_for(curve)`.

`learn(groups)` fits the law to each group of public curves and keeps two things, which `python -m analysis calibrate` writes to
prior.json: how K, as a share of the loss, follows the peak rate and the batch, and where alpha lies. Each comes with the
spread between models. The memory is held at TAU steps, so that the K of different models can be compared.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from analysis import laws
from analysis.fitting import Fit, Prior, fit, select
from analysis.forecast.families import Group
from curves import LossCurve

LAW = laws.build("annealing_memory")
FILE = Path(__file__).parent / "prior.json"
TAU = 1000.0
POINTS = 100  # of a curve that are fitted; as many as a Prior's scale weighs
FIRST = 0.03  # share of the seen steps left out at the beginning, where the power law of S_p does not hold
WARMUPS = 2  # ... and so many times the warm-up


def settled(curve: LossCurve) -> LossCurve:
    """Return `curve` without its beginning, and with at most POINTS points, evenly spaced in the order they were logged."""
    first = max(WARMUPS * curve.schedule.warmup, FIRST * curve.step[-1])
    keep = np.flatnonzero(curve.step >= first)
    return select(curve, keep[np.unique(np.linspace(0, keep.size - 1, POINTS).round().astype(int))])


def learn(groups: Sequence[Group]) -> dict:
    """Return what `groups` say, as plain numbers."""
    fits = [fit(LAW, [settled(curve) for curve in group.curves], fixed={"tau": TAU}) for group in groups]
    drop = np.log([f.params["K"] / level(group.curves) for f, group in zip(fits, groups, strict=True)])
    peak = np.log([group.curves[0].schedule.peak for group in groups])
    batch = np.log([group.curves[0].tokens_per_step or np.nan for group in groups])
    known = np.isfinite(batch)
    return {
        "K with batch": regress(drop[known], peak[known], batch[known]),
        "K": regress(drop, peak),
        "alpha": spread(fits, "alpha"),
    }


def level(curves: Sequence[LossCurve]) -> float:
    """Return the mean of the last losses: the unit of K."""
    return float(np.mean([curve.loss[-1] for curve in curves]))


def regress(value: np.ndarray, *by: np.ndarray) -> dict:
    """Return the least-squares coefficients of `value` on 1 and `by`, and the standard deviation of one more value."""
    x = np.column_stack([np.ones_like(value), *by])
    coefficients, *_ = np.linalg.lstsq(x, value, rcond=None)
    left = value - x @ coefficients
    return {
        "coefficients": [round(float(c), 4) for c in coefficients],
        "scale": round(float(np.sqrt(left @ left / (value.size - x.shape[1]) * (1 + 1 / value.size))), 4),
    }


def spread(fits: Sequence[Fit], name: str) -> dict:
    """Return mean and scale of the logarithm of a parameter."""
    value = np.log([f.params[name] for f in fits])
    return {"mean": round(float(value.mean()), 4), "scale": round(float(value.std(ddof=1) * np.sqrt(1 + 1 / len(fits))), 4)}


def prior_for(curve: LossCurve, learned: dict) -> Prior:
    """Return the prior for a fit to `curve`, of whose loss K is a share; a batch that is not known widens it."""
    known = bool(curve.tokens_per_step)
    rule = learned["K with batch" if known else "K"]
    by = [1.0, np.log(curve.schedule.peak), *([np.log(curve.tokens_per_step)] if known else [])]
    drop = float(np.dot(rule["coefficients"], by) + np.log(curve.loss[-1]))
    alpha = learned["alpha"]
    return Prior({"K": drop, "alpha": alpha["mean"]}, {"K": rule["scale"], "alpha": alpha["scale"]}, ("K", "alpha"))
