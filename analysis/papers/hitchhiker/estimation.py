"""Scaling laws by the thousand: estimated from the checkpoints of a few models of a family, held against a larger model.

    Ask(family, train, target, cut, share, only_final, method)      one law to estimate
    estimate(table, ask) -> dict            its parameters and its error
    estimate_all(families, asks) -> DataFrame                       every one, on all cores, with a progress bar
    subsets(table, ...), smallest(table, k) which models to train on

The law is L(N, D) = E + A / N^alpha + B / D^beta by least squares of the loss itself, from one start, as in Choshen, Zhang and
Andreas 2024 (arXiv 2410.11840): `fitting.fit` minimises another objective. ARE is the mean of |L - Lhat| / L over the last 30 %
of the target's tokens.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.optimize import curve_fit
from tqdm import tqdm

# log A, log B, log E, alpha, beta: those of Muennighoff et al. 2023, where every fit begins
START = (6.255414, 7.3049974, 0.6254804, 0.3526596, 0.3526596)
NAMES = ("a", "b", "e", "alpha", "beta")
LOWEST = np.array([-np.inf, -np.inf, -np.inf, 0.0, 0.0])
TARGET_SHARE = 0.7  # tokens of the target from which on its checkpoints are predicted
CUT = 1e10  # tokens that the paper advises to leave out
METHODS = {
    "fit": (0, 1, 2, 3, 4),
    "borrowed": (1, 2, 4),  # a and alpha are those of START: what N does is taken from other families
    "best": (),  # no law: the target ends at the lowest loss seen in training
    "most trained": (),  # no law: at the loss that took most compute, N D
}


@dataclass(frozen=True)
class Ask:
    """One law to estimate.

    family      name of the family
    train       sizes N of the models whose checkpoints are used
    target      size N of the model that is predicted; it may be among `train`: then its own beginning is used
    cut         tokens up to which checkpoints are left out
    share       share of the longest run's tokens below which checkpoints are used; inf: all, the last one too
    only_final  use the last of them alone, of every model
    method      one of METHODS
    """

    family: str
    train: tuple[float, ...]
    target: float
    cut: float = 0.0
    share: float = np.inf
    only_final: bool = False
    method: str = "fit"


def law(theta: Sequence[float], N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Return the losses of the law at theta = (a, b, e, alpha, beta)."""
    a, b, e, alpha, beta = theta
    return np.exp(e) + np.exp(a - alpha * np.log(N)) + np.exp(b - beta * np.log(D))


def slopes(theta: Sequence[float], N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Return the derivatives of the losses by theta, [n, 5]."""
    a, b, e, alpha, beta = theta
    size, data = np.exp(a - alpha * np.log(N)), np.exp(b - beta * np.log(D))
    return np.column_stack([size, data, np.full(size.shape, np.exp(e)), -np.log(N) * size, -np.log(D) * data])


def least_squares(rows: pd.DataFrame, free: Sequence[int]) -> np.ndarray | None:
    """Return theta [5] fitted to the checkpoints `rows`, the parameters outside `free` held at START; None: no fit was found."""
    free, x = list(free), (rows["N"].to_numpy(), rows["D"].to_numpy())

    def whole(values):
        theta = np.array(START)
        theta[free] = values
        return theta

    start = np.array(START)[free]
    options = {
        "p0": start,
        "bounds": (LOWEST[free], np.inf),
        "jac": lambda x, *values: slopes(whole(values), *x)[:, free],
    }
    for more in ({}, {"method": "dogbox", "x_scale": start}):  # the second where the first finds no end
        try:
            found, _ = curve_fit(lambda x, *v: law(whole(v), *x), x, rows["loss"].to_numpy(), **options, **more)
            return whole(found)
        except (RuntimeError, ValueError, TypeError):  # TypeError: fewer points than parameters
            continue
    return None


def training_rows(table: pd.DataFrame, ask: Ask) -> pd.DataFrame:
    """Return the checkpoints of `table` that an Ask trains on."""
    rows = table[table["N"].isin(ask.train)]
    most = rows["D"].max()
    rows = rows[rows["D"] > ask.cut]
    rows = rows[rows["D"] < ask.share * most]
    return rows.groupby("N").tail(1) if ask.only_final else rows


def target_rows(table: pd.DataFrame, target: float) -> pd.DataFrame:
    """Return the checkpoints of the last 30 % of the tokens of the model of size `target`."""
    rows = table[table["N"] == target]
    return rows[rows["D"] >= TARGET_SHARE * rows["D"].max()]


def estimate(table: pd.DataFrame, ask: Ask) -> dict:
    """Return the Ask's fields, the number of models, points, the ARE (nan: no law could be had) and theta."""
    rows, target = training_rows(table, ask), target_rows(table, ask.target)
    theta, said = None, np.nan
    if len(rows) and ask.method == "best":
        said = rows["loss"].min()
    elif len(rows) and ask.method == "most trained":
        said = rows["loss"].iloc[(rows["N"] * rows["D"]).argmax()]
    elif len(rows) >= len(METHODS[ask.method]) and METHODS[ask.method]:
        theta = least_squares(rows, METHODS[ask.method])
        said = np.nan if theta is None else law(theta, target["N"].to_numpy(), target["D"].to_numpy())
    error = float(np.mean(np.abs(said / target["loss"].to_numpy() - 1)))
    found = dict(zip(NAMES, [np.nan] * 5 if theta is None else theta.tolist(), strict=True))
    largest = max(ask.train)
    return (
        asdict(ask) | {"models": len(ask.train), "up": ask.target / largest, "points": len(rows), "are": error} | found
    )


def estimate_all(families: Mapping[str, pd.DataFrame], asks: Iterable[Ask], workers: int | None = None) -> pd.DataFrame:
    """Return one row for every Ask, in order; `workers` processes (default: one for each core), progress on standard error."""
    asks = list(asks)
    with ProcessPoolExecutor(workers, initializer=partial(FAMILIES.update, families)) as pool:
        found = pool.map(answer, asks, chunksize=16)
        return pd.DataFrame(tqdm(found, total=len(asks), desc="laws", leave=False))


FAMILIES: dict[str, pd.DataFrame] = {}  # of a worker process: sent once, not with every Ask


def answer(ask: Ask) -> dict:
    """Estimate one law in a worker process."""
    return estimate(FAMILIES[ask.family], ask)


def sizes(table: pd.DataFrame) -> list[float]:
    """Return the sizes of a family, smallest first."""
    return sorted(table["N"].unique().tolist())


def smallest(table: pd.DataFrame, k: int) -> tuple[float, ...]:
    """Return the k smallest sizes."""
    return tuple(sizes(table)[:k])


def subsets(table: pd.DataFrame, target: float, least: int = 2) -> Iterator[tuple[float, ...]]:
    """Yield every set of at least `least` models smaller than `target`."""
    smaller = [size for size in sizes(table) if size < target]
    for k in range(least, len(smaller) + 1):
        yield from combinations(smaller, k)
