"""The report of one profile: tables as CSV, figures, report.md and one self-contained report.html.

    write_report(study) -> [Path, Path]     everything, into the study's folder; the two pages
    write_tables(study)                     the tables only

The text is templates/report.md.j2. Nothing is trained and nothing depends on the time or the machine: the same curves give
the same files.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.pages import figure as figures
from analysis.pages.figure import Drawing
from analysis.pages.page import TEMPLATES, page
from analysis.papers.annealing import tables
from analysis.papers.annealing.explorer import explorer
from analysis.papers.annealing.study import Study
from analysis.papers.claim import VERDICTS, shown
from losslaws.curves.files import atomic, write_text
from losslaws.curves.runs import settled

EFFECTS = ("fig05", "fig06", "fig07", "fig08", "fig09", "fig10")
FAR = 0.005  # mean relative error above which the page says where a curve is off
TABLES = (
    tables.summary,
    tables.runs,
    tables.fits,
    tables.predictions,
    tables.compute,
    tables.equal_error,
    tables.cost,
)


def write_report(study: Study) -> list[Path]:
    """Write tables, figures, report.md and report.html into the study's folder, progress on standard error."""
    drawings = {}
    with tqdm(total=len(figures.names()) + 2, desc="tables", leave=False) as bar:
        write_tables(study)
        bar.update()
        for drawing in figures.draw_each(study, study.folder / "figures"):
            drawings[drawing.name] = drawing
            bar.set_description(drawing.name)
            bar.update()
        text = render(study, drawings)
        write_text(study.folder / "report.md", text)
        write_text(study.folder / "report.html", page(text, study.folder, explorer(study), VERDICTS))
        bar.update()
    return [study.folder / "report.md", study.folder / "report.html"]


def write_tables(study: Study, *names: str) -> None:
    """Write the tables of the study, or only those named, as CSV into its folder."""
    for name in names or study.tables:
        with atomic(study.folder / f"{name}.csv") as temporary:
            study.tables[name].to_csv(temporary, index=False, float_format="%.8g")


def render(study: Study, drawings: dict[str, Drawing]) -> str:
    """Return the report as Markdown; it shows the figures that were drawn."""
    experiment = study.experiment
    runs = list(experiment.curves.values())
    return TEMPLATES.get_template("report.md.j2").render(
        name=experiment.name,
        runs=len(runs),
        schedules=len({run.schedule.lr.tobytes() for run in runs}),
        sizes=sorted({run.parameters["non_embedding"] for run in runs}),
        tokens=sum(run.tokens_per_step * run.schedule.steps for run in runs),
        flops=tables.scientific(sum(run.flops for run in runs)),
        lost=lost(study),
        fit=experiment.fit,
        noise=experiment.noise and tables.percent(experiment.noise.relative),
        warnings=[f"{name}: {line}" for name, fit in experiment.fitted.items() for line in fit.warnings],
        headline=study.headline,
        verdicts=study.verdicts,
        failed=[claim for claim in study.claims if claim.verdict in ("does not hold", "holds in part")],
        far=[line for name in experiment.role("unseen") for line in far(study, name)],
        effects=EFFECTS,
        figure=lambda number: show(next(d for name, d in drawings.items() if name.startswith(number))),
        left_out=[f"{drawing.name} ({drawing.missing})" for drawing in drawings.values() if drawing.missing],
        tables={write.__name__: write(study) for write in TABLES} | {"claims": shown(study)},
        files=[f"{name}.csv" for name in study.tables],
    )


def show(drawing: Drawing) -> str:
    """Return a figure and its caption as Markdown; nothing for one that was left out."""
    if drawing.missing:
        return ""
    caption = " ".join(drawing.caption.split())
    return f"![{drawing.title}](figures/{drawing.name}.svg)\n\n*Figure {int(drawing.name[3:5])}. {caption}*"


def far(study: Study, name: str) -> Iterator[str]:
    """Yield how and where a badly predicted curve is off, and whether the form is to blame; nothing for one within FAR."""
    experiment = study.experiment
    curve = settled(experiment.curves[name])
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


def lost(study: Study) -> list[str]:
    """Return the cells of runs.csv, where the sweep left one, that ended without a curve, and how they ended."""
    table = study.folder / "runs.csv"
    if not table.exists():
        return []
    cells = pd.read_csv(table)
    cells = cells[~cells["cell"].isin(study.experiment.curves)]
    return [f"{row.cell} ({row.status})" for row in cells.itertuples()]
