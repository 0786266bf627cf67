"""Figures of Kaplan et al. 2020."""

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from analysis.pages.figure import NotRun, figure
from analysis.pages.parts import LOSS, band, legend_below, thousands
from analysis.papers.kaplan.family import NOT_RUN
from losslaws.curves import Schedule
from losslaws.laws import Planned
from losslaws.search import kaplan
from losslaws.search.allocation import CHINCHILLA, best
from losslaws.style import BLUE, GREEN, INK, LINES, ORANGE, PURPLE, SKY, VERMILLION, canvas, headline
from losslaws.words import scientific

PF_DAYS = np.geomspace(1e-6, 1e4, 21)
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
ONE = Schedule(np.ones(1))


@figure
def fig01_best_size(evidence):
    """The best size of a model for a budget of compute. Kaplan et al. fitted the steep line to their runs; the optimum of their
    own law of size and steps lies below it, with a smaller exponent. Left: sizes; Chinchilla counts all parameters, the
    others leave embeddings out. Right: loss at the optimum, of the two ways to compute it from Kaplan's constants."""
    out = canvas(height=2.7)
    left, right = out.subplots(1, 2)
    flops, least = PF_DAYS * kaplan.PF_DAY, PF_DAYS / 2  # training at the critical batch: C = 2 C_min
    optimum = np.array([kaplan.best_size(C) for C in least])
    left.plot(flops, kaplan.published_allocation(least)["N"], color=VERMILLION, linestyle="-", label="Kaplan, Table 6")
    left.plot(flops, optimum, color=BLUE, linestyle="--", label="Kaplan, optimum of L(N, S_min)")
    for (name, law), colour, line in zip(CHINCHILLA.items(), (GREEN, PURPLE), ("-.", ":"), strict=True):
        left.plot(flops, best(law, flops)[0], color=colour, linestyle=line, label=f"Chinchilla, {name}")
    right.plot(flops, kaplan.loss_of_minimal_compute(least), color=VERMILLION, linestyle="-")
    losses = [kaplan.loss_at_compute(size, C) for size, C in zip(optimum, least, strict=True)]
    right.plot(flops, losses, color=BLUE, linestyle="--")
    for axis, label in ((left, "best size N"), (right, LOSS)):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("compute (FLOPs)")
        axis.set_ylabel(label)
    right.set_yticks((2, 3, 4, 6), ("2", "3", "4", "6"))
    right.minorticks_off()
    legend_below(out, left, columns=2)
    return headline(
        out,
        f"Kaplan's law of size and steps wants N ~ C^{kaplan.size_exponent():.3f}, not the printed C^{kaplan.value('best.pN')}",
    )


@figure
def fig02_reconciliation(evidence):
    """Twenty models whose losses follow Chinchilla's law of all their parameters, looked at as Kaplan et al. did: best size
    against compute, both without embeddings (points), and a straight line through them. Small models consist mostly of
    embeddings, so the line is steep."""
    out = canvas(height=2.6)
    axes = out.subplots(1, 2, sharey=True)
    for axis, (name, found) in zip(axes, evidence.reconciled.items(), strict=True):
        line = np.exp(np.polyval(np.polyfit(np.log(found.flops), np.log(found.best), 1), np.log(found.flops)))
        axis.plot(found.flops, found.best, "o", ms=2.5, mew=0, color=INK, label="best of 20 sizes")
        axis.plot(found.flops, line, color=BLUE, linestyle="-", label="line through them")
        axis.plot(
            found.flops,
            kaplan.published_allocation(found.flops / kaplan.PF_DAY)["N"],
            color=VERMILLION,
            linestyle="--",
            label="Kaplan, Table 6",
        )
        axis.set_title(f"{name}: N ~ C^{found.size:.4f}")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("compute without embeddings (FLOPs)")
    axes[0].set_ylabel("best size without embeddings")
    legend_below(out, axes[0])
    return headline(out, "Counted as Kaplan et al. counted, Chinchilla's law gives their exponent of .73")


def own_runs(evidence):
    """Return the family of our own runs. Raises NotRun where it is not there."""
    if evidence.own is None:
        raise NotRun(NOT_RUN)
    return evidence.own


