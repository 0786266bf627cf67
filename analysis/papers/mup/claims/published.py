"""The published losses over widths, and the same on our own runs."""

import numpy as np
from scipy.stats import t as student

from analysis.papers.claim import NOTHING, Claim, Test, answer, claim, verdict
from analysis.papers.comparisons import at_most, near
from analysis.papers.mup.evidence import MAIN, WITHOUT, Evidence
from analysis.papers.mup.transfer import MUP, STANDARD, Forecast
from losslaws.words import values

LAW = (2.469, -0.4231, 2.923)
PREDICTED = (3.189, 3.080, 3.037)
NOT_RUN = "not run: `python -m training run mup`, `python -m training.coordinates mup`"


def forecasts(e: Evidence, kind: str) -> list[Forecast]:
    """What was foretold of our widths held out, with the best rate of the smallest width; empty: not run."""
    return [f for f in e.forecasts if f.kind == kind and not f.tuned and f.of == "parameters"]


def errors(e: Evidence, kind: str) -> list[float]:
    """Errors on the widths of ours held out, per cent."""
    return [100 * f.error for f in forecasts(e, kind)]


def foretold(f: Forecast, expected: bool = True) -> Test:
    """Whether a width of ours is foretold within 1 % or, with `expected` False, not; undecided where seeds hide it."""
    rule = f"own, {f.kind}, width {f.width}: error {'at most' if expected else 'above'} 1 %"
    half, seeds = 100 * f.noise, f.by_seed.size
    return at_most(rule, 100 * abs(f.error), 1, "{:.2f} %", half, seeds - 1, seeds, expected)


def falls(e: Evidence, kind: str) -> Test:
    """Whether the final loss of our runs falls with every step in width or, but for muP, does not; in standard deviations between seeds."""
    own = e.own
    # at least: seeds of rates nearby are pooled with these
    free = max(1, sum(len(runs) - 1 for one in (MUP, STANDARD) for runs in own.chosen(one).values()))
    steps = own.falls(kind)[:, -1]
    least, many = float(steps.min()), 1
    if least < 0:  # by chance one of many rises more easily than one alone; that none does is no easier
        many = len(steps)
    half, seeds = float(student.ppf(1 - 0.025 / many, free)), min(map(len, own.chosen(kind).values()))
    way = "falls" if kind == MUP else "does not fall"
    rule = f"own, {kind}: {way} with every step in width (least fall, in sd over seeds)"
    return at_most(rule, least, 0, "{:+.1f}", half, free, seeds, expected=kind != MUP)


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
            verdict=verdict(near("a, b, c", (law.a, law.b, law.c), LAW, 0.002)),
        ),
        answer(
            "mup-02-larger",
            on_paper_data=f"{values(said, '{:.4f}')}, errors {values(100 * main.errors, '{:+.2f}')} %",
            on_own_runs=NOTHING,
            verdict=verdict(near("three predictions", said, PREDICTED, 0.001)),
        ),
        answer(
            "mup-03-within-one",
            on_paper_data="; ".join(f"{name} {values(row, '{:+.2f}')} %" for name, row in published.items()),
            on_own_runs=own(e, MUP),
            verdict=verdict(
                *(
                    at_most(f"{name}: error at most 1 %", np.abs(row).max(), 1, "{:.2f} %")
                    for name, row in published.items()
                ),
                *(foretold(f) for f in forecasts(e, MUP)),
            ),
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
            verdict=verdict(
                at_most(f"{WITHOUT}: error above 1 %", abs(error), 1, "{:.2f} %", expected=False),
                *(foretold(f, expected=False) for f in forecasts(e, STANDARD)[-1:]),
            ),
        ),
        answer(
            "mup-05-wider",
            on_paper_data=throughout(falling),
            on_own_runs=throughout(ours) or NOT_RUN,
            verdict=verdict(
                *(
                    Test(
                        f"{name}: {'falls' if series.mup else 'does not fall'} with every step in width (largest rise)",
                        falling[name] == series.mup,
                        f"{np.diff(series.loss).max():+.4f}",
                    )
                    for name, series in e.series.items()
                ),
                *(falls(e, kind) for kind in ours),
            ),
        ),
    ]
