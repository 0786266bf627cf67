"""Pieces that several figures share: measured points, the law's line, strips of residuals, shadows of rates, labels."""

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from losslaws.curves.runs import settled
from losslaws.style import BAND, BLUE, INK, MUTED, VERMILLION

LOSS = "loss (nats/token)"


def thinned(first: int, last: int, points: int = 200):
    """Return at most `points` steps from `first` to `last`, finer than the eye can tell."""
    return np.unique(np.linspace(first, last, points).round().astype(int))


def measured(axis, curve, colour=INK, label="measured", size=1.8):
    """Plot the settled points of `curve`."""
    curve = settled(curve)
    axis.plot(curve.step, curve.loss, "o", ms=size, mew=0, color=colour, label=label)


def law(axis, fit, curve, colour=VERMILLION, label="law", line="-"):
    """Plot what `fit` says of `curve` from its first settled point on."""
    step = thinned(settled(curve).step[0], curve.schedule.steps)
    axis.plot(step, fit.predict(curve, step), linestyle=line, color=colour, label=label)


def shadow(axis, *curves, share=0.22):
    """Shade the learning rates of `curves` along the foot of `axis`, in its lowest `share`; they have no scale there."""
    foot = axis.twinx()
    foot.set_axis_off()
    foot.set_ylim(0, max(curve.schedule.peak for curve in curves) / share)
    for curve in curves:
        step = thinned(1, curve.schedule.steps)
        foot.fill_between(step, curve.schedule.lr[step - 1], color=BLUE, alpha=0.13)
    axis.fill_between([], [], color=BLUE, alpha=0.13, label="learning rate, no scale")


def error(fit, curve):
    """Return the settled steps of `curve` and the relative errors of the predicted losses there, per cent."""
    curve = settled(curve)
    return curve.step, 100 * (fit.predict(curve) / curve.loss - 1)


def residuals(axis, fit, curve, noise, colour=BLUE):
    """Plot the relative errors of `fit` on `curve`, over the band that another seed spans."""
    band(axis, noise)
    axis.axhline(0, color=MUTED, lw=0.6)
    axis.plot(*error(fit, curve), color=colour, lw=0.9, linestyle="-")
    axis.yaxis.set_major_locator(MaxNLocator(3, symmetric=True))


def band(axis, noise):
    """Shade what another seed changes, per cent either way; nothing where it was not measured."""
    if noise is not None:
        axis.axhspan(-100 * noise.relative, 100 * noise.relative, color=BAND, zorder=0, label="another seed")


def thousands(axis, bins=5):
    """Label the x axis with steps, written 1k, 2k, ..."""
    if axis.get_xscale() == "log":
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_minor_locator(NullLocator())
    else:
        axis.xaxis.set_major_locator(MaxNLocator(bins))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1000:g}k" if x else "0"))


def window(*curves, share=0.15, foot=0.0):
    """Return the range of losses that `curves` take after the first `share` of their steps, where schedules differ.

    foot  part of the range, at its lower end, that is kept free for a shadow
    """
    late = np.concatenate([curve.loss[curve.step > share * curve.schedule.steps] for curve in curves])
    room = 0.06 * np.ptp(late)
    low, high = late.min() - room, late.max() + room
    return low - foot / (1 - foot) * (high - low), high


def legend_below(out, *axes, columns=5):
    """Put the legends of `axes` under the whole figure, each label once."""
    pairs = [pair for axis in axes for pair in zip(*axis.get_legend_handles_labels(), strict=True)]
    labels = {label: handle for handle, label in pairs}
    out.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=columns)


def legend_under(axis, columns=2):
    """Put the legend of `axis` under it."""
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=columns)
