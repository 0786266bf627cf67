"""Figures of Research without Re-search."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FixedLocator, NullLocator

from analysis.pages.figure import NotRun, figure
from analysis.pages.parts import LOSS, legend_below
from analysis.papers.mup.evidence import FLAT, MAIN, WITHOUT
from analysis.papers.mup.transfer import MUP, STANDARD, X, final_loss, mean_loss
from analysis.papers.mup.widths import curve
from losslaws.style import BAND, BLUE, GREEN, INK, MUTED, PURPLE, SKY, VERMILLION, canvas, headline

NAMES = {MUP: "muP", STANDARD: "standard parametrisation"}
SHADES = LinearSegmentedColormap.from_list("widths", (SKY, BLUE, INK))


def own(evidence):
    """Return our runs. Raises NotRun where they are not there."""
    if evidence.own is None:
        raise NotRun("needs our runs over widths; train them with `python -m training run mup`")
    return evidence.own


def called(kind):
    """Name a parametrisation for a reader; a control by the parts of muP that it keeps."""
    return NAMES.get(kind, f"control: {kind.replace('+', ' and ')} only")


def shade(runs, width):
    """The colour of a width: the wider, the darker."""
    every = runs.widths(MUP)
    return SHADES(every.index(width) / (len(every) - 1))


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
    right.plot([], [], "o", ms=5, mfc="none", color=MUTED, label="held out")
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


@figure
def fig02_basins(evidence):
    """Our runs: final loss against the peak learning rate, a line for each width; the ring is its best rate, the dotted line the
    best rate of the smallest width. The two controls keep only the parts of muP that they are named for."""
    runs = own(evidence)
    out = canvas(height=2.6)
    axes = out.subplots(1, len(runs.kinds), sharex=True, sharey=True)
    for axis, kind in zip(axes, runs.kinds, strict=True):
        for width in runs.near(kind):
            basin, best = runs.basin(kind, width), runs.best(kind, width)
            axis.plot(basin.keys(), basin.values(), "o-", ms=2, color=shade(runs, width), label=f"width {width}")
            axis.plot(best, basin[best], "o", ms=5, mfc="none", mec=VERMILLION)
        axis.axvline(runs.best(kind, runs.base), color=MUTED, lw=0.8, linestyle=":")
        axis.set_title(called(kind))
        axis.set_xscale("log", base=2)
        axis.set_xlabel("peak learning rate")
    rates = list(runs.basin(MUP, runs.base))
    axes[0].xaxis.set_major_locator(FixedLocator(rates[::2]))
    axes[0].xaxis.set_minor_locator(NullLocator())
    axes[0].xaxis.set_major_formatter("{x:g}")
    best = [loss for kind in runs.kinds for width in runs.near(kind) for loss in runs.basin(kind, width).values()]
    axes[0].set_ylim(min(best) - 0.05, min(best) + 1.8)
    axes[0].set_ylabel(f"final {LOSS}")
    axes[0].plot([], [], "o", ms=5, mfc="none", mec=VERMILLION, label="best rate")
    legend_below(out, *axes, columns=4)
    moved = {kind: max(runs.moves(kind).values(), key=abs) for kind in (MUP, STANDARD)}
    return headline(
        out,
        f"Over an 8-fold width the best rate moves by a factor of {2 ** abs(moved[MUP]):g} under muP, of "
        f"{2 ** abs(moved[STANDARD]):g} under the standard parametrisation",
    )


@figure
def fig03_wider(evidence):
    """Our runs: validation loss over the steps, all widths of a panel with the rate that is best for its smallest; means over seeds."""
    runs = own(evidence)
    out = canvas(height=2.6)
    axes = out.subplots(1, len(runs.kinds), sharex=True, sharey=True)
    for axis, kind in zip(axes, runs.kinds, strict=True):
        for width, same in runs.chosen(kind).items():
            axis.plot(
                same[0].step, mean_loss(same), "o-", ms=1.5, lw=1, color=shade(runs, width), label=f"width {width}"
            )
        axis.set_title(called(kind))
        axis.set_xlabel("step")
    axes[0].set_ylabel(LOSS)
    legend_below(out, axes[0], columns=4)
    said = {kind: runs.wider(kind) for kind in (MUP, STANDARD)}
    return headline(
        out,
        f"But for what seeds do, wider is better at {said[MUP].sum()} of {said[MUP].size} evaluations under muP, "
        f"at {said[STANDARD].sum()} under the standard parametrisation",
    )


@figure
def fig04_forecast(evidence):
    """Our runs: final loss over the size (points), and L = a N^b + c fitted to the smaller widths (lines); open marks were held out; means over seeds.
    Blue: every width has the rate that is best for the smallest, so nothing is searched at the larger ones. Orange: every
    width has its own best rate."""
    runs = own(evidence)
    out = canvas(height=2.6)
    axes = out.subplots(1, 2, sharey=True)
    for axis, kind in zip(axes, (MUP, STANDARD), strict=True):
        for tuned, colour, line in ((True, VERMILLION, "--"), (False, BLUE, "-")):
            label = "best rate of each width" if tuned else "best rate of the smallest width"
            chosen = runs.chosen(kind, tuned)
            x = np.array([X["parameters"](same[0], width) for width, same in chosen.items()])
            loss = np.array([final_loss(same) for same in chosen.values()])
            seen = np.array([width not in runs.targets(kind) for width in chosen])
            axis.plot(x[seen], loss[seen], "o", ms=3, mew=0, color=colour)
            axis.plot(x[~seen], loss[~seen], "o", ms=5, mfc="none", color=colour)
            law = runs.forecast(kind, max(chosen), tuned).law
            if law:
                wide = np.geomspace(x.min() / 1.1, x.max() * 1.1, 60)
                axis.plot(wide, curve(wide, law.a, law.b, law.c), color=colour, linestyle=line, label=label)
        axis.set_title(called(kind))
        axis.set_xscale("log")
        axis.set_xlabel("parameters (millions)")
    axes[0].set_ylabel(f"final {LOSS}")
    axes[0].plot([], [], "o", ms=5, mfc="none", color=MUTED, label="held out")
    legend_below(out, *axes)
    given, tuned = (runs.forecast(kind, runs.widths(kind)[-1], kind == STANDARD) for kind in (MUP, STANDARD))
    return headline(
        out,
        f"Width {given.width} is foretold to {100 * abs(given.error):.1f} % under muP for {100 * given.cost:.0f} % of its cost; without it, width "
        f"{tuned.width} to {100 * abs(tuned.error):.1f} % for {100 * tuned.cost:.0f} % with a search at every small width",
    )


@figure
def fig05_coordinates(evidence):
    """Mean |x| of each activation after the last step of the coordinate check, over that of the smallest width; the band is what counts
    as flat. The controls keep only the parts of muP that they are named for."""
    if evidence.sizes is None:
        raise NotRun("needs the coordinate check; make it with `python -m training.coordinates mup`")
    sizes, kinds = evidence.sizes, evidence.sizes["role"].unique()
    out = canvas(height=2.5)
    axes = out.subplots(1, len(kinds), sharey=True)
    for axis, kind in zip(axes, kinds, strict=True):
        axis.axhspan(1 / (1 + FLAT), 1 + FLAT, color=BAND, zorder=0)
        for activation, rows in sizes[sizes["role"] == kind].groupby("activation"):
            axis.plot(rows["width"], rows["size"] / rows["size"].iloc[0], marker="o", ms=2, label=activation)
        axis.set_title(called(kind))
        axis.set_xscale("log", base=2)
        axis.set_yscale("log", base=2)
        axis.set_xlabel("width")
        axis.xaxis.set_major_locator(FixedLocator(rows["width"]))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter("{x:g}")
    axes[0].yaxis.set_major_formatter("{x:g}")
    axes[0].set_ylabel("mean |x|, smallest width = 1")
    legend_below(out, axes[0])
    found = {kind: 100 * evidence.spread(kind) for kind in (MUP, STANDARD)}
    return headline(
        out,
        f"Over an 8-fold width activations change by {found[MUP]:.0f} % at most under muP, by {found[STANDARD]:.0f} % "
        "under the standard parametrisation",
    )
