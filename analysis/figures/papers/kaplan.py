"""Figures of Kaplan et al. 2020."""

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from analysis.figures import NotRun, figure
from analysis.figures.parts import LOSS, legend_below
from analysis.figures.style import BLUE, GREEN, INK, PURPLE, VERMILLION, canvas, headline
from analysis.papers import kaplan
from analysis.papers.allocation import best
from analysis.papers.reconciliation import CHINCHILLA
from analysis.tables import scientific

PF_DAYS = np.geomspace(1e-6, 1e4, 21)


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


@figure
def fig03_own_runs(evidence):
    """Our own runs under full cosines, far smaller and shorter than the paper's. Points: measured final loss; lines: power laws
    of the size at one length (left) and of the tokens at one size (right)."""
    if not {"size", "tokens"} <= evidence.own_fits.keys():
        raise NotRun("needs cosine runs of several sizes and lengths in results/cpu")
    out = canvas(height=2.5)
    said = []
    for axis, of, label in zip(out.subplots(1, 2), ("size", "tokens"), ("parameters N", "tokens D"), strict=True):
        found, runs = evidence.own_fits[of][0], evidence.finals[of]
        x = np.array([found.law.features([run])[0] for run in runs])
        wide = np.geomspace(x.min() / 1.3, x.max() * 1.3, 50)
        axis.plot(
            wide, found.params["A"] * wide ** -found.params["alpha"], color=BLUE, linestyle="-", label="power law"
        )
        spread = evidence.own.noise.std if evidence.own.noise else 0.0
        axis.errorbar(x, [run.final_loss for run in runs], spread, fmt="o", color=INK, elinewidth=0.8, label="measured")
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: scientific(x).replace(".0", "")))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlabel(label)
        said.append(f"{found.params['alpha']:.3f} in the {label.split()[0]}")
    out.axes[0].set_ylabel(f"final {LOSS}")
    legend_below(out, out.axes[0])
    return headline(out, f"On our runs the exponents are {' and '.join(said)}; the paper has .076 and .095")
