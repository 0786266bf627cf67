"""Figures of Loss-to-Loss Prediction."""

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from analysis.pages.figure import NotRun, figure
from analysis.pages.parts import legend_below
from analysis.papers.loss_to_loss import domains
from analysis.papers.loss_to_loss.evidence import SOURCE
from losslaws.curves.public.loss_to_loss import SETS, TASKS, task_column
from losslaws.style import BAND, BLUE, GREEN, INK, LINES, MUTED, ORANGE, PURPLE, SKY, VERMILLION, canvas, headline

COLOURS = dict(zip(SETS, (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY), strict=True))
MARKERS = dict(zip(SETS, "osD^vP", strict=True))
DASHES = dict(zip(SETS, LINES, strict=True))
OWN_LOOKS = [{"color": colour, "marker": marker} for colour, marker in zip(COLOURS.values(), "osD^vP", strict=True)]


@figure
def fig01_train_to_train(evidence):
    """Loss of the models trained on each data set against that of the models of the same size and tokens trained on
    fineweb-edu, both less what nothing removes. Lines: the fitted shifted power laws; open marks: the 3.3B models, which
    no fit saw."""
    out = canvas(height=3.2)
    axis = out.subplots()
    for name in SETS:
        if name == SOURCE:
            continue
        shift, both = evidence.shifts[SOURCE, name], evidence.pairs_of(SOURCE, name)
        look = {"color": COLOURS[name], "marker": MARKERS[name]}
        axis.plot(both["val_loss_x"] - shift.E_x, both["val_loss_y"] - shift.E_y, ls="", ms=2, mew=0, **look)
        x = np.geomspace(0.12, 1.7, 30)
        axis.plot(
            x,
            shift.K * x**shift.kappa,
            color=COLOURS[name],
            lw=0.8,
            linestyle=DASHES[name],
            label=f"{name}, kappa {shift.kappa:.2f}",
        )
        end = evidence.largest["val_loss"]
        axis.plot(end[SOURCE] - shift.E_x, end[name] - shift.E_y, ls="", ms=5, mfc="none", **look)
    axis.plot([], [], "o", ms=5, mfc="none", color=INK, label="3.3B, not fitted")
    axis.set_xscale("log")
    axis.set_yscale("log")
    few_ticks(axis.xaxis)
    few_ticks(axis.yaxis)
    axis.set_xlabel(f"loss on {SOURCE} less E (nats/token)")
    axis.set_ylabel("loss less E (nats/token)")
    legend_below(out, axis, columns=3)
    table = evidence.pairs
    return headline(
        out,
        f"Losses on two data sets follow one line: R² {table['r2'].min():.4f} to {table['r2'].max():.4f} over 30 pairs",
    )


@figure
def fig02_extrapolation(evidence):
    """Error of the predicted loss of a 3.3B model, trained with 20 times the compute of the largest fitted one. Points: from the
    3.3B model of each other data set; marks: from the data set's own scaling law, in both forms."""
    out = canvas(height=2.6)
    axis, table, joint = out.subplots(), evidence.pairs, evidence.joint
    rows = dict(zip(SETS, range(len(SETS))[::-1], strict=True))
    signed = 100 * (table["predicted"] / table["measured"] - 1)
    axis.plot(signed, table["target"].map(rows), "o", ms=4, color=BLUE, mew=0, alpha=0.8, label="from another data set")
    for law, marker, label in (
        ("chinchilla", "D", "own law, Chinchilla"),
        ("kaplan_entropy", "s", "own law, Kaplan with E"),
    ):
        part = joint[joint["law"] == law]
        axis.plot(
            100 * part["error"], part["data"].map(rows), marker, ms=4, mfc="none", mec=VERMILLION, ls="", label=label
        )
    axis.axvline(0, color=MUTED, lw=0.8, linestyle="-")
    axis.set_yticks(list(rows.values()), rows.keys())
    axis.set_xlabel("error of the predicted loss (%)")
    legend_below(out, axis)
    return headline(
        out,
        f"From another data set a 3.3B model is predicted to {100 * table['error'].mean():.2f} %, "
        f"by its own law to {100 * joint['error'].abs().mean():.1f} %",
    )


