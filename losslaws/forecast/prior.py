"""What the runs of other models say of a run's parameters before it is fitted: `prior_for(curve, learned)`.

A run hardly tells how long a drop of the rate takes to have its effect: what decays of other lengths will do hangs on that. So the law is
taken in several FORMS, and forecasts are averages over them. `learn(groups)` fits each to each group of public curves and keeps, in
prior.json (`python -m analysis calibrate`): how the loss that a whole decay removes, as a share of the loss at the peak rate, follows that
rate and the batch, and where alpha lies, each with the spread between models; and how well the form describes them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from losslaws import laws
from losslaws.curves import LossCurve
from losslaws.curves.runs import settled, thinned
from losslaws.curves.schedules import build
from losslaws.fitting import Fit, fit
from losslaws.fitting.prior import Prior

if TYPE_CHECKING:
    from losslaws.curves.public import Group  # takes pandas, which takes longer than a forecast

POINTS = 100  # of a curve that are fitted; as many as a Prior's scale weighs
FIRST = 0.03  # share of the seen steps left out at the beginning, where the power law does not hold

LAW = laws.build("relaxation")
# what each form holds: the steps at the peak rate until the noise is gone, so that the K of different models can be compared
FORMS = {f"memory {steps}": {"rho": 1 / steps} for steps in (30, 100, 300)}


def fitted_points(curve: LossCurve) -> LossCurve:
    """Return `curve` with the points that are fitted: without its beginning, at most POINTS. Raises InputError where none is left."""
    return thinned(settled(curve, FIRST), POINTS)


def learn(groups: Sequence["Group"]) -> dict:
    """Return what `groups`, of one peak rate each, say of each form, as plain numbers, and how well it describes them: "weight", of sum 1."""
    seen = [[fitted_points(curve) for curve in group.curves.values()] for group in groups]
    fits = [[fit(LAW, curves, fixed=held) for curves in seen] for held in FORMS.values()]
    each = np.array([likelihood(forms) for forms in zip(*fits, strict=True)])
    dataset = [group.dataset for group in groups]
    # data sets count alike, whatever their number of groups
    weight = np.mean([each[np.equal(dataset, name)].mean(axis=0) for name in dict.fromkeys(dataset)], axis=0)
    return {name: {"weight": round(float(weight[i]), 4), **said(fits[i], groups)} for i, name in enumerate(FORMS)}


def likelihood(fits: Sequence[Fit]) -> np.ndarray:
    """Return the likelihood of forms fitted to the same points, of sum 1, [forms]: objective^(-n / 2) for a noise of unknown size.

    n is the number of independent measurements, one for POINTS points.
    """
    measurements = fits[0].measurements(POINTS)
    objective = np.array([max(found.objective, np.finfo(float).tiny) for found in fits])
    share = (objective / objective.min()) ** (-measurements / 2)
    return share / share.sum()


def said(fits: Sequence[Fit], groups: Sequence["Group"]) -> dict:
    """Return what the fits of one form to `groups` say of its parameters."""
    peak = np.array([peak_of(group) for group in groups])
    drop = np.log([removed(f, h) / undecayed(f, group) for f, h, group in zip(fits, peak, groups, strict=True)])
    batch = np.array([group.tokens_per_step or np.nan for group in groups])
    known = np.isfinite(batch)
    return {
        "K with batch": regress(drop[known], np.log(noise(peak, batch)[known])),
        "K": regress(drop, np.log(peak)),
        "alpha": spread(fits, "alpha"),
    }


def peak_of(group: "Group") -> float:
    """Return the peak rate of a group that has one."""
    return next(iter(group.curves.values())).schedule.peak


def removed(found: Fit, peak: float) -> float:
    """Return the loss that a whole decay from the rate `peak` removes, nats per token."""
    return found.params["K"] * LAW.level(peak)


def undecayed(found: Fit, group: "Group") -> float:
    """Return the loss that the longest run of `group` would end with at its peak rate: what `removed` is a share of."""
    longest = max(group.curves.values(), key=lambda curve: curve.step[-1])
    return float(found.predict(build("constant", longest.schedule.steps, longest.schedule.peak), longest.step[-1:])[0])


def noise(peak, batch):
    """Return what the loss at a constant rate depends on besides progress: with Adam, batches four times as large allow
    twice the rate (the square-root rule, Malladi et al. 2022, arXiv 2205.10287)."""
    return peak / np.sqrt(batch)


def regress(value: np.ndarray, by: np.ndarray) -> dict:
    """Return the line of `value` on `by`, by least squares, and the standard deviation of one more value."""
    x = np.column_stack([np.ones_like(value), by])
    coefficients, *_ = np.linalg.lstsq(x, value, rcond=None)
    left = value - x @ coefficients
    return {
        "coefficients": [round(float(c), 4) for c in coefficients],
        "scale": round(float(np.sqrt(left @ left / (value.size - x.shape[1]) * (1 + 1 / value.size))), 4),
    }


def spread(fits: Sequence[Fit], name: str) -> dict:
    """Return mean and scale of the logarithm of a parameter."""
    value = np.log([f.params[name] for f in fits])
    return {
        "mean": round(float(value.mean()), 4),
        "scale": round(float(value.std(ddof=1) * np.sqrt(1 + 1 / len(fits))), 4),
    }


def prior_for(curve: LossCurve, learned: dict) -> Prior:
    """Return the prior for a fit to `curve`, of whose last loss a decay removes a share; a batch that is not known widens it.

    learned  what `learn` returned of a form
    """
    peak, batch = curve.schedule.peak, curve.tokens_per_step
    rule = learned["K with batch" if batch else "K"]
    by = np.log(noise(peak, batch) if batch else peak)
    share, alpha = np.dot(rule["coefficients"], [1, by]), learned["alpha"]
    return Prior(
        {"K": float(share + np.log(curve.loss[-1] / LAW.level(peak))), "alpha": alpha["mean"]},
        {"K": rule["scale"], "alpha": alpha["scale"]},
        ("K", "alpha"),
    )
