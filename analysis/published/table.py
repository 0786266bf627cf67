"""Published numbers recomputed, each beside what was printed: `python -m analysis published` -> results/published.csv and .md.

    table() -> DataFrame    columns source, size, law, how, quantity, printed, ours, reproduces, reason

`printed` is text, as printed; a number reproduces when ours is within one unit of its last digit. How: "printed parameters" are put
through our law; "fit" is our converged fit to the three curves that the paper fits, scored on its six others. Metrics are means over
these six curves, errors as fractions.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd

from analysis import RESULTS
from analysis.pages.writer import write_page, write_tables
from analysis.published.isoflop import BUDGETS, isoflop
from analysis.published.numbers import (
    ANNEALING,
    CONFIG,
    DECAYS,
    EPOCH,
    HOFFMANN,
    PAPER,
    PREFACE,
    README,
    REASONS,
    REPOSITORY,
    SETUPS,
    TABLE_1,
    TABLE_3,
    TABLE_7,
)
from losslaws import laws
from losslaws.curves import InputError, public
from losslaws.fitting import Fit, fit
from losslaws.fitting.metrics import Score, average, score
from losslaws.words import markdown

FOLDER = RESULTS / "published"
METRICS = {"R2": "r2", "MAE": "mae", "RMSE": "rmse", "PredE": "mean_error", "WorstE": "worst_error"}
PARAMETERS = ("L0", "A", "alpha", "B", "C", "beta", "gamma")


def read(names: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """Return parameters by name."""
    return dict(zip(names, values, strict=True))


def split(size: str) -> tuple[list, list]:
    """Return the three curves that the Multi-Power paper fits at one size, and the six that it predicts."""
    curves = public.multi_power(size)
    return [curves.pop(name) for name in public.MULTI_POWER_FIT], list(curves.values())


def scored(law: laws.Law, params: Mapping[str, float], size: str) -> Score:
    """Return the mean metrics of the six unseen curves."""
    return average(score(law.loss(params, curve), curve.loss) for curve in split(size)[1])


def momentum(size: str) -> Fit:
    """Return the annealing law fitted as that paper says: lambda by the objective among DECAYS, steps of the warm-up at their rate."""
    law, seen = laws.build("annealing", warmup="true"), split(size)[0]
    return min((fit(law, seen, fixed={"lambda": decay}) for decay in DECAYS), key=lambda found: found.objective)


def repository() -> Iterator[dict]:
    """The README's metrics, from the parameters in the repository's code."""
    law = laws.build("multi_power", warmup="repository")
    for size, values in CONFIG.items():
        of = {"source": REPOSITORY, "size": size, "law": "Multi-Power", "how": "printed parameters"}
        yield from rows(of, README[size], scored(law, read(PARAMETERS, values), size))


def table_1() -> Iterator[dict]:
    """The paper's comparison of two laws."""
    law = laws.build("multi_power")
    for size, values in TABLE_7.items():
        of, printed = {"source": f"{PAPER}, Table 1", "size": size}, TABLE_1["annealing", size]
        found = momentum(size)
        yield from rows(
            of | {"law": "annealing (Momentum)", "how": "fit"}, printed, scored(found.law, found.params, size)
        )
        of, printed = of | {"law": "Multi-Power"}, TABLE_1["multi_power", size]
        yield from rows(of | {"how": "printed parameters"}, printed, scored(law, read(PARAMETERS, values), size))
        yield from rows(of | {"how": "fit"}, printed, scored(law, fit(law, split(size)[0]).params, size))


def table_3() -> Iterator[dict]:
    """The paper's ablations."""
    for name, (drop, fixed, printed) in TABLE_3.items():
        law = laws.build("multi_power", drop=drop)
        found = fit(law, split("25M")[0], fixed=fixed)
        of = {"source": f"{PAPER}, Table 3", "size": "25M", "law": name, "how": "fit"}
        yield from rows(of, printed, scored(law, found.params, "25M"))


