"""A noisy training loss as few points that a law can be fitted to."""

import numpy as np

BLOCKS = 400  # points that are left; a law has five parameters
CUT = 0.1  # share of a block's losses left out at each end: spikes
DRAG = 4  # steps at least in a block; fewer are no mean


def blocks(step: np.ndarray, loss: np.ndarray, warmup: int, notes: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps and losses of blocks of consecutive rows: the mean without the highest and lowest tenth.

    step, loss  of every row, [n], steps rising; returned [at most BLOCKS], each at the mean step of its block
    Rows of the warm-up, where the loss falls steeply, are left out if others are there. What was done is noted.
    """
    after = step > warmup
    if after.any():
        step, loss = step[after], loss[after]
    size = -(-step.size // BLOCKS)
    if size < DRAG:
        notes.append("the training loss is used as it was logged")
        return step, loss
    # [n] -> [blocks, size]: the rows that do not fill a block go at the beginning,
    start = step.size % size  # so that the last block, which weighs most in a forecast, is whole
    step, loss = step[start:].reshape(-1, size), np.sort(loss[start:].reshape(-1, size), axis=1)
    cut = int(CUT * size)
    notes.append(f"the training loss is used, means of {size} rows without the {100 * CUT:.0f} % highest and lowest")
    # a curve's steps are whole and rise, so no two blocks may stand at the same one
    middle = np.unique(np.rint(step.mean(axis=1)).astype(np.int64), return_index=True)
    return middle[0], loss[:, cut : size - cut].mean(axis=1)[middle[1]]
