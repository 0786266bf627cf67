import numpy as np


def cosine(t, steps, warmup, *, cycle=None, final=0.0):
    """Half a cosine from the peak to `final` x peak (Loshchilov & Hutter 2017, arXiv 1608.03983).

    cycle  step at which the minimum is reached, counted from step 0; default: the last step. A shorter cycle stays at
           the minimum afterwards; a longer one is cut off.
    final  rate at the minimum in units of the peak
    """
    progress = ((t - warmup) / max((cycle or steps) - warmup, 1)).clip(0, 1)
    return 1 - (1 - final) * (1 - np.cos(np.pi * progress)) / 2