def logarithmic(axis, x, label):
    """Give `axis` a logarithmic x axis with few round ticks."""
    axis.set_xscale("log")
    decades = np.ptp(np.log10(x)) if len(x) else 1
    axis.xaxis.set_major_locator(LogLocator(subs=(1,) if decades > 2 else (1, 2, 5) if decades < 1.2 else (1, 3)))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: scientific(x).replace(".0", "")))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel(label)


def by_size(family):
    """Return a look for every size of `family`: {N: (colour, line, marker)}, smallest first."""
    sizes = sorted({curve.parameters["non_embedding"] for curve in family.role("family")})
    return dict(zip(sizes, zip(PALETTE, LINES, "osD^vP", strict=True), strict=False))


@figure
def fig03_own_runs(evidence):
    """Our own runs: loss against one resource where the others do not change, or are best for it. Left: final loss of six
    sizes at one length. Middle: lowest loss of the largest of three sizes on texts that it saw again and again. Right: the
    losses that no other size had for less compute, 6 N D. Points: measured, means over seeds; lines: power laws; bars: 95 % of the means."""
    family, said = own_runs(evidence), []
    out = canvas(height=2.5)
    labels = {"size": "parameters N", "tokens": "tokens of the text D", "compute": "compute C (FLOPs)"}
    for axis, (of, label) in zip(out.subplots(1, 3), labels.items(), strict=True):
        found, runs = evidence.own_fits[of][0], evidence.points[of]
        x, loss = found.law.features(runs), np.concatenate([run.loss for run in runs])
        wide = np.geomspace(x.min() / 1.3, x.max() * 1.3, 50)
        axis.plot(
            wide, found.params["A"] * wide ** -found.params["alpha"], color=BLUE, linestyle="-", label="power law"
        )
        spread = 2 * np.nan_to_num(family.error) * loss
        axis.errorbar(x, loss, spread, fmt="o", ms=2.5, color=INK, elinewidth=0.8, label="measured")
        logarithmic(axis, x, label)
        said.append(f"{found.params['alpha']:.3f} in {label.split()[-1] if of != 'compute' else 'C'}")
    out.axes[0].set_ylabel(LOSS)
    legend_below(out, out.axes[0])
    return headline(out, f"On our runs the exponents are {', '.join(said)}; the paper has .076, .095 and .057")


@figure
def fig04_steps(evidence):
    """Loss against steps at one rate, after the warm-up, for six sizes. Points: measured, means over seeds; lines: one law of size
    and steps, L(N, S_min), fitted to all of them. S_min is what a batch far above the critical one would have needed."""
    family = own_runs(evidence)
    found, looks = evidence.own_fits["minimal steps"][0], by_size(family)
    out = canvas(height=2.8)
    left, right = out.subplots(1, 2, width_ratios=(2, 1))
    for curve in family.stable:
        colour, line, _ = looks[curve.parameters["non_embedding"]]
        error = 100 * (found.predict(curve) / curve.loss - 1)
        left.plot(curve.step, curve.loss, "o", ms=2.5, mew=0, color=colour)
        right.plot(curve.step, error, linestyle=line, lw=0.8, color=colour)
        label = f"N = {curve.parameters['non_embedding']:,}"
        left.plot(curve.step, found.predict(curve), linestyle=line, color=colour, label=label)
    band(right, family.noise)
    for axis in (left, right):
        axis.set_xscale("log")
        thousands(axis)
        axis.set_xlabel("steps S")
    left.set_ylabel(LOSS)
    right.set_ylabel("error of the law (%)")
    legend_below(out, left, right, columns=4)
    worst = max(100 * np.abs(found.predict(run) / run.loss - 1).max() for run in evidence.points["minimal steps"])
    return headline(
        out,
        f"One law of size and steps meets our curves to {worst:.1f} % at worst: alpha_N {found.params['alpha']:.3f}, "
        f"alpha_S {found.params['beta']:.2f}; the paper has .077 and .76",
    )