def annealing() -> Iterator[dict]:
    """Constants, R2 and errors printed in the figures of the annealing paper, on the points of these figures."""
    law, names = laws.build("annealing"), ("L0", "A", "alpha", "C")
    for place, (size, curves, fitted, constants, r2, errors) in SETUPS.items():
        curves = curves()
        found = fit(law, [curves[name] for name in fitted], fixed={"lambda": 0.999})
        of = {"source": f"{ANNEALING}, {place}", "size": size, "law": "annealing", "how": "fit"}
        for name, printed in zip(names, constants.split(), strict=True):
            yield row(of, name, printed, found.params[name])
        if r2:
            yield row(of, "R2", r2, found.r2)
        given = read(names, [float(value) for value in constants.split()]) | {"lambda": 0.999}
        for how, params in (("printed parameters", given), ("fit", found.params)):
            for name, printed in errors.items():
                error = 100 * score(law.loss(params, curves[name]), curves[name].loss).mean_error
                yield row(of | {"how": how}, f"error of {name}, %", printed, error)


def chinchilla() -> Iterator[dict]:
    """Constants of the third and exponents of the second approach, on points that are fetched. Raises InputError where they cannot be had."""
    points, law = public.chinchilla_points(), laws.build("chinchilla")
    of = {"source": EPOCH, "size": "all", "law": "Chinchilla", "how": "fit"}
    found, constants = (
        fit(law, points[5:]),
        {"A": "477.84", "B": "2143.86", "E": "1.8172", "alpha": ".3473", "beta": ".3672"},
    )
    for name, printed in constants.items():
        yield row(of, name, printed, found.params[name])
    yield row(of | {"how": "fit, five outliers put back"}, "beta", constants["beta"], fit(law, points).params["beta"])
    frontier = isoflop(points, BUDGETS)
    of = {"source": f"{HOFFMANN}, Table 2", "size": "all", "law": "Chinchilla", "how": "approach 2, iso-FLOP parabolas"}
    yield row(of, "a", ".49", frontier.a)
    yield row(of, "b", ".51", frontier.b)


def rows(of: dict, printed: str, found: Score) -> Iterator[dict]:
    """Yield a row for each of the five metrics."""
    for (name, field), value in zip(METRICS.items(), printed.split(), strict=True):
        yield row(of, name, value, getattr(found, field))


def row(of: dict, quantity: str, printed: str, ours: float) -> dict:
    """Return one line of the table; the reason is looked up where the number does not reproduce."""
    unit = 10.0 ** -len(printed.partition(".")[2])
    same = abs(ours - float(printed)) <= unit * (1 + 1e-9)
    return of | {
        "quantity": quantity,
        "printed": printed,
        "ours": ours,
        "reproduces": "yes" if same else "no",
        "reason": "" if same else reason(of, quantity),
    }


def reason(of: Mapping[str, str], quantity: str) -> str:
    """Return why a number of the row `of` does not reproduce, as far as is known."""
    for (source, law, how), why in REASONS.items():
        if source in of["source"] and law in of["law"] and how in of["how"]:
            return why
    return "not known"


def table() -> pd.DataFrame:
    """Return all rows; those of points that cannot be fetched are left out."""
    found = [*repository(), *table_1(), *table_3(), *annealing()]
    with suppress(InputError):
        found += chinchilla()
    return pd.DataFrame(found)


def write(folder: Path = FOLDER) -> list[Path]:
    """Write published.csv and the page into `folder`; return the pages."""
    found = table()
    write_tables(folder, {"published": found}, digits=6)
    return write_page(folder, "published", page(found))


def page(found: pd.DataFrame) -> str:
    """Return the table as a Markdown page: what does not reproduce first."""
    columns = {name: (name, ".5g" if name == "ours" else "") for name in found.columns if name != "reproduces"}
    parts = ["# Published numbers, recomputed", PREFACE.format(len(found), (found["reproduces"] == "yes").sum())]
    for title, answer in (("Does not reproduce", "no"), ("Reproduces", "yes")):
        part = found[found["reproduces"] == answer]
        shown = {name: form for name, form in columns.items() if answer == "no" or name != "reason"}
        parts += [f"## {title}", markdown(part, shown)]
    return "\n\n".join(parts) + "\n"
