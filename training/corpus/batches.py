"""Batches: pure functions of the step, so that a run resumes and branches without any state of its data."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from losslaws.curves.errors import InputError
from training.corpus.tokens import Tokens, plain


def train_batch(tokens: np.ndarray | Tokens, step: int, seed: int, sequences: int, length: int) -> np.ndarray:
    """The batch of optimiser step `step` (counted from 1), int64 [sequences, length + 1].

    The text is cut into windows of length + 1 tokens every `length` tokens, so that each token is predicted once an
    epoch. Every epoch visits all windows in a permutation of its own, which depends on the seed and the epoch only;
    a batch may end one epoch and begin the next. Raises InputError for a text shorter than one window.
    """
    windows = _windows(tokens, length)
    tokens = plain(tokens)
    epoch, place = np.divmod(np.arange((step - 1) * sequences, step * sequences), windows)
    starts = [_permutation(windows, seed, e)[p] * length for e, p in zip(epoch.tolist(), place.tolist(), strict=True)]
    return np.stack([tokens[start : start + length + 1] for start in starts]).astype(np.int64)


def val_batches(tokens: np.ndarray | Tokens, sequences: int, length: int) -> Iterator[np.ndarray]:
    """Every full window in order, int64 [up to `sequences`, length + 1]; the last batch may be smaller."""
    windows = _windows(tokens, length)
    tokens = plain(tokens)
    for first in range(0, windows, sequences):
        starts = range(first * length, min(first + sequences, windows) * length, length)
        yield np.stack([tokens[start : start + length + 1] for start in starts]).astype(np.int64)


def _windows(tokens, length):
    windows = (len(tokens) - 1) // length
    if windows < 1:
        raise InputError(
            f"a text of {len(tokens)} tokens holds no sequence of {length} + 1; add text or shorten the sequences"
        )
    return windows


@lru_cache(maxsize=4)
def _permutation(windows, seed, epoch):
    return np.random.default_rng([seed, epoch]).permutation(windows)
