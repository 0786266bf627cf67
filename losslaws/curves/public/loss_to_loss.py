"""The public tables of "Loss-to-Loss Prediction": models of many sizes on six data sets, each evaluated on all of them.

    sweep()             529 models, one row each        extrapolation()     the six of 3.3B parameters beyond them
    published_fits()    the scaling laws that the paper fitted
    points(rows, loss)  rows as LossCurves of one point, for laws of the final loss

Brandfonbrener et al. 2024, arXiv 2411.12925. Their repository states no licence: the tables are fetched, not kept.
"""

from functools import cache

import numpy as np
import pandas as pd

from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.public.fetcher import fetch
from losslaws.curves.schedule import Schedule

REPOSITORY = "KempnerInstitute/loss-to-loss-notebooks/457ce81a019019bc3981937c20a70c52f5fad436"
SETS = ("fineweb-100b", "fineweb-edu-100b", "proof-pile-2", "slimpajama-chunk1", "smollm-corpus", "starcoder")
TASKS = ("hellaswag", "arc_easy", "mmlu_humanities", "mmlu_stem")


@cache
def sweep() -> pd.DataFrame:
    """Return the models: `data` (one of SETS), `params`, `tokens`, `val_loss` on their own data, and a column for each test.

    Tests are columns `task_column(task)`; all losses in nats per token. Every run ended its schedule. Raises
    Unavailable where the table cannot be had.
    """
    return pd.read_csv(fetch(f"{REPOSITORY}/data/sweep.csv"))


@cache
def extrapolation() -> pd.DataFrame:
    """Return the 3.3B models, one for each of SETS, as the index; columns as in `sweep`."""
    return pd.read_csv(fetch(f"{REPOSITORY}/data/extrapolation.csv")).set_index("data")


@cache
def published_fits() -> pd.DataFrame:
    """Return the published fits: data, loss_name, kaplan (the form: Kaplan's with entropy, or Chinchilla's), A, B, E, alpha, beta."""
    return pd.read_csv(fetch(f"{REPOSITORY}/data/opt_params_data.csv"))


def task_column(task: str) -> str:
    """Return the column of the loss on the correct answers of one of TASKS."""
    return f"eval/downstream_ce_loss/{task}_test_ce_loss"


def points(rows: pd.DataFrame, loss: str = "val_loss") -> list[LossCurve]:
    """Return each row as a LossCurve with the one point `loss`; its one step is worth all its tokens, since steps differ."""
    return [
        LossCurve(
            name=f"{data}_{size}_{tokens:.4g}",
            schedule=Schedule(np.ones(1), name="unknown"),
            step=np.ones(1),
            loss=np.array([value]),
            tokens_per_step=round(tokens),
            parameters={"non_embedding": size},
            source={"paper": "arXiv 2411.12925", "repository": f"https://github.com/{REPOSITORY}"},
        )
        for data, size, tokens, value in zip(rows["data"], rows["params"], rows["tokens"], rows[loss], strict=True)
    ]
