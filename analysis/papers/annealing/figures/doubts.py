"""Where the law is weak: the free choice of lambda, and schedules on which it must fail."""

import numpy as np
from matplotlib.ticker import NullLocator

from analysis.pages.figure import figure
from analysis.pages.parts import LOSS, law, legend_below, legend_under, measured, shadow, thousands, window
from analysis.papers.annealing.figures._parts import finals, need
from losslaws.curves.runs import settled
from losslaws.fitting import fit, mean_error
from losslaws.style import BLUE, GREEN, MUTED, PURPLE, VERMILLION, canvas, headline

LAMBDAS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.998, 0.999, 0.9995, 0.9998)
SCALED = ("peak2-05x", "peak4-05x", "peak8-05x")
TICKS = (0.0, 0.9, 0.99, 0.999, 0.9998)


def scan(law, curves):
    """Fit `law` to `curves` once for each of LAMBDAS; return the fits."""
    return [fit(law, curves, fixed={"lambda": value}) for value in LAMBDAS]


@figure
def fig13_lambda(e):
    """The law refitted with lambda given. The momentum of annealing lasts about 1 / (1 - lambda) steps, so the best lambda
    belongs to the length of the runs. Left: objective of the fit over its lowest value, on our runs and on the paper's
    points (20,000 steps, its lambda .999). Right: mean error on the fitted and on the unseen curves."""
    experiment, memory = e.own, 1 / (1 - np.array(LAMBDAS))
    groups = {
        "fit": [settled(experiment.seen(name)) for name in experiment.role("fit")],
        "unseen": [settled(experiment.asked(name)) for name in experiment.role("unseen")],
    }
    fits, best = scan(experiment.fit.law, groups["fit"]), experiment.fit.params["lambda"]
    length = max(curve.schedule.steps for curve in groups["fit"])
    out = canvas(height=2.7)
    left, right = out.subplots(1, 2)
    theirs = [f.objective for f in scan(e.paper_fit.law, e.paper.values())]
    ours = [f.objective / experiment.fit.objective for f in fits]
    left.plot(memory, ours, "o-", color=BLUE, label=f"our runs, {length:,} steps")
    left.plot(memory, np.divide(theirs, min(theirs)), "^:", color=PURPLE, label="the paper's points")
    left.set_ylabel("objective over its lowest")
    left.set_yscale("log")
    left.set_yticks((1, 2, 5, 10), (1, 2, 5, 10))
    left.yaxis.set_minor_locator(NullLocator())
    for role, label, colour, line in (
        ("fit", "fitted curves", BLUE, "o-"),
        ("unseen", "unseen curves", VERMILLION, "s--"),
    ):
        if groups[role]:
            errors = [np.mean([mean_error(f, [curve]) for curve in groups[role]]) for f in fits]
            right.plot(memory, errors, line, color=colour, label=label)
    if experiment.noise:
        right.axhline(100 * experiment.noise.relative, color=MUTED, lw=0.8, linestyle=":", label="another seed")
    right.set_ylabel("mean error (%)")
    right.set_ylim(0)
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xticks(1 / (1 - np.array(TICKS)), [f"{value:g}" for value in TICKS])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.axvline(1 / (1 - best), color=GREEN, lw=0.9, linestyle="-.", label=f"fitted, {best:.3f}")
        axis.set_xlabel("lambda")
        legend_under(axis)
    return headline(out, f"Runs of {length:,} steps want lambda = {best:.3f}, a memory of {1 / (1 - best):.0f} steps")


@figure
def fig14_falsifiers(e):
    """Two tests that reviewers of the paper proposed. Left: steps at rate zero appended to a finished run; nothing is learned
    there, but S2 keeps growing. Right: the whole schedule scaled up; the law knows no rate that is too high."""
    tail, base = need(e, "zero-tail", "cosine-05x")
    scaled = [base, *(e.own.curves[name] for name in SCALED if e.own.has(name))]
    fit, schedule = e.own.fit, tail.schedule
    end = schedule.steps - int(np.argmax(schedule.lr[::-1] > 0))  # the last step at a rate above 0
    length = schedule.steps - end
    out = canvas(height=2.6)
    left, right = out.subplots(1, 2)
    shadow(left, tail)
    measured(left, tail, size=2.5)
    law(left, fit, tail)
    left.set_xlim(end - 3 * length, schedule.steps)
    left.set_ylim(*window(tail, share=1 - 4 * length / schedule.steps, foot=0.25))
    left.axvline(end, color=MUTED, lw=0.7, linestyle=":", label="rate reaches 0")
    left.set_xlabel("step")
    left.set_ylabel(LOSS)
    thousands(left)
    finals(right, e, scaled, [f"peak {curve.schedule.peak:g}" for curve in scaled])
    legend_below(out, left)
    said = np.diff(fit.predict(tail, [end, schedule.steps]))[0]
    found = tail.final_loss - np.interp(end, tail.step, tail.loss)
    top = scaled[-1]
    return headline(
        out,
        f"Steps at rate 0 change the loss by {found:+.4f} (law {said:+.4f}); a peak of {top.schedule.peak:g} "
        f"ends at {top.final_loss:.2f} (law {fit.predict(top)[-1]:.2f})",
    )
