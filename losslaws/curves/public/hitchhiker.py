"""Families of models with the losses of their intermediate checkpoints, collected by "A Hitchhiker's Guide to Scaling Law Estimation".

    opt(unit)                  six OPT models, in nats or as the perplexities that were published
    gpt3()                     eight GPT-3 models, validation losses read off a figure
    datablations(text, epochs) three sizes trained on a text seen several times
    olmo(twin)                 OLMo 1B and 7B; their losses are means over different tests

A family is a DataFrame with a row for every checkpoint, and columns model, N (parameters), D (tokens seen) and loss, largest N
last. Choshen, Zhang and Andreas 2024, arXiv 2410.11840; their repository is under the MIT licence. Every function raises
`losslaws.curves.public.Unavailable` where its file cannot be had.
"""

from functools import cache

import numpy as np
import pandas as pd

from losslaws.curves.errors import InputError
from losslaws.curves.public.fetcher import fetch

REPOSITORY = "IBM/ColPret/16f23bbe054277ddc4afd07a972dd7cfbe3f48c3"
TEXTS, EPOCHS = ("c4", "oscar"), (1, 2, 3, 4, 5, 7, 14, 44)
UNITS = ("nats", "perplexity")
SUFFIX = {"m": 1e6, "b": 1e9}

# from the GPT-3 paper; the family's file has names only
GPT3 = {
    "small": 125e6,
    "medium": 350e6,
    "large": 760e6,
    "xl": 1.3e9,
    "2.7b": 2.7e9,
    "6.7b": 6.7e9,
    "13b": 13e9,
    "175b": 175e9,
}
# tokens per step by size, as the paper's code counts them: below each size
OPT_BATCH = ((1e9, 5e5), (6e9, 1e6), (10e9, 2e6), (60e9, 4e6), (np.inf, 2e6))
OLMO_BATCH = 4e6


@cache
def opt(unit: str = "nats") -> pd.DataFrame:
    """Return OPT 125M to 175B, losses in `unit`: "nats", or "perplexity" as published. Raises InputError for another unit."""
    if unit not in UNITS:
        raise InputError(f"unit '{unit}' of OPT's losses is unknown (known: {', '.join(UNITS)})")
    table = pd.read_csv(fetch(f"{REPOSITORY}/aggregated_eval/opt_trajectories.csv"))
    size = table["model_size"].map(number)
    batch = np.select([size < limit for limit, _ in OPT_BATCH], [tokens for _, tokens in OPT_BATCH])
    loss = table["ppl"] if unit == "perplexity" else np.log(table["ppl"])
    return family(table["model_size"], size, table["steps"] * batch, loss)


@cache
def gpt3() -> pd.DataFrame:
    """Return GPT-3 125M to 175B: validation losses in nats, from 10 billion tokens on, several at many points."""
    table = pd.read_csv(fetch(f"{REPOSITORY}/raw_data/gpt3/extracted.csv")).dropna(subset=["val_loss"])
    return family(table["model"], table["model"].map(GPT3), table["step"] * 1e9, table["val_loss"])


@cache
def datablations(text: str, epochs: int) -> pd.DataFrame:
    """Return 2.8B, 4.2B and 8.7B models that saw `text` (one of TEXTS) `epochs` times (one of EPOCHS), in nats."""
    table = pd.read_csv(fetch(f"{REPOSITORY}/aggregated_eval/datablations_losses.csv"))
    table = table[(table["data"] == text) & (table["epochs"] == epochs)]
    if table.empty:
        raise InputError(
            f"datablations has no models on '{text}' for {epochs} epochs (texts: {TEXTS}, epochs: {EPOCHS})"
        )
    return family(table["num_params"], table["num_params"].map(number), table["token_num"], table["loss"])


@cache
def olmo(twin: bool = False) -> pd.DataFrame:
    """Return OLMo 1B and 7B (or the 7B twin), the mean of each checkpoint's cross-entropies in nats.

    The tests of the 1B model and those of the 7B models have none in common.
    """
    table = pd.read_csv(fetch(f"{REPOSITORY}/aggregated_eval/olmo.csv"))
    table["model_name"] = table["model_name"].str.strip()
    table = table[table["model_name"].isin(["OLMo-1B", "OLMo-7B-Twin-2T" if twin else "OLMo-7B"])]
    loss = table.filter(like="CrossEntropyLoss").mean(axis=1)
    return family(table["model_name"], table["num_params"].map(number), table["Step"] * OLMO_BATCH, loss)


def olmo_tests(model: str) -> set[str]:
    """Return the names of the tests that checkpoints of one OLMo model have losses for."""
    table = pd.read_csv(fetch(f"{REPOSITORY}/aggregated_eval/olmo.csv"))
    rows = table[table["model_name"].str.strip() == model].filter(like="CrossEntropyLoss")
    return set(rows.columns[rows.notna().any()])


def family(model, N, D, loss) -> pd.DataFrame:
    """Return a family from its columns, without checkpoints that saw no token or have no loss, sorted by N and D."""
    table = pd.DataFrame({"model": model, "N": N, "D": D, "loss": loss}).dropna()
    return table[table["D"] > 0].sort_values(["N", "D"], kind="stable").reset_index(drop=True)


def number(text: str) -> float:
    """Read "125m" or "8.7B"."""
    return float(text[:-1]) * SUFFIX[text[-1].lower()]
