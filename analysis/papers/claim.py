"""Claims: what a paper says, what was measured, and a verdict that code computes from the numbers.

    gather(paper, evidence) -> list[Claim], those of a paper, in order of their ids
    table(claims) -> DataFrame with the columns COLUMNS

What a claim says and where stands in the paper's claims.csv, a row for each id. What was measured comes from a function in a
module of papers/NAME/claims that takes that paper's `Evidence` and returns one Claim or several::

    @claim
    def two_curve_fit(e):
        return answer("annealing-02a-two-curves", on_own_runs=f"R2 {e.own.fit.r2:.4f}", verdict=verdict(e.own.fit.r2 > 0.99))

A number that could not be computed because a run is missing reads "not run in this profile", and one that the data
cannot answer reads "-".
"""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pandas as pd

from analysis.pages.figure import Drawing
from analysis.papers import names
from losslaws.curves import public as published
from losslaws.words import markdown

COLUMNS = (
    "claim",
    "source",
    "paper_value",
    "on_paper_data",
    "on_own_runs",
    "on_public_curves",
    "unit",
    "verdict",
    "figure",
)
VERDICTS = ("holds", "holds in part", "does not hold", "not tested")
NOT_RUN = "not run in this profile"
NOTHING = "-"
REGISTRY: list[Callable] = []


@dataclass(frozen=True)
class Claim:
    """One statement of a paper and the evidence on it.

    id                short key, unique: "annealing-03-unseen"
    claim             the statement, one sentence
    source            paper and place
    paper_value       what the paper reports
    on_paper_data     the same number recomputed from the points that the paper published
    on_own_runs       measured on the runs of this experiment
    on_public_curves  measured on other people's curves
    unit              of the numbers
    verdict           one of VERDICTS, computed from the numbers
    figure            stem of the figure file that shows it; empty: none
    """

    id: str
    claim: str
    source: str
    paper_value: str = NOTHING
    on_paper_data: str = NOTHING
    on_own_runs: str = NOTHING
    on_public_curves: str = NOTHING
    unit: str = ""
    verdict: str = "not tested"
    figure: str = ""

    def __post_init__(self):
        if self.verdict not in VERDICTS:
            raise ValueError(f"claim '{self.id}': verdict '{self.verdict}' is none of {', '.join(VERDICTS)}")


def verdict(*tests: bool | None) -> str:
    """Return the verdict on a claim from its tests: True passed, False failed, None could not be made."""
    made = [bool(test) for test in tests if test is not None]
    if not made:
        return "not tested"
    if all(made):
        return "holds"
    return "holds in part" if any(made) else "does not hold"


@cache
def texts(paper: str) -> dict[str, dict[str, str]]:
    """Return the constant texts of every claim of `paper`, by its id: the rows of papers/NAME/claims.csv."""
    with open(Path(__file__).parent / paper / "claims.csv", encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def answer(identity: str, **found: str) -> Claim:
    """Return the claim of the id `identity` with its texts, and what was `found`: on_..., verdict.

    Raises KeyError for an id that no claims.csv has.
    """
    (row,) = [rows[identity] for paper in names() if identity in (rows := texts(paper))]
    return Claim(**row, **found)


def claim(function: Callable) -> Callable:
    """Register a function that takes an Evidence and returns a Claim or a list of them."""
    REGISTRY.append(function)
    return function


def gather(paper: str, evidence, lacking: list[str] | None = None) -> list[Claim]:
    """Return every claim of `paper`, held against `evidence`, in order of their ids.

    lacking  collects why a claim could not be made, where its public file cannot be had; None: the first such raises
    """
    package = import_module(f"analysis.papers.{paper}.claims")
    for module in walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)
    found = []
    for function in REGISTRY:
        if not function.__module__.startswith(f"{package.__name__}."):
            continue
        try:
            result = function(evidence)
        except published.Unavailable as reason:
            if lacking is None:
                raise
            lacking.append(f"{function.__name__}: {reason}")
            continue
        found += result if isinstance(result, list) else [result]
    return sorted(found, key=lambda claim: claim.id)


def verdicts(claims: list[Claim]) -> str:
    """Return how many claims hold, in words: "holds: 20, holds in part: 9, ..."."""
    found = Counter(claim.verdict for claim in claims)
    return ", ".join(f"{verdict}: {found[verdict]}" for verdict in VERDICTS)


def table(claims: list[Claim]) -> pd.DataFrame:
    """Return one row for every claim, with exactly the columns COLUMNS."""
    return pd.DataFrame([asdict(claim) for claim in claims], columns=["id", *COLUMNS])[list(COLUMNS)]


def shown(claims: Sequence[Claim], drawings: Sequence[Drawing]) -> str:
    """Return every claim with its evidence and verdict, and a link to its figure where that was drawn, as a Markdown table.

    Evidence of which no claim has any gets no column.
    """
    frame = table(claims)
    where = [f"{claim.source}; {claim.unit}" if claim.unit else claim.source for claim in claims]
    said = [f"{claim.claim}<br><small>{place}</small>" for claim, place in zip(claims, where, strict=True)]
    drawn = {drawing.name: drawing.number for drawing in drawings if not drawing.missing}
    links = [
        f"[{drawn[claim.figure]}](figures/{claim.figure}.svg)" if claim.figure in drawn else "" for claim in claims
    ]
    columns = {
        "said": ("claim", ""),
        "verdict": ("verdict", ""),
        "paper_value": ("paper", ""),
        "on_paper_data": ("its own points", ""),
        "on_own_runs": ("our runs", ""),
        "on_public_curves": ("public curves", ""),
        "links": ("figure", ""),
    }
    silent = [name for name in columns if name in frame and frame[name].eq(NOTHING).all()]
    return markdown(
        frame.assign(said=said, links=links), {name: how for name, how in columns.items() if name not in silent}
    )
