"""Figures of the Hitchhiker's Guide to Scaling Law Estimation."""

import numpy as np
from matplotlib.ticker import FuncFormatter, NullLocator

from analysis.pages.figure import NotRun, figure
from analysis.pages.parts import legend_below
from analysis.papers.hitchhiker.asks import ALL, ENDS, LARGE, TEXTS, WHOLE
from analysis.papers.hitchhiker.claims.reproduced import LARGEST, MODELS
from analysis.papers.hitchhiker.estimation import CUT, smallest
from analysis.papers.hitchhiker.evidence import PARTS, RUNS
from analysis.papers.kaplan.family import NOT_RUN
from losslaws.style import BAND, BLUE, GREEN, INK, LINES, VERMILLION, canvas, headline

PER_CENT = FuncFormatter(lambda x, _: f"{100 * x:g}")
ERROR = "relative error, ARE (%)"


def logarithmic(axis, ticks=(0.003, 0.01, 0.03, 0.1, 0.3, 1)):
    """Give `axis` a logarithmic scale of errors, in per cent."""
    axis.set_yscale("log")
    axis.set_yticks(ticks)
    axis.yaxis.set_major_formatter(PER_CENT)
    axis.yaxis.set_minor_locator(NullLocator())


@figure
def fig01_models(evidence):
    """Error of the law on the largest model, for every choice of smaller models to train on. Left: by how many; right: of
    four, by how many times the target is larger than the largest of them. Lines: medians. OPT in nats, without its first
    10 billion tokens."""
    rows = evidence.estimates
    rows = rows[(rows["method"] == "fit") & (rows["share"] == ALL) & ~rows["only_final"] & (rows["target"] == LARGEST)]
    rows = rows[
        ((rows["cut"] == CUT) | (rows["family"] == "GPT-3")) & rows["family"].isin(LARGE) & (rows["models"] >= 2)
    ]
    out = canvas(height=2.6)
    left, right = out.subplots(1, 2, sharey=True)
    for name, colour, marker, line in zip(LARGE, (BLUE, VERMILLION), "os", ("-", "--"), strict=True):
        part = rows[rows["family"] == name].dropna(subset=["are"])
        for axis, x, chosen in ((left, "models", part), (right, "up", part[part["models"] == 4])):
            axis.plot(chosen[x], chosen["are"], marker, ms=2.5, mew=0, alpha=0.5, color=colour)
            axis.plot(chosen.groupby(x)["are"].median(), color=colour, linestyle=line, label=name)
    logarithmic(left)
    right.set_xscale("log")
    right.set_xticks((6, 10, 20, 50, 100), ("6", "10", "20", "50", "100"))
    right.xaxis.set_minor_locator(NullLocator())
    left.set_xlabel("models trained on")
    right.set_xlabel("target size over the largest trained on")
    left.set_ylabel(ERROR)
    legend_below(out, left)
    five = rows[rows["models"] == 5]["are"]
    return headline(
        out, f"Five models predict 175B to {100 * five.median():.1f} % (median), {100 * five.max():.0f} % at worst"
    )


@figure
def fig02_units(evidence):
    """The unit trap. Error on OPT 175B from the smallest models, its public perplexities taken as losses, as the paper's code
    takes them, and the same in nats; with the first 10 billion tokens and without. Right: from one model, with A and alpha
    of other families."""
    out = canvas(height=2.5)
    left, right = out.subplots(1, 2, sharey=True)
    means = {}
    for unit, colour, line in (("OPT perplexity", VERMILLION, "--"), ("OPT", BLUE, "-")):
        label, table = "nats" if unit == "OPT" else "perplexity", evidence.families[unit]
        for cut, marker, what in ((0.0, "s", "all tokens"), (CUT, "o", "without the first 10 billion")):
            errors = [evidence.are(unit, smallest(table, k), LARGEST, cut=cut) for k in MODELS]
            means[label, cut] = 100 * np.mean(errors)
            full = "none" if marker == "s" else colour
            left.plot(MODELS, errors, marker, ls=line, color=colour, mfc=full, ms=4, label=f"{label}, {what}")
        single = (6.7e9, 13e9, 30e9)
        errors = [evidence.are(unit, (n,), LARGEST, cut=CUT, share=1.0, method="borrowed") for n in single]
        right.plot(range(3), errors, "o", ls=line, color=colour, ms=4)
    logarithmic(left, (0.03, 0.05, 0.1, 0.2, 0.4))
    left.set_xticks(MODELS)
    left.set_xlabel("smallest models trained on")
    right.set_xticks(range(3), ("6.7B", "13B", "30B"))
    right.set_xlabel("the one model trained on")
    left.set_ylabel(ERROR)
    legend_below(out, left, columns=2)
    return headline(
        out,
        f"Leaving out the first tokens gains most on perplexities: {means['perplexity', 0.0]:.0f} to {means['perplexity', CUT]:.0f} %; "
        f"in nats {means['nats', 0.0]:.1f} to {means['nats', CUT]:.1f} %",
    )


