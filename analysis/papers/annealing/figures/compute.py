"""What a prediction costs."""

import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from analysis.pages.figure import NotRun, figure
from analysis.pages.parts import legend_below
from losslaws.style import BAND, BLUE, VERMILLION, canvas, headline

LONGEST = "-3x"  # the targets that every method may be asked for
PANELS = {"target: cosine": "cosine", "target: WSD, 20 % decay": "wsd20-linear", "any schedule, mean": ""}
# name, colour, marker, line and where the number goes, points above the marker
FAMILIES = (("annealing", BLUE, "o", "-", 7), ("Chinchilla", VERMILLION, "s", "--", -7))


@figure
def fig12_compute_accuracy(e):
    """Error of the predicted final loss of runs of three times the base length, against the training FLOPs of the runs that
    the fit consumed; mean over the targets of a panel. Chinchilla speaks only of the schedule family it was fitted on.
    Hollow: fits that their runs do not identify, so that a small error is chance. Lines join the others that no cheaper one
    of their kind beats; the band is what another seed changes. Numbers are rows of the benchmark table."""
    table = e.benchmark[e.benchmark["target"].str.endswith(LONGEST)]
    if table["error"].isna().all():
        raise NotRun("needs target runs of three times the base length, not run in this profile")
    numbers = {method: k + 1 for k, method in enumerate(e.benchmark["method"].unique())}
    panels = {title: table[table["target"].str.startswith(start)] for title, start in PANELS.items()}
    panels = {title: (rows, mean_errors(rows)) for title, rows in panels.items() if len(rows)}
    errors = pd.concat([means["error"] for _, means in panels.values()])
    lowest, highest = errors.min() / 2, errors.max() * 2
    out = canvas(height=3.0)
    axes = out.subplots(1, len(panels), sharey=True, sharex=True, squeeze=False)[0]
    for axis, (title, (rows, means)) in zip(axes, panels.items(), strict=True):
        axis.axhspan(lowest, 100 * rows["seed_noise"].mean(), color=BAND, label="another seed")
        for family, colour, marker, line, side in FAMILIES:
            own = means[means.index.str.startswith(family)]
            chance, sound = own[own["chance"]], own[~own["chance"]]
            front = sound[sound["error"] <= sound["error"].cummin()]
            axis.plot(sound["flops"], sound["error"], marker, color=colour, ms=4, label=f"{family} law")
            axis.plot(chance["flops"], chance["error"], marker, color=colour, ms=4, fillstyle="none")
            axis.plot(front["flops"], front["error"], color=colour, lw=0.9, linestyle=line)
            for method, row in own.iterrows():
                place = {"xytext": (0, side), "textcoords": "offset points", "ha": "center", "va": "center"}
                axis.annotate(numbers[method], (row["flops"], row["error"]), fontsize=6, **place)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0e}".replace("e+", "e")))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_yscale("log")
        axis.set_ylim(lowest, highest)
        axis.yaxis.set_major_formatter("{x:g}")
        axis.set_title(title)
        axis.set_xlabel("training FLOPs consumed")
    axes[0].set_ylabel("error of the final loss (%)")
    legend_below(out, *axes)
    return headline(out, e.headline)


def mean_errors(rows):
    """Return FLOPs and mean absolute error, per cent, of every method that speaks of all targets in `rows`, cheapest first.

    chance  whether its runs leave parameters of the fit open
    """
    chance = ~rows["identified"].astype(bool)
    means = rows.assign(error=100 * rows["error"].abs(), chance=chance).groupby("method")
    means = means.agg(
        flops=("flops", "first"), error=("error", "mean"), targets=("target", "nunique"), chance=("chance", "any")
    )
    return means[means["targets"] == rows["target"].nunique()].sort_values(["flops", "error"])