@figure
def fig03_translation(evidence):
    """Share of the variance of all models' losses that is not explained, for each data set: by its own law, fitted to all of
    them; by laws translated from the five others with six to eight runs; by a law fitted to those runs alone."""
    out = canvas(height=2.5)
    axis, table = out.subplots(), evidence.translation
    rows = np.arange(len(table))[::-1]
    for column, marker, colour, label in (
        ("own_law", "o", INK, "own law, all runs"),
        ("translated", "D", BLUE, "translated, few runs"),
        ("few_runs_alone", "s", VERMILLION, "few runs alone"),
    ):
        axis.plot(
            1 - table[column],
            rows,
            marker,
            ms=4,
            ls="",
            mfc="none" if marker == "s" else colour,
            color=colour,
            label=label,
        )
    axis.set_xscale("log")
    axis.set_yticks(rows, table["target"])
    axis.set_xlabel("1 - R²")
    legend_below(out, axis)
    mean = table[["translated", "own_law", "few_runs_alone"]].mean()
    return headline(
        out,
        f"A law translated with few runs explains R² {mean['translated']:.3f}, the data set's own {mean['own_law']:.3f}, "
        f"those runs alone {mean['few_runs_alone']:.3f}",
    )


@figure
def fig04_tests(evidence):
    """Loss on four tests against the loss on the training data, models trained on fineweb-edu. Line: shifted power law with E
    from a scaling law of the test; open marks: the 3.3B model. Above each panel what makes its fit doubtful, if anything."""
    out = canvas(height=2.6)
    rows, end = evidence.models[SOURCE], evidence.largest.loc[SOURCE]
    for axis, task in zip(out.subplots(1, len(TASKS)), TASKS, strict=True):
        shift, column = evidence.train_to_test[task], task_column(task)
        x = np.linspace(end["val_loss"], rows["val_loss"].max(), 60)
        axis.plot(rows["val_loss"], rows[column], "o", ms=2, mew=0, color=INK, label="measured")
        axis.plot(x, shift.predict(x), color=BLUE, linestyle="-", label="shifted power law")
        axis.plot(end["val_loss"], end[column], "o", ms=6, mfc="none", color=VERMILLION, label="3.3B, not fitted")
        axis.set_title(f"{task}: kappa {shift.kappa:.2f}" + (" (flagged)" if shift.warnings else ""), fontsize=6.5)
        axis.set_xlabel("training loss")
    out.axes[0].set_ylabel("loss on the test (nats/token)")
    legend_below(out, out.axes[0])
    flagged = sum(bool(shift.warnings) for shift in evidence.train_to_test.values())
    return headline(
        out, f"Tests follow the training loss by shifted power laws; {flagged} of {len(TASKS)} fits are flagged"
    )


def needed(evidence) -> domains.Domains:
    """Our own runs. Raises NotRun where they are not there."""
    if evidence.own is None:
        raise NotRun("needs our own domains: python -m training run loss_to_loss")
    return evidence.own


def few_ticks(axis, subs=(1, 2, 5)):
    """Label a logarithmic axis in plain numbers, `subs` times powers of ten."""
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def pair(x, y, kind):
    """Name a shift by the domains it leads from and to."""
    return f"{x[0]} to {y[1] if kind == domains.TRAIN_TO_TEST else y[0]}"


@figure
def fig05_own_shifts(evidence):
    """Final losses of our models, less what nothing removes, for runs of equal size and length. Left: models trained on two
    domains, each on its own validation set. Middle: one model, on its own domain (horizontal) and on another. Right: models
    trained on two domains, both on the third. Lines: the fitted shifted power laws; open marks: the largest size, which no fit
    saw."""
    own, out = needed(evidence), canvas(height=3.0)
    for axis, (kind, shifts) in zip(out.subplots(1, 3), domains.pairs_of_losses().items(), strict=True):
        for (x, y), look in zip(shifts, OWN_LOOKS, strict=True):
            shift, colour = own.shifts[kind, x, y], look["color"]
            for role, face, label in (("fit", colour, pair(x, y, kind)), ("unseen", "none", None)):
                before, after, _ = own.pairs(x, y, role)
                axis.plot(before - shift.E_x, after - shift.E_y, ls="", ms=3, mew=0.6, mfc=face, label=label, **look)
            every = np.concatenate([own.pairs(x, y, role)[0] for role in ("fit", "unseen")])
            line = np.geomspace(every.min(), every.max(), 30) - shift.E_x
            axis.plot(line, shift.K * line**shift.kappa, color=colour, lw=0.7, linestyle="-")
        axis.set_xscale("log")
        axis.set_yscale("log")
        few_ticks(axis.xaxis)
        few_ticks(axis.yaxis)
        axis.set_title(kind)
        axis.set_xlabel("loss less E (nats/token)")
    out.axes[0].set_ylabel("loss less E (nats/token)")
    out.axes[0].plot([], [], "o", ms=3, mew=0.6, mfc="none", color=INK, label="largest size, not fitted")
    legend_below(out, out.axes[0], columns=4)
    table = own.table.groupby("kind")["r2"].min()
    worst = ", ".join(f"{kind} {table[kind]:.4f}" for kind in domains.pairs_of_losses())
    return headline(out, f"Least R² of shifted power laws between our own domains: {worst}")