@figure
def fig03_practices(evidence):
    """Three practices. Left: final losses alone against all checkpoints, a point for each choice of five and more models; below
    the line all checkpoints win. Middle: the first 10 billion tokens left out, against kept. Right: each run's own end from
    its beginning, median over the models of a family."""
    laws = evidence.estimates[evidence.estimates["method"] == "fit"].dropna(subset=["are"])
    out = canvas(height=2.6)
    left, middle, right = out.subplots(1, 3)
    keys, wins = ["family", "train", "target"], {}
    whole = laws[(laws["share"] == ALL) & (laws["cut"] == 0) & (laws["models"] >= 5)]
    some = laws[(laws["models"] >= 2) & ~laws["only_final"]]
    pairs = {
        left: whole[whole["only_final"]].merge(whole[~whole["only_final"]], on=keys),
        middle: some[some["cut"] == 0].merge(some[some["cut"] == CUT], on=[*keys, "share"]),
    }
    groups = {
        "GPT-3": (["GPT-3"], BLUE, "o"),
        "OPT": (["OPT"], VERMILLION, "s"),
        "data ablations": (list(TEXTS), GREEN, "^"),
    }
    for axis, both in pairs.items():
        both = both[both["family"] != "OPT perplexity"]
        wins[axis] = (both["are_y"] < both["are_x"]).mean()
        for label, (members, colour, marker) in groups.items():
            part = both[both["family"].isin(members)]
            axis.plot(part["are_x"], part["are_y"], marker, ms=2.5, mew=0, alpha=0.6, color=colour, label=label)
        low, high = both[["are_x", "are_y"]].min().min(), both[["are_x", "are_y"]].max().max()
        axis.plot((low, high), (low, high), color=INK, lw=0.7, linestyle="-")
        axis.set_xscale("log")
        axis.set_yscale("log")
        for side in (axis.xaxis, axis.yaxis):
            side.set_major_formatter(PER_CENT)
            side.set_minor_locator(NullLocator())
    for axis, title, x, y in (
        (left, "Which checkpoints", "finals alone", "all checkpoints"),
        (middle, "First 10 billion tokens", "kept", "left out"),
    ):
        axis.set_title(title)
        axis.set_xlabel(f"ARE (%), {x}")
        axis.set_ylabel(f"ARE (%), {y}")
    right.set_title("A run's own end")
    own = laws[(laws["models"] == 1) & (laws["up"] == 1)]
    for (label, (members, colour, marker)), line in zip(groups.items(), ("-", "--", "-."), strict=True):
        by = own[own["family"].isin(members)].groupby("share")["are"].median()
        right.plot(by, marker, ls=line, ms=3, color=colour, label=label)
    logarithmic(right)
    right.set_xlabel("share of the run seen")
    right.set_ylabel(ERROR)
    legend_below(out, right)
    return headline(
        out,
        f"All checkpoints win in {100 * wins[left]:.0f} % of pairs, leaving out the first tokens in {100 * wins[middle]:.0f} %",
    )


