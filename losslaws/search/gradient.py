"""The final loss of a schedule and its exact derivatives by the rate of every step, for the laws that can be optimised.

    final_loss(fit, schedule) -> (loss, slope [T])

Rates of the warm-up have no derivative: a search leaves the warm-up and the peak as they are.
"""

from collections.abc import Callable, Mapping

import numpy as np

from losslaws.curves import InputError, Schedule
from losslaws.fitting import Fit
from losslaws.laws._blocks import LEAST_RATE
from losslaws.laws._rates import rates_and_drops
from losslaws.laws.multi_power import saturation


def final_loss(fit: Fit, schedule: Schedule) -> tuple[float, np.ndarray]:
    """Return the loss that `fit` predicts at the last step, nats per token, and its derivatives by the rates, [T].

    Raises InputError for a law that has no derivative here.
    """
    if fit.law.name not in GRADIENTS:
        raise InputError(f"law '{fit.law.name}' cannot be optimised over schedules (known: {', '.join(GRADIENTS)})")
    rate, drop = rates_and_drops(schedule, fit.law.warmup)
    loss, slope = GRADIENTS[fit.law.name](fit.params, rate, drop)
    slope[: schedule.warmup] = 0.0
    return loss, slope


def annealing(p: Mapping[str, float], rate: np.ndarray, drop: np.ndarray) -> tuple[float, np.ndarray]:
    """L0 + A S_p^-alpha - C S2; a drop at step k adds (1 - lambda^(T-k+1)) / (1 - lambda) of itself to S2 at the end."""
    exponent, peak = p.get("p", 1.0), rate.max()
    share = np.maximum(rate / peak, LEAST_RATE)
    progress = peak * np.sum(share**exponent)
    by_progress = -p["alpha"] * p["A"] * progress ** (-p["alpha"] - 1)
    left = p["lambda"] ** np.arange(rate.size - 1, -1, -1.0)  # lambda^(T-t): what is left of the momentum of step t
    weight = (1 - p["lambda"] * left) / (1 - p["lambda"])
    loss = p["L0"] + p["A"] * progress ** -p["alpha"] - p["C"] * (drop @ weight)
    return float(loss), by_progress * exponent * share ** (exponent - 1) + p["C"] * left


def multi_power(p: Mapping[str, float], rate: np.ndarray, drop: np.ndarray) -> tuple[float, np.ndarray]:
    """L0 + A S1^-alpha - B sum of drop_k G(C eta_k^-gamma S_k), step by step instead of in blocks."""
    S1, to_go = rate.sum(), np.cumsum(rate[::-1])[::-1]
    floor = LEAST_RATE * rate.max()
    held = np.maximum(rate, floor)
    u = p["C"] * held ** -p["gamma"] * to_go
    effect, by_log, _ = saturation(u, p["beta"])
    by_log *= drop
    loss = p["L0"] + p["A"] * S1 ** -p["alpha"] - p["B"] * (drop @ effect)
    falls = np.append(effect[1:], 0.0) - effect  # a rate is dropped to at its own step and dropped from at the next
    sooner = np.where(rate > floor, -p["gamma"] / held * by_log, 0.0)
    longer = np.cumsum(by_log / to_go.clip(floor))
    return float(loss), -p["alpha"] * p["A"] * S1 ** (-p["alpha"] - 1) - p["B"] * (falls + sooner + longer)


GRADIENTS: dict[str, Callable] = {
    "annealing": annealing,
    "annealing_progress": annealing,
    "multi_power": multi_power,
}
