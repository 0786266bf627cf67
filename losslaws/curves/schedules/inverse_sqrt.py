import numpy as np


def inverse_sqrt(t, steps, warmup, *, hold=None):
    """sqrt(hold / t) after step `hold`, 1 before (Vaswani et al. 2017, arXiv 1706.03762).

    hold  step at which the decay begins; default: the end of warm-up
    """
    return np.sqrt(np.minimum((hold or max(warmup, 1)) / t, 1.0))
