"""The picture of a plan: every schedule of a sweep with the point where it branches off."""

import itertools
from pathlib import Path

import matplotlib
import numpy as np

from losslaws.curves.files import atomic
from training.cells import Cell
from training.sweep import Sweep

LINES = 60  # schedules that are drawn, the first of the sweep


def schedules(sweep: Sweep) -> dict[str, tuple[np.ndarray, int]]:
    """Rates and branch point of every schedule, once for cells that differ by something else, such as seeds; by their names."""
    cells: dict[tuple[int, int], list[Cell]] = {}
    for cell in sweep.cells.values():
        cells.setdefault((id(cell.schedule), cell.branch), []).append(cell)  # cells with one schedule share its array
    return {
        f"{first.name} + {len(others)} more" if others else first.name: (first.schedule.lr, first.branch)
        for first, *others in cells.values()
    }


def draw(sweep: Sweep, path: Path) -> Path:
    """Draw the schedules of `sweep`, trained stretches solid and shared ones faint, to `path` (SVG); return it."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    plt.rcParams["svg.hashsalt"] = "plan"
    lines = dict(itertools.islice(schedules(sweep).items(), LINES))
    columns = min(4, len(lines))
    rows = -(-len(lines) // columns)
    # Margins and limits set by hand: to fit sixty axes to their texts, or to share limits, takes matplotlib minutes.
    width, height = 3 * columns + 0.5, 1.6 * rows + 0.5  # inches
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    figure.subplots_adjust(0.75 / width, 0.5 / height, 1 - 0.15 / width, 1 - 0.3 / height, wspace=0.12, hspace=0.35)
    longest, highest = max(len(lr) for lr, _ in lines.values()), max(lr.max() for lr, _ in lines.values())
    for axis, (name, (lr, branch)) in zip(axes.flat, lines.items(), strict=False):
        steps = np.arange(1, len(lr) + 1)
        axis.plot(steps[: branch + 1], lr[: branch + 1], color="0.75", lw=1)
        axis.plot(steps[branch:], lr[branch:], color="#0072b2", lw=1.4)
        if branch:
            axis.plot(branch, lr[branch - 1], "o", ms=4, color="#d55e00")
        axis.set_title(name, fontsize=8, y=1)  # to look for a place takes as long as to draw
        axis.set(xlim=(0, 1.03 * longest), ylim=(0, 1.08 * highest))
        axis.tick_params(labelsize=7)
        axis.locator_params(nbins=4)
        axis.label_outer()
    for axis in axes.flat[len(lines) :]:
        axis.set_axis_off()
    figure.supxlabel("step", fontsize=8)
    figure.supylabel("learning rate", fontsize=8, x=0.05 / width)
    with atomic(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})
    plt.close(figure)
    return path
