"""Memory of reading and fitting curves grows with the number of points, not with its square."""

import tracemalloc
from dataclasses import replace

import numpy as np

from losslaws import laws
from losslaws.curves import Schedule
from losslaws.curves.store import load_folder
from losslaws.fitting import fit
from tests.analysis.papers.synthetic import curve


def peak_bytes(folder, curves):
    """The most memory, in bytes, that reading `curves` copies of a 1,200-step curve and fitting them takes."""
    base = curve("cosine-3x")
    for number in range(curves):
        lr = base.schedule.lr * (1 + 1e-3 * number)  # none is another's schedule, so that nothing is shared
        replace(base, name=f"c{number}", schedule=Schedule(lr, base.schedule.warmup, "made")).save(folder / "curves")
    tracemalloc.start()
    fit(laws.build("annealing"), load_folder(folder).values(), fixed={"lambda": 0.97})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_grows_linearly_with_the_points_read(tmp_path):
    peak_bytes(tmp_path / "first", 1)  # what is loaded and kept once
    points = np.array([8, 16, 32])
    peaks = [peak_bytes(tmp_path / str(curves), curves) for curves in points]
    slope, growth = (peaks[1] - peaks[0]) / 8, (peaks[2] - peaks[1]) / 16
    assert growth < 1.25 * slope
