"""The published losses over widths, and the same on our own runs."""

import numpy as np

from analysis.papers.claim import NOTHING, Claim, answer, claim, verdict
from analysis.papers.mup.evidence import MAIN, WITHOUT, Evidence
from analysis.papers.mup.transfer import MUP, STANDARD
from losslaws.words import values

LAW = (2.469, -0.4231, 2.923)
PREDICTED = (3.189, 3.080, 3.037)
NOT_RUN = "not run: `python -m training run mup`, `python -m training.coordinates mup`"


def errors(e: Evidence, kind: str) -> list[float]:
    """Errors on the widths of ours held out, per cent, with the best rate of the smallest width; empty: not run."""
    return [100 * f.error for f in e.forecasts if f.kind == kind and not f.tuned and f.of == "parameters"]


def own(e: Evidence, kind: str) -> str:
    """Write the errors on our widths held out."""
    if not errors(e, kind):
        return NOT_RUN
    return f"widths {values(e.own.targets(kind), '{}')}: {values(errors(e, kind), '{:+.2f}')} %"


def throughout(falling: dict[str, bool]) -> str:
    """Write whether the loss falls with every step in width, by series."""
    return "; ".join(f"{name}: {'falls' if fine else 'does not fall'} throughout" for name, fine in falling.items())


@claim
def prediction(e: Evidence) -> list[Claim]:
    main = e.series[MAIN]
    law, said = main.law, main.law.predict(main.x[-main.held_out :])
    published = {name: 100 * series.errors for name, series in e.series.items() if series.mup}
    return [
        answer(
            "mup-01-law",
            on_paper_data=f"{law.a:.4f}, {law.b:.4f}, {law.c:.4f} (standard errors {values(law.errors)})",
            on_own_runs=NOTHING,
            verdict=verdict(np.abs(np.subtract((law.a, law.b, law.c), LAW)).max() <= 0.002),
        ),
        answer(
            "mup-02-larger",
            on_paper_data=f"{values(said, '{:.4f}')}, errors {values(100 * main.errors, '{:+.2f}')} %",
            on_own_runs=NOTHING,
            verdict=verdict(np.abs(said - PREDICTED).max() <= 0.001),
        ),
        answer(
            "mup-03-within-one",
            on_paper_data="; ".join(f"{name} {values(row, '{:+.2f}')} %" for name, row in published.items()),
            on_own_runs=own(e, MUP),
            verdict=verdict(*(np.abs(row).max() <= 1 for row in (*published.values(), errors(e, MUP)) if len(row))),
        ),
    ]


@claim
def without(e: Evidence) -> list[Claim]:
    falling = {name: bool(np.all(np.diff(series.loss) < 0)) for name, series in e.series.items()}
    error = 100 * e.series[WITHOUT].errors[0]
    ours = {kind: bool(e.own.wider(kind)[-1]) for kind in (MUP, STANDARD)} if e.own else {}
    return [
        answer(
            "mup-04-proof",
            on_paper_data=f"{error:+.2f} %",
            on_own_runs=own(e, STANDARD),
            verdict=verdict(abs(error) > 1, *(abs(own) > 1 for own in errors(e, STANDARD)[-1:])),
        ),
        answer(
            "mup-05-wider",
            on_paper_data=throughout(falling),
            on_own_runs=throughout(ours) or NOT_RUN,
            verdict=verdict(
                *(fine == e.series[name].mup for name, fine in falling.items()),
                *(fine == (kind == MUP) for kind, fine in ours.items()),
            ),
        ),
    ]
