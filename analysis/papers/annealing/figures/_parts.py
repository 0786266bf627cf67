"""What several figures of the annealing paper share."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from analysis.pages.figure import NotRun
from analysis.pages.parts import LOSS
from losslaws.curves import LossCurve
from losslaws.style import INK, VERMILLION


def need(e, *names: str) -> list[LossCurve]:
    """Return the curves of these cells. Raises NotRun when the profile lacks one."""
    missing = [name for name in names if name not in e.own.curves]
    if missing:
        raise NotRun(f"needs {', '.join(missing)}, not run in this profile")
    return [e.own.curves[name] for name in names]


def spread(e, curve) -> float:
    """Return the standard error of the mean final loss of a kind of run over its seeds; 0 where no seed tells it."""
    return e.own.noise.sd / np.sqrt(len(e.own.runs[curve.name])) if e.own.noise else 0.0


def finals(axis, e, curves, labels):
    """Set the measured final loss of each curve beside the predicted one, a row each, the first on top."""
    rows = np.arange(len(curves))[::-1]
    bars = [spread(e, curve) for curve in curves]
    found = [curve.final_loss for curve in curves]
    foretold = [e.own.fit.predict(curve)[-1] for curve in curves]
    axis.errorbar(found, rows, xerr=bars, fmt="o", ms=4, color=INK, elinewidth=0.8, capsize=2, label="measured")
    axis.plot(foretold, rows, "D", ms=4, mfc="none", mec=VERMILLION, mew=1, label="law")
    axis.set_yticks(rows, labels)
    axis.set_ylim(-0.6, len(curves) - 0.4)
    axis.margins(x=0.12)
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.set_xlabel(f"final {LOSS}")
