"""Runs of one 162M model under six optimisers: track 3 of github.com/KellerJordan/modded-nanogpt, commit f411b3d3.

modded_nanogpt()     {"162M muon-3350": {"muon-3350-01": ..., ...}, ...}, by optimiser and steps, and by seed
"""

import numpy as np
import pandas as pd

from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.public.fetcher import DATA
from losslaws.curves.schedule import Schedule

FOLDER = DATA / "modded_nanogpt"
REPOSITORY = "KellerJordan/modded-nanogpt"
LAYERS, WIDTH, VOCABULARY = 12, 768, 50_304  # embedding and head are not tied


def modded_nanogpt() -> dict[str, dict[str, LossCurve]]:
    """Return the runs of every recipe, an optimiser with its settings over a number of steps; runs of one recipe differ in their seeds.

    FineWeb, 524,288 tokens a step. All but one hold their rate for 30 % of the steps and fall in a straight line to 0 over the rest
    (adamh: warms up for 250 steps, jumps to .95 of the peak, falls from there). Rates are those of the matrices and in the unit of
    their optimiser: they cannot be compared between optimisers, nor with AdamW's of other models; embedding, head and vectors have AdamW
    rates of their own that follow the same schedule. Runs were handed in because they end at 3.28, so that ends alone say little. The
    second and later seeds have the role "noise".
    """
    runs = pd.read_csv(FOLDER / "runs.csv")
    losses = dict(iter(pd.read_csv(FOLDER / "losses.csv").groupby("run")))
    found: dict[str, dict[str, LossCurve]] = {}
    for run in runs.itertuples():
        curve = _curve(run, losses[run.run])
        found.setdefault(f"162M {run.run.rpartition('-')[0]}", {})[run.run] = curve
    return found


def _curve(run, rows: pd.DataFrame) -> LossCurve:
    """Return the curve of one row of runs.csv. `knots` holds the steps and rates between which the rate moves in straight lines."""
    step, rate = np.array([knot.split(":") for knot in run.knots.split()], dtype=float).T
    blocks = 12 * LAYERS * WIDTH**2
    return LossCurve(
        name=run.run,
        schedule=Schedule(np.interp(np.arange(1, step[-1] + 1), step, rate), run.warmup, "wsd"),
        step=rows["step"].to_numpy(),
        loss=rows["loss"].to_numpy(),
        tokens_per_step=run.tokens_per_step,
        parameters={"total": blocks + 2 * VOCABULARY * WIDTH, "non_embedding": blocks},
        seed=run.seed,
        role="noise" if run.seed else "",
        source={
            "optimiser": run.optimiser,
            "settings": run.settings,
            "repository": f"https://github.com/{REPOSITORY}",
            "file": run.source,
            "licence": "MIT",
        },
    )
