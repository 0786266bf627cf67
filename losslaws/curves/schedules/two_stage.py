import numpy as np


def two_stage(t, steps, warmup, *, switch=0.5, ratio=0.3):
    """The peak rate up to step `switch` x steps, then `ratio` x peak (Luo et al. 2025, arXiv 2503.12811).

    switch  share of all steps that is trained at the peak
    ratio   rate after it in units of the peak
    """
    return np.where(t <= np.round(switch * steps), 1.0, ratio)
