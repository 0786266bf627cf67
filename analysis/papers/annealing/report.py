"""What the page of a profile says beyond claims, tables and figures; the text is report.md.j2."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.pages.figure import Drawing
from analysis.pages.writer import show
from analysis.papers.annealing import tables
from analysis.papers.annealing.explorer import explorer
from analysis.papers.paper import Paper
from losslaws.curves.runs import settled
from losslaws.words import percent, scientific

TEMPLATE = "papers/annealing/report.md.j2"
EFFECTS = (
    "fig05_delay",
    "fig06_cosine_length",
    "fig07_constant_vs_cosine",
    "fig08_wsd_ratio",
    "fig09_decay_shape",
    "fig10_rewarmup",
)
FAR = 0.005  # mean relative error above which the page says where a curve is off
TABLES = (
    tables.summary,
    tables.runs,
    tables.fits,
    tables.predictions,
    tables.noise,
    tables.tuning,
    tables.compute,
    tables.equal_error,
    tables.cost,
)


def part(paper: Paper) -> str:
    """Return the explorer."""
    return explorer(paper.evidence)


def facts(paper: Paper, drawings: Sequence[Drawing]) -> dict:
    """Return what the template asks for."""
    experiment = paper.evidence.own
    kinds = list(experiment.curves.values())
    runs = [run for seeds in experiment.runs.values() for run in seeds.values()]
    drawn = {drawing.name: drawing for drawing in drawings}
    return {
        "name": experiment.name,
        "runs": len(runs),
        "schedules": len({run.schedule.lr.tobytes() for run in kinds}),
        "sizes": sorted({run.parameters["non_embedding"] for run in runs}),
        "tokens": sum(run.tokens_per_step * run.schedule.steps for run in runs),
        "flops": scientific(sum(run.flops for run in runs)),
        "lost": lost(paper),
        "fit": experiment.fit,
        "noise": experiment.noise and percent(experiment.noise.relative),
        "warnings": [f"{name}: {line}" for name, fit in experiment.fitted.items() for line in fit.warnings],
        "headline": paper.evidence.headline,
        "far": [line for name in experiment.role("unseen") for line in far(paper, name)],
        "effects": EFFECTS,
        "figure": lambda name: show(drawn[name]),
        "left_out": [f"{drawing.name} ({drawing.missing})" for drawing in drawings if drawing.missing],
        "tables": {write.__name__: write(paper) for write in TABLES},
    }


def far(paper: Paper, name: str) -> Iterator[str]:
    """Yield how and where a badly predicted curve is off, and whether the form is to blame; nothing for one within FAR."""
    experiment = paper.evidence.own
    curve = settled(experiment.asked(name))
    error = experiment.fit.predict(curve) / curve.loss - 1
    if np.abs(error).mean() > FAR:
        best = np.abs(experiment.ceiling.predict(curve) / curve.loss - 1).mean()
        blame = "the fitted runs do not tell" if best <= FAR else "the form of the law does not give"
        worst, side = np.argmax(np.abs(error)), "high" if error.mean() > 0 else "low"
        yield (
            f"{name}, {tables.percent(np.abs(error).mean())}: predicted too {side} by {tables.percent(abs(error.mean()))} on average, "
            f"most ({100 * error[worst]:+.2f} %) at step {curve.step[worst]:,} of {curve.schedule.steps:,}; the law fitted to all runs at once "
            f"is off by {tables.percent(best)} here, so this is mostly what {blame}"
        )


def lost(paper: Paper) -> list[str]:
    """Return the cells of runs.csv, where the sweep left one, that ended without a curve, and how they ended."""
    table = paper.folder / "runs.csv"
    if not table.exists():
        return []
    cells = pd.read_csv(table)
    names = {run.name for seeds in paper.evidence.own.runs.values() for run in seeds.values()}
    cells = cells[~cells["cell"].isin(names)]
    return [f"{row.cell} ({row.status})" for row in cells.itertuples()]
