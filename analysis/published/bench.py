"""CPU seconds of our fits beside those of the published procedures: `python -m analysis bench` -> results/bench_fit.csv.

Three curves of each size of the Multi-Power paper are fitted, in one process and on one thread. Our time is the whole of `fit`, features
included, median and least of REPEATS before the published procedure and as many after it, since the speed of a machine drifts; that procedure
runs once, in full unless the column `how` says otherwise. Objectives are those of one law, our sum, at what each of both ends with.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis import RESULTS
from analysis.published import peers
from analysis.published.numbers import TABLE_7
from analysis.published.table import read
from losslaws import laws
from losslaws.curves import LossCurve, public
from losslaws.curves.errors import exit_on_input_error
from losslaws.curves.files import write_table
from losslaws.fitting import bootstrap, fit
from losslaws.fitting.huber import huber

RESULT = RESULTS / "published" / "bench_fit.csv"
COLUMNS = (
    "law",
    "case",
    "size",
    "fits",
    "fit_ms",
    "fit_ms_least",
    "peer_s",
    "ratio",
    "lean_s",
    "lean_ratio",
    "objective",
    "peer_objective",
    "reached",
)
REPEATS = 25
TEXT_STEPS = 250  # of each of the two stages of Adam: enough to know what a step costs
DRAWS = 1000
ROUNDING = 1e-9  # share by which an objective may be higher and still counts as the same


def seconds(call: Callable) -> tuple[float, object]:
    """Return the CPU seconds of one call, and what it returned."""
    started = time.process_time()
    result = call()
    return time.process_time() - started, result


def fit_curves(size: str) -> list[LossCurve]:
    """Return the three curves of one size that its paper fits."""
    curves = public.multi_power(size)
    return [curves[name] for name in public.MULTI_POWER_FIT]


def objective(law: laws.Law, params: dict[str, float], curves: list[LossCurve]) -> float:
    """Return the sum over all points of Huber(log Lhat - log L; 1e-3) at `params`."""
    return sum(huber(np.abs(np.log(law.loss(params, c)) - np.log(c.loss)), peers.DELTA).sum() for c in curves)


def annealing_script(size: str) -> dict:
    """The annealing law's procedure: as the script of its authors does it, and (lean_s) with nothing computed twice."""
    spent, found = seconds(lambda: peers.annealing_script(fit_curves(size)))
    lean, same = seconds(lambda: peers.annealing_grid(fit_curves(size)))
    lowest = min(found.objective, same.objective)
    return {"peer_s": spent, "peer_objective": lowest, "lean_s": lean, "how": f"in full: {found.steps} starts"}


def multi_power_code(size: str) -> dict:
    """The Multi-Power Law's procedure by the code of its authors."""
    spent, found = seconds(lambda: peers.multi_power_code(fit_curves(size)))
    how = f"in full: 135 starts, {found.steps} steps of AdamW on the sum over all steps"
    return {"peer_s": spent, "peer_objective": found.objective, "how": how}


def multi_power_text(size: str) -> dict:
    """The Multi-Power Law's procedure by its text, a part of which is run; its objective is that of the printed parameters."""
    curves = fit_curves(size)
    spent, found = seconds(lambda: peers.multi_power_text(curves, TEXT_STEPS))
    steps = 2 * peers.TEXT_STEPS
    how = f"{found.steps} steps of Adam timed and scaled to {steps}; objective of its Table 7"
    printed = objective(laws.build("multi_power"), read(peers.NAMES, TABLE_7[size]), curves)
    return {"peer_s": spent * steps / found.steps, "peer_objective": printed, "how": how}


# what is fitted: law, options, what is given, published procedure, most milliseconds and least ratio to reach (by size, if not all)
CASES = {
    "lambda given": (
        "annealing",
        {},
        {"lambda": 0.999},
        annealing_script,
        5,
        dict.fromkeys(public.MULTI_POWER_SIZES, 500),
    ),
    "lambda fitted": ("annealing", {}, {}, annealing_script, 20, {}),
    "as in the text": ("multi_power", {}, {}, multi_power_text, 50, {"100M": 1000, "400M": 1000}),
    "as in the code": ("multi_power", {"warmup": "repository"}, {}, multi_power_code, 50, {"100M": 1000, "400M": 1000}),
}


def both(size: str, case: str) -> dict:
    """Time our fit of one case and the published procedure."""
    law, options, fixed, peer, *_ = CASES[case]
    law, curves = laws.build(law, **options), fit_curves(size)
    found = fit(law, curves, fixed=fixed)  # warms up
    before = [seconds(lambda: fit(law, curves, fixed=fixed))[0] for _ in range(REPEATS)]
    theirs = peer(size)
    after = [seconds(lambda: fit(law, curves, fixed=fixed))[0] for _ in range(REPEATS)]
    times = [1e3 * second for second in before + after]
    return {"fit_ms": statistics.median(times), "fit_ms_least": min(times), "objective": found.objective, **theirs}


def draws(size: str, case: str) -> dict:
    """Time the bootstrap of one case: a row of its own, of DRAWS fits."""
    law, options, fixed, *_ = CASES[case]
    found = fit(laws.build(law, **options), fit_curves(size), fixed=fixed)
    spent, _ = seconds(lambda: bootstrap(found, DRAWS))
    return {"fit_ms": 1e3 * spent, "fit_ms_least": 1e3 * spent, "objective": found.objective}


def measure() -> pd.DataFrame:
    """Return one row for every case and size."""
    rows = []
    jobs = [(size, case) for case in CASES for size in public.MULTI_POWER_SIZES]
    for size, case in tqdm(jobs, desc="fits", leave=False):
        law, *_, most, least_ratio = CASES[case]
        row = {"law": law, "case": case, "size": size, "fits": 1, **both(size, case)}
        rows.append({**row, "target_ms": most, "target_ratio": least_ratio.get(size, np.nan)})
    for size, case in [(size, case) for size, case in jobs if CASES[case][0] == "annealing"]:
        row = {"law": "annealing", "case": f"bootstrap, {case}", "size": size, "fits": DRAWS, **draws(size, case)}
        rows.append({**row, "target_ms": 5000})
    table = pd.DataFrame(rows)
    for seconds_of, ratio in (("peer_s", "ratio"), ("lean_s", "lean_ratio")):
        table[ratio] = 1e3 * table[seconds_of] / table["fit_ms"]
    slower = table["fit_ms"] > table["target_ms"]
    short = table["ratio"] < table["target_ratio"]
    higher = table["objective"] > table["peer_objective"] * (1 + ROUNDING)
    table["reached"] = np.where(slower | short | higher, "no", "yes")
    return table


def main() -> None:
    found = measure()
    columns = [*COLUMNS, *(name for name in found.columns if name not in COLUMNS)]
    write_table(found[columns], RESULT, digits=6)
    print(found[columns].to_string(index=False, float_format="%.4g"))


if __name__ == "__main__":
    exit_on_input_error(main)
