"""Which law chooses schedules best, by runs that were really trained.

    regret() -> DataFrame, a row for every law and every set of runs that it was fitted to

At each peak rate of the 124M runs on SlimPajama the law is fitted to a few runs of 50,000 steps and asked which of all schedules
trained for 15, 25, 35 and 50 thousand steps ends lowest. Its regret is the loss of its choice less that of the best. The
cliff says whether the law can be minimised at all: the share of a run in which its best free schedule, fitted to all runs of
the Multi-Power paper's 100M model, falls from nine tenths of the peak to one tenth.
"""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from losslaws import laws
from losslaws.curves import LossCurve, Schedule, public
from losslaws.fitting import fit
from losslaws.search.optimize import Search

LAWS = {
    "multi_power": ("multi_power", {}),
    "multi_power, beta .59, gamma .64": ("multi_power", {"beta": 0.59, "gamma": 0.64}),
    "annealing, lambda .999": ("annealing", {"lambda": 0.999}),
    "annealing": ("annealing", {}),
    "annealing_progress, p .7": ("annealing_progress", {"p": 0.7}),
    "relaxation": ("relaxation", {}),
}
SEEN = (
    ("constant", "cosine10"),
    ("constant", "cosine10", "linear20"),
    ("constant", "cosine10", "linear20", "linear60"),
)
PEAKS = (1e-4, 5e-4, 1e-3, 2e-3)
STEPS = (15_000, 25_000, 35_000, 50_000)
LEAST_CHOICE = 5  # schedules of one peak and length among which a choice means something


def regret() -> pd.DataFrame:
    """Return mean and worst regret, mean rank correlation and the number of choices, by law and fitted runs."""
    runs, rows = public.slimpajama_124m(), []
    for name, (law, fixed) in LAWS.items():
        for seen in SEEN:
            choices = [choice for peak in PEAKS for choice in chosen(runs, law, fixed, seen, peak)]
            lost, rank = np.array(choices).T
            rows.append(
                {
                    "law": name,
                    "fitted_to": " ".join(seen),
                    "choices": len(choices),
                    "mean_regret": lost.mean(),
                    "worst_regret": lost.max(),
                    "rank_correlation": rank.mean(),
                }
            )
    return pd.DataFrame(rows)


def chosen(runs: dict[str, LossCurve], law: str, fixed: dict, seen: tuple[str, ...], peak: float):
    """Yield (regret, rank correlation) of the law's choice for every length trained at `peak`."""
    names = [f"{name}_{peak:g}_{STEPS[-1]}" for name in seen]
    if not all(name in runs for name in names):
        return
    fitted = fit(laws.build(law), [runs[name] for name in names], fixed=fixed)
    for steps in STEPS:
        rivals = [c for c in runs.values() if not c.role and (c.schedule.peak, c.schedule.steps) == (peak, steps)]
        if len(rivals) >= LEAST_CHOICE:
            measured = np.array([c.final_loss for c in rivals])
            predicted = np.array([fitted.predict(c, c.step[-1:])[0] for c in rivals])
            yield measured[predicted.argmin()] - measured.min(), spearmanr(measured, predicted).statistic


def cliff(law: str) -> float:
    """Return the share of 24,000 steps in which the best free schedule of `law` falls from .9 to .1 of the peak, unfenced."""
    search = Search.of(list(public.multi_power("100M").values()), 24_000, law=law)
    return fall_time(search.free(fenced=False).schedule)


def fall_time(schedule: Schedule) -> float:
    """Return the share of a run in which its rate falls from .9 to .1 of the peak; NaN where it does not fall so far."""
    lr = schedule.lr[schedule.warmup :] / schedule.peak
    if lr[-1] > 0.1:
        return np.nan
    return float((np.argmax(lr < 0.1) - np.argmax(lr < 0.9)) / schedule.steps)
