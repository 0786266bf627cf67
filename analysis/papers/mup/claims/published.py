"""The published losses over widths, and the same on our own runs."""

import numpy as np

from analysis.papers.claim import NOTHING, Claim, claim, verdict
from analysis.papers.mup import CODE, PAPER
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
        Claim(
            id="mup-01-law",
            claim="The first seven widths give L = 2.469 x^-.4231 + 2.923 (each within .002)",
            source=CODE,
            paper_value=values(LAW, "{:g}"),
            on_paper_data=f"{law.a:.4f}, {law.b:.4f}, {law.c:.4f} (standard errors {values(law.errors)})",
            on_own_runs=NOTHING,
            unit="a, b, c; x in 2^20 parameters",
            verdict=verdict(np.abs(np.subtract((law.a, law.b, law.c), LAW)).max() <= 0.002),
            figure="fig01_widths",
        ),
        Claim(
            id="mup-02-larger",
            claim="The law predicts the losses of widths 1024, 2048 and 3072 (each within .001 of the printed prediction)",
            source=CODE,
            paper_value=f"{values(PREDICTED)} (measured {values(main.loss[-3:], '{:.4f}')})",
            on_paper_data=f"{values(said, '{:.4f}')}, errors {values(100 * main.errors, '{:+.2f}')} %",
            on_own_runs=NOTHING,
            unit="nats per token",
            verdict=verdict(np.abs(said - PREDICTED).max() <= 0.001),
            figure="fig01_widths",
        ),
        Claim(
            id="mup-03-within-one",
            claim="Under muP the largest widths are predicted within 1 %",
            source=PAPER,
            paper_value="26B 3.381 (measured 3.41), 52B 2.861 (2.883)",
            on_paper_data="; ".join(f"{name} {values(row, '{:+.2f}')} %" for name, row in published.items()),
            on_own_runs=own(e, MUP),
            unit="% error of the widths held out",
            verdict=verdict(*(np.abs(row).max() <= 1 for row in (*published.values(), errors(e, MUP)) if len(row))),
            figure="fig01_widths",
        ),
    ]


@claim
def without(e: Evidence) -> list[Claim]:
    falling = {name: bool(np.all(np.diff(series.loss) < 0)) for name, series in e.series.items()}
    error = 100 * e.series[WITHOUT].errors[0]
    ours = {kind: bool(e.own.wider(kind)[-1]) for kind in (MUP, STANDARD)} if e.own else {}
    return [
        Claim(
            id="mup-04-proof",
            claim="Without muP the largest width cannot be predicted within 1 %",
            source=PAPER,
            paper_value="muP is what makes losses predictable",
            on_paper_data=f"{error:+.2f} %",
            on_own_runs=own(e, STANDARD),
            unit="% error of the width held out",
            verdict=verdict(abs(error) > 1, *(abs(own) > 1 for own in errors(e, STANDARD)[-1:])),
            figure="fig01_widths",
        ),
        Claim(
            id="mup-05-wider",
            claim="Wider is better at every width under muP, and not without",
            source=CODE,
            paper_value="losses fall with the width",
            on_paper_data=throughout(falling),
            on_own_runs=throughout(ours) or NOT_RUN,
            unit="loss over widths",
            verdict=verdict(
                *(fine == e.series[name].mup for name, fine in falling.items()),
                *(fine == (kind == MUP) for kind, fine in ours.items()),
            ),
            figure="fig01_widths",
        ),
    ]
