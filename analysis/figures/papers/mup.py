"""Figures of Research without Re-search."""

import numpy as np

from analysis.claims.mup.evidence import MAIN, WITHOUT
from analysis.figures import figure
from analysis.figures.parts import LOSS, legend_below
from analysis.figures.style import BLUE, GREEN, INK, PURPLE, VERMILLION, canvas, headline


@figure
def fig01_widths(evidence):
    """Losses over widths (points) and L = a x^b + c fitted to the smaller of them (lines); open marks were held out. Left: the
    authors' main series. Right: their other series; the loss without muP does not fall throughout, and yet its last width
    is predicted as well."""
    out = canvas(height=2.8)
    left, right = out.subplots(1, 2)
    looks = zip(
        evidence.series, (BLUE, GREEN, PURPLE, INK, VERMILLION), ("-", "-.", ":", (0, (5, 1, 1, 1)), "--"), strict=True
    )
    for name, colour, line in looks:
        series, axis = evidence.series[name], left if name == MAIN else right
        seen = series.x.size - series.held_out
        x = np.geomspace(series.x[0] / 1.1, series.x[-1] * 1.1, 60)
        axis.plot(x, series.law.predict(x), color=colour, linestyle=line, label=name)
        axis.plot(series.x[:seen], series.loss[:seen], "o", ms=3, mew=0, color=colour)
        axis.plot(series.x[seen:], series.loss[seen:], "o", ms=5, mfc="none", color=colour)
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xlabel("parameters (millions)")
    left.set_ylabel(LOSS)
    legend_below(out, left, right, columns=2)
    worst = max(100 * np.abs(series.errors).max() for series in evidence.series.values() if series.mup)
    other = 100 * np.abs(evidence.series[WITHOUT].errors).max()
    return headline(
        out, f"Held-out widths are predicted to {worst:.2f} % at worst under muP, and to {other:.2f} % without it"
    )
