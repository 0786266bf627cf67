"""The law on the curves it was fitted to and on those it never saw, beside what another seed changes."""

import numpy as np

from analysis.pages.figure import NotRun, figure
from analysis.pages.parts import LOSS, band, error, law, legend_below, measured, residuals, shadow, thousands, window
from analysis.papers.annealing.noise import apart
from losslaws.curves.runs import settled
from losslaws.fitting import mean_error
from losslaws.style import BLUE, GREEN, LINES, MUTED, PURPLE, VERMILLION, canvas, headline
from losslaws.words import percent

ERROR = "error (%)"


def strips(out, panels, noise, columns):
    """Fill `out` with one panel for every (curve, fit, title): measured points and law above, relative error below."""
    rows = -(-len(panels) // columns)
    axes = out.subplots(2 * rows, columns, squeeze=False, sharex="col", gridspec_kw={"height_ratios": [2.4, 1] * rows})
    low, high = window(*(curve for curve, _, _ in panels), foot=0.2)
    worst = max(np.abs(error(fit, curve)[1]).max() for curve, fit, _ in panels)
    for k, (curve, fit, title) in enumerate(panels):
        top, bottom = axes[2 * (k // columns), k % columns], axes[2 * (k // columns) + 1, k % columns]
        shadow(top, curve)
        measured(top, curve)
        law(top, fit, curve)
        residuals(bottom, fit, curve, noise)
        top.set_title(title, fontsize=6.5)
        top.set_ylim(low, high)
        bottom.set_ylim(-1.15 * worst, 1.15 * worst)
        thousands(bottom)
    for k in range(len(panels), rows * columns):
        axes[2 * (k // columns), k % columns].set_axis_off()
        axes[2 * (k // columns) + 1, k % columns].set_axis_off()
    for row in range(rows):
        axes[2 * row, 0].set_ylabel(LOSS)
        axes[2 * row + 1, 0].set_ylabel(ERROR)
        for axis in axes[2 * row : 2 * row + 2, 1:].flat:
            axis.tick_params(labelleft=False)
    out.align_ylabels(axes[:, 0])
    for axis in axes[-1]:
        axis.set_xlabel("step")
    legend_below(out, axes[0, 0], axes[1, 0])


@figure
def fig02_fit(e):
    """The fitted loss curves. Points: measured validation loss in nats per token; line: the annealing law, its parameters
    fitted to both curves at once. Below: relative error of the law; the band is one standard
    deviation of a final loss over seeds."""
    experiment = e.own
    fit, curves = experiment.fit, [experiment.seen(name) for name in experiment.role("fit")]
    mean = mean_error(fit, map(settled, curves))
    out = canvas(height=2.9)
    strips(out, [(curve, fit, curve.name) for curve in curves], experiment.noise, 2)
    return headline(
        out, f"{len(fit.free)} numbers describe {len(curves)} loss curves: R² = {fit.r2:.4f}, mean error {mean:.2f} %"
    )


@figure
def fig03_unseen(e):
    """Loss curves that the fit never saw: other schedules, two and three times as long. Points: measured; line: predicted
    from the two fitted curves and the schedule alone. Above each panel its mean relative error; below it the error along
    the curve over one standard deviation of a final loss over seeds."""
    experiment = e.own
    unseen = [experiment.asked(name) for name in experiment.role("unseen")]
    if not unseen:
        raise NotRun("needs curves of the role 'unseen', not run in this profile")
    errors = {curve.name: mean_error(experiment.fit, [settled(curve)]) for curve in unseen}
    beside = f"; another seed changes an end by {percent(experiment.noise.relative)}" if experiment.noise else ""
    out = canvas(height=4.7 if len(unseen) > 4 else 2.7)
    panels = [(curve, experiment.fit, f"{curve.name}: {errors[curve.name]:.2f} %") for curve in unseen]
    strips(out, panels, experiment.noise, min(4, len(unseen)))
    mean = np.mean(list(errors.values()))
    return headline(out, f"{len(unseen)} unseen schedules are predicted with a mean error of {mean:.2f} %{beside}")


@figure
def fig11_size(e):
    """The law with a term for the model's size, fitted to all curves shown here together. Points: measured, one model size
    each (non-embedding parameters); lines: the law. Below: its relative error."""
    experiment = e.own
    if "annealing-N" not in experiment.fitted:
        raise NotRun("needs a second model size, not run in this profile")
    fit = experiment.fitted["annealing-N"]
    curves = sorted(
        (experiment.curves[name] for name in fit.curves), key=lambda c: (c.parameters["non_embedding"], c.name)
    )
    out = canvas(height=2.7 if len(curves) < 4 else 4.7)
    panels = [(c, fit, f"{c.name}, N = {c.parameters['non_embedding'] / 1e6:.2f}M") for c in curves]
    strips(out, panels, experiment.noise, min(3, len(panels)))
    sizes = {c.parameters["non_embedding"] for c in curves}
    return headline(out, f"One law for {len(sizes)} model sizes: R² = {fit.r2:.4f}")


@figure
def fig15_paper(e):
    """The paper's own measurements, read off its figures: 40 points of two curves (first two panels) are refitted with
    lambda = .999, and its five other schedules predicted, two and three times as long, one with re-warm-ups."""
    fit, unseen = e.paper_fit, e.unseen
    curves = {**e.paper, **unseen}
    errors = {name: mean_error(fit, [curve]) for name, curve in curves.items()}
    panels = []
    for name, curve in curves.items():
        family = name.rstrip("0123456789_").replace("_", " ")
        panels.append((curve, fit, f"{family} {curve.schedule.steps // 1000}K: {errors[name]:.2f} %"))
    out = canvas(height=4.7)
    strips(out, panels, None, 4)
    mean = np.mean([errors[name] for name in unseen])
    finding = f"R² = {fit.r2:.5f}, {len(unseen)} unseen schedules with a mean error of {mean:.2f} %"
    return headline(out, f"On the paper's points: {finding}")


@figure
def fig16_noise(e):
    """What another seed of initialisation and data order changes: loss of each run over the mean of its seeds. The band
    is one standard deviation of an annealed run's final loss over seeds; at a high rate, and where less text is read
    than at the end, runs differ by more. Only runs that share no trunk are shown."""
    noise = e.own.noise
    if noise is None:
        raise NotRun("needs a second seed of some cell, not run in this profile")
    kinds = [name for name in sorted(apart(e.own.curves)) if len(e.own.runs[name]) > 1][:4]
    out = canvas(height=1.9)
    axis = out.subplots()
    band(axis, noise)
    axis.axhline(0, color=MUTED, lw=0.6)
    for name, colour, line in zip(kinds, (VERMILLION, BLUE, GREEN, PURPLE), LINES, strict=False):
        mean = settled(e.own.curves[name])
        for k, run in enumerate(map(settled, e.own.runs[name].values())):
            label = name if k == 0 else None
            axis.plot(run.step, 100 * (run.loss / mean.loss - 1), color=colour, linestyle=line, lw=0.8, label=label)
    axis.set_xlabel("step")
    axis.set_ylabel("off the mean (%)")
    thousands(axis)
    out.legend(loc="outside right center")
    return headline(out, f"Another seed changes a final loss by {percent(noise.relative)}")