@figure
def fig04_curves(evidence):
    """The same for loss curves. The end of a run is predicted by the annealing law from its beginning, alone and with what fits
    of two other sizes say of A, alpha and C. A line and a mark for each public size; the rate of the WSD run begins to fall at .83."""
    out, table = canvas(height=2.5), evidence.curve_estimates
    axes = out.subplots(1, 2, sharey=True)
    for axis, run, title in zip(axes, RUNS, ("cosine", "WSD"), strict=True):
        for how, colour, said in (
            ("alone", VERMILLION, "beginning alone"),
            ("borrowed", BLUE, "with other sizes' parameters"),
        ):
            for size, marker, line in zip(table["size"].unique(), "osD", LINES, strict=False):
                part = table[(table["run"] == run) & (table["how"] == how) & (table["size"] == size)]
                axis.plot(part["part"], part["error"], marker, ls=line, ms=3, color=colour, label=f"{size}, {said}")
        axis.set_title(title)
        axis.set_xlabel("share of the run seen")
    logarithmic(axes[0], (1e-4, 1e-3, 1e-2, 1e-1, 1))
    axes[0].set_ylabel("error of the final loss (%)")
    legend_below(out, axes[0], columns=2)
    means = 100 * table[table["part"] == PARTS[1]].groupby("how")["error"].mean()
    return headline(
        out,
        f"From {PARTS[1]:.0%} of a run its end is predicted to {means['borrowed']:.2f} %, alone to {means['alone']:.1f} %",
    )


@figure
def fig05_own(evidence):
    """Our own family, six sizes on the same text. Left: error on the largest size for every choice of smaller ones, from all
    checkpoints, from those after the first tenth, and from the ends of several lengths, which predict the end; lines:
    medians; band: another seed. Right: each run's own end from its beginning; its rate begins to fall at .8."""
    if evidence.own is None:
        raise NotRun(NOT_RUN)
    rows, noise = evidence.own_estimates, evidence.own.noise
    rows = rows[(rows["method"] == "fit") & ~rows["only_final"]].dropna(subset=["are"])
    out = canvas(height=2.6)
    left, right = out.subplots(1, 2, sharey=True)
    across = rows[(rows["up"] > 1) & (rows["target"] == rows["target"].max()) & (rows["share"] == ALL)]
    kinds = {
        "all checkpoints": (across[(across["family"] == WHOLE) & (across["cut"] == 0)], BLUE, "o", "-"),
        "without the first tenth": (across[(across["family"] == WHOLE) & (across["cut"] > 0)], VERMILLION, "s", "--"),
        "ends of several lengths": (across[across["family"] == ENDS], GREEN, "^", "-."),
    }
    for k, (label, (part, colour, marker, line)) in enumerate(kinds.items()):
        left.plot(part["models"] + 0.1 * (k - 1), part["are"], marker, ms=2.5, mew=0, alpha=0.5, color=colour)
        left.plot(part.groupby("models")["are"].median(), color=colour, linestyle=line, label=label)
    own = rows[(rows["up"] == 1) & (rows["models"] == 1)]
    for _, part in own.groupby("target"):
        right.plot(part["share"], part["are"], "o", ls="-", ms=2, lw=0.6, color=INK, alpha=0.4)
    right.plot(own.groupby("share")["are"].median(), color=INK, linestyle="-", label="median of six sizes")
    for axis in (left, right) if noise else ():
        axis.axhspan(1e-4, noise.relative, color=BAND, zorder=0, label="another seed")
    logarithmic(left, (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1))
    left.set_xticks(sorted(across["models"].unique()))
    left.set_ylim(max(rows["are"].min() / 1.5, 5e-4), rows["are"].max() * 1.3)
    left.set_xlabel("models trained on")
    right.set_xlabel("share of the run seen")
    left.set_ylabel(ERROR)
    legend_below(out, left, right, columns=3)
    five = {
        label: 100 * part[part["models"] == part["models"].max()]["are"].median() for label, (part, *_) in kinds.items()
    }
    return headline(
        out,
        f"Five sizes predict a sixth to {five['all checkpoints']:.1f} % from all checkpoints, "
        f"to {five['ends of several lengths']:.1f} % from ends of several lengths",
    )
