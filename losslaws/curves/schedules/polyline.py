import numpy as np

from losslaws.curves.errors import InputError


def polyline(t, steps, warmup, *, points=((0, 1.0), (1, 0.0))):
    """Straight lines between points of one's own.

    points  (position, rate) pairs: positions as fractions of all steps, rising from 0 to 1; rates in units of the peak
    """
    table = np.asarray(points, dtype=float)
    if table.ndim != 2 or table.shape[1] != 2 or len(table) < 2:
        raise InputError(f"schedule 'polyline': points must be at least two (position, rate) pairs, got {points}")
    if np.any(np.diff(table[:, 0]) <= 0) or table[0, 0] != 0 or table[-1, 0] != 1:
        raise InputError("schedule 'polyline': positions must rise strictly from 0 to 1 (fractions of all steps)")
    return np.interp(t / steps, table[:, 0], table[:, 1])
