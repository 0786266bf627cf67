"""The schedules that were run, and what the annealing law reads of one."""

import numpy as np

from analysis.pages.figure import figure
from analysis.pages.parts import law, legend_below, measured, thinned, thousands, window
from analysis.papers.annealing.figures._parts import need
from losslaws.curves.runs import shape
from losslaws.laws.annealing import annealing_sums
from losslaws.style import BLUE, GREEN, MUTED, ORANGE, PURPLE, VERMILLION, canvas, headline

ROLES = {
    "fit": (VERMILLION, "fitted"),
    "unseen": (BLUE, "unseen, predicted"),
    "length": (GREEN, "other lengths, for the benchmark"),
    "claim": (PURPLE, "for single claims"),
}


@figure
def fig01_schedules(e):
    """Every shape of schedule that was trained, as applied, warm-up included, at the longest of its lengths. The law is fitted on the
    loss curves of the first ones (red); the losses under all others are predictions."""
    every = [curve for role in ROLES for curve in e.own.role(role).values()]
    curves = []
    for curve in every:
        alike = [
            c for c in every if shape(c.schedule) == shape(curve.schedule) and c.schedule.peak == curve.schedule.peak
        ]
        if curve.role == "fit" or curve is max(alike, key=lambda c: c.schedule.steps):
            curves.append(curve)
    columns = min(6, len(curves))
    rows = -(-len(curves) // columns)
    out = canvas(height=0.75 + 0.72 * rows)
    axes = out.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for k, axis in enumerate(axes):
        if k >= len(curves):
            axis.set_axis_off()
            continue
        (colour, label), schedule = ROLES[curves[k].role], curves[k].schedule
        step = thinned(1, schedule.steps, 100)
        rate = schedule.lr[step - 1]
        axis.fill_between(step, rate, color=colour, alpha=0.15, label=label)
        axis.plot(step, rate, color=colour, linestyle="-", lw=1)
        axis.set_title(curves[k].name, fontsize=6)
        axis.set_ylim(0, 1.08 * schedule.peak)
        axis.set_yticks([0, schedule.peak], ["0", f"{1000 * schedule.peak:.2g}"])
        axis.grid(False)
        thousands(axis, bins=3)
        axis.tick_params(labelsize=5.5, labelbottom=k + columns >= len(curves))
        if k // columns == rows - 1:
            axis.set_xlabel("step", fontsize=6)
    out.supylabel("learning rate (1e-3)", fontsize=7)
    legend_below(out, *axes)
    fitted = len(e.own.role("fit"))
    return headline(out, f"{len(every)} schedules: {fitted} are fitted, {len(every) - fitted} are predicted")


@figure
def fig04_s1_s2(e):
    """What the law reads of a schedule. S1 is the area under the learning rate: the way travelled forward. Every drop of
    the rate feeds a momentum that fades by the factor lambda per step; S2 is the area under that momentum. Right: with S1
    alone (dashed) the loss would hardly fall during the decay; the gap down to the full law is C S2. The share in the title is the
    law's; the claims hold the measured one, the part of the fall that a constant rate from the same trunk does not bring."""
    (curve,) = need(e, "wsd20-linear-1x")
    fit, schedule = e.own.fit, curve.schedule
    p, step = fit.params, thinned(1, schedule.steps)
    S1, S2 = (x[step - 1] for x in annealing_sums(schedule, p["lambda"], fit.law.warmup))
    momentum = np.gradient(S2, step)
    start = int(np.flatnonzero(S2 > 0)[0])
    forward = p["L0"] + p["A"] * S1 ** -p["alpha"]
    gain, annealed = forward[start] - forward[-1], p["C"] * S2[-1]

    out = canvas(height=2.5)
    left, middle, right = out.subplots(1, 3)
    for axis, values, colour in ((left, schedule.lr[step - 1], BLUE), (middle, momentum, ORANGE)):
        axis.fill_between(step, 1000 * values, color=colour, alpha=0.25)
        axis.plot(step, 1000 * values, color=colour, linestyle="-")
        axis.set_ylim(0)
    left.set_title("area under the rate: S1")
    left.set_ylabel("learning rate (1e-3)")
    middle.set_title("area under the momentum: S2")
    middle.set_ylabel("momentum (1e-3)")
    middle.text(0.05, 0.9, f"lambda = {p['lambda']:.3f}", transform=middle.transAxes)
    measured(right, curve)
    law(right, fit, curve)
    right.plot(step, forward, color=BLUE, linestyle="--", label="law without S2")
    right.fill_between(step, forward, forward - p["C"] * S2, color=ORANGE, alpha=0.25, label="C S2")
    right.set_ylim(*window(curve, share=0.3))
    right.set_xlim(0.3 * schedule.steps)
    right.set_title("loss (nats/token)")
    for axis in (left, middle, right):
        axis.axvline(step[start], color=MUTED, lw=0.7, linestyle=":", label="decay begins")
        axis.set_xlabel("step")
        thousands(axis)
    legend_below(out, right)
    return headline(
        out, f"During the decay, S2 brings {100 * annealed / (annealed + gain):.0f} % of the predicted fall in loss"
    )