@figure
def fig06_own_largest(evidence):
    """Mean relative error on the runs of the largest size, for every pair of domains and every kind of shift: by the shift
    from the loss of the model that the pair begins with; by both laws of size and tokens, fitted to the same smaller
    runs; by assuming that the loss does not change. Band: what another seed changes."""
    own, out = needed(evidence), canvas(height=2.6)
    ways = (
        ("error", "o", BLUE, "shift"),
        ("law_chinchilla", "D", VERMILLION, "own law, Chinchilla"),
        ("law_kaplan_entropy", "s", VERMILLION, "own law, Kaplan with E"),
        ("no_change", "x", MUTED, "no change"),
    )
    axes, told = out.subplots(1, 3), []
    for axis, (kind, shifts) in zip(axes, domains.pairs_of_losses().items(), strict=True):
        table, rows = own.table[own.table["kind"] == kind], np.arange(len(shifts))[::-1]
        if own.noise:
            axis.axvspan(1e-3, 100 * own.noise.relative, color=BAND, lw=0, label="another seed")
        for column, marker, colour, label in ways:
            face = colour if marker == "o" else "none"
            axis.plot(100 * table[column], rows, marker, ms=4, ls="", mfc=face, color=colour, label=label)
        axis.set_xscale("log")
        axis.set_xlim(left=0.2)
        labels = [pair(x, y, kind) for x, y in shifts]
        axis.set_yticks(rows, [] if labels == told else labels)  # once for panels that have the same rows
        told = labels
        axis.set_title(kind)
        axis.set_xlabel("error (%)")
        few_ticks(axis.xaxis, subs=(1, 3))
    legend_below(out, axes[0])
    table = own.table[own.table["kind"] == domains.TRAIN_TO_TRAIN]
    error, law = 100 * table["error"].mean(), 100 * table["law_kaplan_entropy"].mean()
    return headline(
        out, f"From another domain our largest models are predicted to {error:.2f} %, by their own law to {law:.2f} %"
    )


@figure
def fig07_own_translation(evidence):
    """Share of the variance of all final losses of a domain, the largest size among them, that is not explained: by its own law,
    fitted to all smaller runs; by laws translated from the two other domains with few runs; by a law of those runs alone.
    Filled: no doubt found; open: the fit is flagged."""
    own, out = needed(evidence), canvas(height=2.2)
    axis, rows = out.subplots(), dict(zip(domains.NAMES, range(len(domains.NAMES))[::-1], strict=True))
    ways = (("own law", "o", INK), ("translated", "D", BLUE), ("few runs alone", "s", VERMILLION))
    for law, marker, colour in ways:
        for flagged in (False, True):
            table = own.translation[(own.translation["law"] == law) & ((own.translation["doubts"] != "") == flagged)]
            label, face = law + (", flagged" if flagged else ""), "none" if flagged else colour
            place = table["target"].map(rows)
            axis.plot(
                1 - table["r2"], place, marker, ms=4, ls="", mfc=face, color=colour, label=label if len(table) else None
            )
    axis.set_yticks(list(rows.values()), rows.keys())
    axis.set_ylim(-0.6, len(rows) - 0.4)
    axis.set_xlabel("1 - R²")
    legend_below(out, axis)
    mean = own.translation.groupby("law")["r2"].mean()
    return headline(
        out,
        f"Between our domains a law translated with few runs explains R² {mean['translated']:.3f}, the domain's own "
        f"{mean['own law']:.3f}, those runs alone {mean['few runs alone']:.3f}",
    )