@figure
def fig05_texts(evidence):
    """Short texts, seen again and again. Left: validation loss of the largest of three sizes over its steps, cut at 1.6 times the
    lowest; marks: where it was lowest. Right: lowest loss against the tokens of the text, for each size, and the law L(N, D); the longest text is one
    that no run saw twice."""
    family = own_runs(evidence)
    out, looks = canvas(height=2.7), by_size(family)
    left, right = out.subplots(1, 2)
    largest = [curve for curve in family.role("text") if curve.parameters == family.role("text")[-1].parameters]
    largest.sort(key=lambda curve: curve.source["train_tokens"])
    for curve, colour, line in zip(largest, PALETTE, LINES, strict=False):
        label, at = f"{curve.source['train_tokens']:,} tokens", curve.loss.argmin()
        left.plot(curve.step, curve.loss, color=colour, linestyle=line, label=label)
        left.plot(curve.step[at], curve.loss[at], "o", ms=4, color=colour)
    found = evidence.own_fits["both"][0]
    for size, (colour, line, marker) in looks.items():
        runs = [run for run in family.texts if run.parameters["non_embedding"] == size]
        if runs:
            x = np.array([run.tokens_per_step for run in runs])
            wide = np.geomspace(x.min(), x.max(), 40)
            law = [found.law.loss(found.params, Planned(ONE, [1], {"non_embedding": size}, D))[0] for D in wide]
            right.plot(x, [run.loss[0] for run in runs], marker, ms=4, color=colour, label=f"{size:,} parameters")
            right.plot(wide, law, color=colour, linestyle=line)
    left.set_ylim(top=min(left.get_ylim()[1], 1.6 * min(curve.loss.min() for curve in largest)))
    left.set_xlabel("steps")
    left.set_ylabel(LOSS)
    logarithmic(right, wide, "tokens of the text D")
    legend_below(out, left, right, columns=4)
    return headline(
        out,
        f"Size and text together: alpha_N {found.params['alpha_N']:.3f}, alpha_D {found.params['alpha_D']:.3f}; "
        "the paper has .076 and .103",
    )


@figure
def fig06_batches(evidence):
    """Five batches of 512 to 8,192 tokens, two sizes. Left: tokens against steps to five losses; lines: the trade-off
    (S / S_min - 1)(E / E_min - 1) = 1. Right: the critical batch that follows, against the loss, and one power law of all."""
    family, found = own_runs(evidence), evidence.batches
    out, looks = canvas(height=2.7), by_size(family)
    left, right = out.subplots(1, 2)
    for size, points in found.points.groupby("N"):
        colour, line, marker = looks[size]
        for row in points.iloc[:: max(len(points) // 4, 1)].itertuples():
            runs = found.steps[(found.steps["N"] == size) & (found.steps["loss"] == row.loss)]
            batch = np.geomspace(runs["batch"].min() / 2, runs["batch"].max() * 2, 40)
            steps = row.S_min + row.E_min / batch
            left.plot(steps, steps * batch, color=colour, linestyle=line, lw=0.8)
            left.plot(runs["steps"], runs["steps"] * runs["batch"], marker, ms=3, mew=0, color=colour)
        right.plot(points["loss"], points["critical"], marker, ms=3.5, color=colour, label=f"{size:,} parameters")
    loss = np.linspace(found.points["loss"].min(), found.points["loss"].max(), 40)
    right.plot(loss, found.scale * loss ** (-1 / found.alpha), color=INK, linestyle="-", label="power law")
    for axis in (left, right):
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
        axis.yaxis.set_minor_locator(NullLocator())
    left.set_xscale("log")
    thousands(left)
    left.set_xlabel("steps S")
    left.set_ylabel("tokens E")
    right.set_xlabel(LOSS)
    right.set_ylabel("critical batch (tokens)")
    legend_below(out, right)
    low, high = found.interval(1)
    off = found.points["critical"] / (found.scale * found.points["loss"] ** (-1 / found.alpha))
    apart = off.groupby(found.points["N"]).median()
    return headline(
        out,
        f"The critical batch grows as the loss falls: alpha_B {found.alpha:.3f} ({low:.3f} to {high:.3f}), the paper has .21; but not by the loss "
        f"alone: at equal loss our sizes need batches {apart.max() / apart.min():.1f}-fold apart",
    )
