"""What single changes of a schedule do to the loss, measured and predicted."""

import numpy as np

from analysis.pages.figure import NotRun, figure
from analysis.pages.parts import LOSS, law, legend_below, measured, shadow, thousands, window
from analysis.papers.annealing.claims.effects import smooth
from analysis.papers.annealing.evidence import delay, turns
from analysis.papers.annealing.figures._parts import finals, need, spread
from analysis.papers.annealing.noise import BRANCH
from losslaws.curves.runs import settled
from losslaws.fitting import final_of
from losslaws.style import BLUE, GREEN, INK, LINES, MUTED, PURPLE, VERMILLION, canvas, headline
from losslaws.words import percent

COLOURS = (INK, BLUE, VERMILLION, GREEN, PURPLE)
BARS = {"elinewidth": 0.8, "capsize": 2}
DECAY = "decay, share of all steps (%)"


def foretold(e, family, steps, **options):
    """Return the law's final loss of a run of `steps` under a schedule with the warm-up and peak of the fitted ones."""
    return final_of(e.own.fit, e.own_schedule(family, int(steps), **options))


@figure
def fig05_delay(e):
    """The rate dips and rises again; the loss follows late. Above: the rate around each dip, steps counted from its lowest
    point. Below: loss since the fall began, measured (mean over seeds) and by the law; vertical marks show where each turns on the
    rate's way back, if it does."""
    curves = [c for c in e.own.curves.values() if c.schedule.name == "polyline" and len(turns(c.schedule)) == 1]
    if not curves:
        raise NotRun("needs a run whose rate dips once, not run in this profile")
    fit = e.own.fit
    out = canvas(height=3.0)
    axes = out.subplots(2, len(curves), sharex="col", sharey="row", squeeze=False, height_ratios=[1, 2.2])
    late = []
    for (top, bottom), curve in zip(axes.T, map(settled, curves), strict=True):
        ((fall, low, rise),) = turns(curve.schedule)
        step = np.arange(
            max(2 * curve.schedule.warmup, fall - (rise - fall) // 2), min(2 * rise - fall, curve.schedule.steps) + 1
        )
        near = (curve.step >= step[0]) & (curve.step <= step[-1])
        loss, smoothed = fit.predict(curve, step), smooth(curve.loss)
        found, said = (delay(*points, (fall, low, rise)) for points in ((curve.step, smoothed), (step, loss)))
        late.append(f"{'no turn' if found is None else found} ({'no turn' if said is None else said})")
        top.plot(step - low, 1000 * curve.schedule.lr[step - 1], color=BLUE, linestyle="-")
        top.set_title(f"falls in {low - fall} steps, rises in {rise - low}")
        start = np.interp(fall, curve.step, smoothed)
        bottom.plot(curve.step[near] - low, smoothed[near] - start, "o", ms=1.8, mew=0, color=INK, label="measured")
        bottom.plot(step - low, loss - loss[fall - step[0]], color=VERMILLION, linestyle="-", label="law")
        for axis in (top, bottom):
            axis.axvline(0, color=BLUE, lw=0.8, linestyle=":", label="rate turns")
        for at, colour, line, name in (
            (found, INK, "--", "measured loss turns"),
            (said, VERMILLION, "-.", "law turns"),
        ):
            if at is not None:
                bottom.axvline(at, color=colour, lw=0.8, linestyle=line, label=name)
        bottom.set_xlabel("steps since the lowest rate")
    axes[0, 0].set_ylabel("rate (1e-3)")
    axes[1, 0].set_ylabel("loss since the fall\n(nats/token)")
    out.align_ylabels(axes[:, 0])
    legend_below(out, *axes[1])
    return headline(out, f"Steps by which the loss turns after the rate, measured (law): {', '.join(late)}")


@figure
def fig06_cosine_length(e):
    """Cosines that end with the run, before it, after it, or above zero. Left: measured loss (points) and the law's (lines).
    Right: final losses; bars are the standard error of the mean over seeds."""
    cells = {
        "cosine-1x": "ends with the run, at 0",
        "cosine-1x-final10": "ends at 10 % of the peak",
        "cosine-1x-cycle14": "1.4 times the run",
        "cosine-1x-cycle06": "ends at 60 % of the run",
    }
    curves = need(e, *cells)
    out = canvas(height=2.7)
    left, right = out.subplots(1, 2, width_ratios=[1.2, 1])
    for curve, colour, line in zip(curves, COLOURS, LINES, strict=False):
        measured(left, curve, colour, label=None)
        law(left, e.own.fit, curve, colour, cells[curve.name], line)
    left.set_ylim(*window(*curves, share=0.3))
    left.set_xlim(0.25 * curves[0].schedule.steps)
    left.set_xlabel("step")
    left.set_ylabel(LOSS)
    thousands(left)
    finals(right, e, curves, list(cells.values()))
    legend_below(out, left, right, columns=3)
    found = min(curves, key=lambda curve: curve.final_loss)
    said = min(curves, key=lambda curve: e.own.fit.predict(curve)[-1])
    return headline(out, f"Lowest final loss, measured: {cells[found.name]}; by the law: {cells[said.name]}")


@figure
def fig07_constant_vs_cosine(e):
    """Final loss against the length of the run, under a constant rate and under a cosine that falls to 0 with the last
    step. Points: measured; lines: predicted for every length; dotted: where the law's lines cross."""
    (constant,) = need(e, "constant-3x")
    experiment, longest = e.own, constant.schedule.steps
    names = (f"cosine-{length}x" for length in ("025", "05", "075", "1", "15", "2", "3"))
    cosines = [experiment.curves[name] for name in names if experiment.has(name)]
    lengths = np.unique(np.geomspace(3 * constant.schedule.warmup, 1.5 * longest, 60).astype(int))
    held, annealed = (np.array([foretold(e, family, T) for T in lengths]) for family in ("constant", "cosine"))
    out = canvas(height=2.6)
    axis = out.subplots()
    axis.plot(lengths, held, color=BLUE, linestyle="--", label="constant, law")
    axis.plot(lengths, annealed, color=VERMILLION, linestyle="-", label="cosine, law")
    steps = [curve.schedule.steps for curve in cosines]
    flat = np.interp(steps, constant.step, constant.loss)
    axis.plot(steps, flat, "s", ms=4, mfc="none", color=BLUE, label="constant, measured")
    axis.plot(steps, [curve.final_loss for curve in cosines], "o", ms=4, color=VERMILLION, label="cosine, measured")
    axis.set_xscale("log")
    thousands(axis)
    axis.set_xlabel("steps of the whole run")
    axis.set_ylabel(f"final {LOSS}")
    out.legend(loc="outside right center")
    ahead = annealed < held
    won = sum(curve.final_loss < loss for curve, loss in zip(cosines, flat, strict=True))
    found = f"measured: cosine ahead at {won} of {len(cosines)} lengths"
    if ahead.all() or not ahead.any():
        better = "cosine" if ahead.all() else "a constant rate"
        return headline(out, f"The law puts {better} ahead at every length; {found}")
    crossing = lengths[np.argmax(ahead)]
    axis.axvline(crossing, color=MUTED, lw=0.7, linestyle=":")
    return headline(out, f"The law puts cosine ahead from {crossing:,} steps on; {found}")


@figure
def fig08_wsd_ratio(e):
    """Final loss of WSD runs against the share of steps in the linear decay, a panel for each length of run. Points:
    measured, bars the standard error of the mean over seeds; line: predicted for every share; triangle: its optimum."""
    families = list(e.own.decays("linear").values())
    if not families:
        raise NotRun("needs WSD runs with a linear decay, not run in this profile")
    out = canvas(height=2.6)
    axes = out.subplots(1, len(families), squeeze=False)[0]
    optima, measured_best = [], []
    for axis, runs in zip(axes, families, strict=True):
        steps, warmup = (getattr(next(iter(runs.values())).schedule, of) for of in ("steps", "warmup"))
        shares = np.linspace(0.02, min(0.8, 1 - warmup / steps), 40)
        predicted = np.array([foretold(e, "wsd", steps, decay=share) for share in shares])
        best = np.argmin(predicted)
        optima.append(f"{100 * shares[best]:.0f} % of {steps:,}")
        axis.plot(100 * shares, predicted, color=VERMILLION, linestyle="-", label="law")
        axis.plot(100 * shares[best], predicted[best], "v", ms=5, color=VERMILLION, label="optimum of the law")
        losses = [curve.final_loss for curve in runs.values()]
        bars = [spread(e, curve) for curve in runs.values()]
        measured_best.append(f"{min(runs, key=lambda share, runs=runs: runs[share].final_loss)} %")
        axis.errorbar(list(runs), losses, yerr=bars, fmt="o", color=INK, label="measured", **BARS)
        axis.set_title(f"{steps:,} steps")
        axis.set_xlabel(DECAY)
    axes[0].set_ylabel(f"final {LOSS}")
    legend_below(out, axes[0])
    return headline(out, f"Best decay by the law: {', '.join(optima)} steps; measured: {', '.join(measured_best)}")


def beside_linear(experiment, shape):
    """Return {share: (run, run with linear decay)} of the longest runs that decay both by `shape` and linearly."""
    bent, straight = experiment.decays(shape), experiment.decays("linear")
    steps = max(bent.keys() & straight.keys(), default=None)
    if steps is None:
        return {}
    return {share: (run, straight[steps][share]) for share, run in bent[steps].items() if share in straight[steps]}


@figure
def fig09_decay_shape(e):
    """Final loss of runs that decay by 1 - sqrt or as half a cosine, less that of the run with a linear decay of the same
    length, which shares its trunk. Points: measured, bars the standard error of the difference over seeds; lines: the law."""
    pairs = {shape: beside_linear(e.own, shape) for shape in ("1-sqrt", "cosine")}
    pairs = {shape: runs for shape, runs in pairs.items() if runs}
    if not pairs:
        raise NotRun("needs runs of one length with two shapes of decay, not run in this profile")
    shares, findings = np.linspace(0.05, 0.6, 12), []
    out = canvas(height=2.6)
    axis = out.subplots()
    axis.axhline(0, color=MUTED, lw=0.6)
    for (shape, runs), colour, marker, line in zip(pairs.items(), (BLUE, VERMILLION), "os", LINES, strict=False):
        found = {share: bent.final_loss - straight.final_loss for share, (bent, straight) in runs.items()}
        branch = e.own.relations.get(BRANCH)
        bar = [branch.sd / np.sqrt(len(e.own.runs[bent.name])) if branch else 0.0 for bent, _ in runs.values()]
        axis.errorbar(
            list(found), list(found.values()), yerr=bar, fmt=marker, color=colour, label=f"{shape}, measured", **BARS
        )
        steps = next(iter(runs.values()))[0].schedule.steps
        said = [foretold(e, "wsd", steps, decay=x, shape=shape) - foretold(e, "wsd", steps, decay=x) for x in shares]
        axis.plot(100 * shares, said, color=colour, linestyle=line, label=f"{shape}, law")
        if 20 in found:
            findings.append(f"{shape} {found[20]:+.3f} (law {np.interp(0.2, shares, said):+.3f})")
    axis.set_xlabel(DECAY)
    axis.set_ylabel("final loss less that of\nlinear decay (nats/token)")
    out.legend(loc="outside right center")
    return headline(out, f"20 % decay against linear: {', '.join(findings) or 'not run'}")


@figure
def fig10_rewarmup(e):
    """Training goes on after a cosine: the rate is warmed up again, to the old peak or half of it, and decays once more.
    Points: measured; lines: predicted from the two fitted curves, which hold no re-warm-up."""
    curves = need(e, "rewarm-full", "rewarm-half")
    out = canvas(height=2.6)
    left, right = out.subplots(1, 2, sharey=True)
    rises = []
    for axis, curve, name in zip((left, right), curves, ("full", "half the"), strict=True):
        shadow(axis, curve)
        measured(axis, curve)
        law(axis, e.own.fit, curve)
        ((_, low, rise),) = turns(curve.schedule)
        after = curve.loss[(curve.step >= low) & (curve.step <= 2 * rise - low)]
        rises.append(after.max() - np.interp(low, curve.step, curve.loss))
        error = percent(e.own.score(curve.name).mean_error)
        axis.set_title(f"re-warm-up to {name} peak: mean error {error}")
        axis.set_xlabel("step")
        thousands(axis)
    left.set_ylim(*window(*curves, share=0.25, foot=0.25))
    left.set_ylabel(LOSS)
    legend_below(out, left)
    return headline(out, f"A higher re-warm-up raises the loss more: by {rises[0]:.3f} against {rises[1]:.3f} nats")
