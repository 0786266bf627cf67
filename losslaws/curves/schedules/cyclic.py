import numpy as np

from losslaws.curves.errors import InputError


def cyclic(t, steps, warmup, *, cycles=3, rewarm=0.1, final=0.0, peaks=None):
    """Equal cycles of half a cosine down to `final` x peak, each after the first begun by a linear re-warm-up.

    cycles  number of cycles
    rewarm  length of a re-warm-up as a fraction of its cycle, 0 <= rewarm < 1
    final   rate at the end of each cycle in units of the peak
    peaks   height of each cycle in units of the peak; default: 1 for all
    """
    if not 1 <= cycles <= steps:
        raise InputError(f"schedule 'cyclic': cycles is {cycles}; it must lie between 1 and the {steps} steps")
    heights = np.asarray([1.0] * int(cycles) if peaks is None else list(peaks), dtype=float)
    if not 0 <= rewarm < 1 or len(heights) != cycles:
        raise InputError(
            f"schedule 'cyclic': needs 0 <= rewarm < 1 and one peak for each cycle, "
            f"got cycles={cycles}, rewarm={rewarm}, peaks={peaks}"
        )
    edges = np.round(np.linspace(0, steps, cycles + 1))
    cycle = np.searchsorted(edges, t, side="left") - 1
    start, end, high = edges[cycle], edges[cycle + 1], heights[cycle]
    rise = np.where(cycle == 0, warmup, rewarm * (end - start))
    since = t - start
    up = final + (high - final) * since / np.maximum(rise, 1)
    progress = ((since - rise) / np.maximum(end - start - rise, 1)).clip(0, 1)
    down = high - (high - final) * (1 - np.cos(np.pi * progress)) / 2
    return np.where((cycle > 0) & (since < rise), up, down)
