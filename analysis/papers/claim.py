"""Claims: what a paper says, what was measured, and a verdict that code computes from the numbers.

    gather(paper, evidence) -> list[Claim], those of a paper, in order of their ids
    table(claims) -> DataFrame with the columns COLUMNS

What a claim says and where stands in the paper's claims.csv, a row for each id. What was measured comes from a function in a
module of papers/NAME/claims that takes that paper's `Evidence` and returns one Claim or several::

    @claim
    def two_curve_fit(e):
        return answer("annealing-02a-two-curves", on_own_runs=f"R2 {e.own.fit.r2:.4f}", verdict=verdict(e.own.fit.r2 > 0.99))

A verdict follows from tests (`Test`): what was compared, the difference, its noise and the independent runs behind it. What the noise
hides is undecided, and nothing undecided counts as passed. What only the law evaluated on itself says is "by the law alone". Over all
rows of a paper that rest on a probability, Holm's correction keeps the chance of one false decision at 5 % (`gather`).

A number that could not be computed because a run is missing reads "not run in this profile", and one that the data
cannot answer reads "-".
"""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
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
    "rule",
    "difference",
    "noise",
    "runs",
    "figure",
)
VERDICTS = ("holds", "holds in part", "does not hold", "undecided", "by the law alone", "not tested")
LEVEL = 0.05  # chance, over all rows of a paper, that noise decides one
NOT_RUN = "not run in this profile"
NOTHING = "-"
REGISTRY: list[Callable] = []


@dataclass(frozen=True)
class Test:
    """One comparison that a verdict rests on.

    rule        what is asked, in words
    passed      True, False, or None: the noise hides it
    difference  what was found, in the claim's unit; empty: the test is no difference
    noise       the 95 % half-width that it must exceed; empty: none is known, as for published points
    runs        independent runs behind it, or independent pairs or families of them; 0: published points alone
    p           two-sided chance of such a difference by noise alone; None: not known
    law         whether only the law evaluated on itself says so
    """

    __test__ = False  # no test of pytest's
    rule: str
    passed: bool | None
    difference: str = ""
    noise: str = ""
    runs: int = 0
    p: float | None = None
    law: bool = False


class Verdict(str):
    """One of VERDICTS, with the tests that it follows from."""

    tests: tuple[Test, ...] = ()


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
    rule, difference, noise, runs   of the tests behind it, in the same order; "law:" marks those of the law on itself
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
    rule: str = ""
    difference: str = ""
    noise: str = ""
    runs: str = ""

    def __post_init__(self):
        if self.verdict not in VERDICTS:
            raise ValueError(f"claim '{self.id}': verdict '{self.verdict}' is none of {', '.join(VERDICTS)}")


def verdict(*tests: Test | bool | None) -> Verdict:
    """Return the verdict on a claim from its tests; a bare True passed, False failed, None is hidden by noise.

    Tests that measure something decide. All passed: holds; all failed: does not hold; some of each, or some undecided beside
    passed ones: holds in part; none decided: undecided. Tests of the law on itself cannot make a claim hold: alone and
    passed they read "by the law alone", and one that fails beside measurements that pass leaves "holds in part".
    """
    made = tuple(test if isinstance(test, Test) else Test("", None if test is None else bool(test)) for test in tests)
    found = Verdict(outcome(made))
    found.tests = made
    return found


def outcome(tests: Sequence[Test]) -> str:
    """Return the one of VERDICTS that follows from `tests`."""
    measured, laws = ([test.passed for test in tests if test.law is law] for law in (False, True))
    if not measured:
        if not laws:
            return "not tested"
        return "by the law alone" if all(laws) else "holds in part" if any(laws) else "does not hold"
    decided = [passed for passed in measured if passed is not None]
    if not decided:
        return "undecided"
    if not any(decided):
        return "does not hold"
    return "holds" if all(decided) and len(decided) == len(measured) and False not in laws else "holds in part"


def said(tests: Sequence[Test]) -> dict[str, str]:
    """Return the columns rule, difference, noise and runs of the tests that state a rule."""
    shown = [test for test in tests if test.rule]
    rules = [f"{'law: ' if t.law else ''}{t.rule}: {WORDS[t.passed]}" for t in shown]
    columns = {"difference": [t.difference for t in shown], "noise": [t.noise for t in shown]}
    columns["runs"] = [str(t.runs) if t.runs else "" for t in shown]
    joined = {
        name: "; ".join(part or NOTHING for part in parts) if any(parts) else "" for name, parts in columns.items()
    }
    return {"rule": "; ".join(rules)} | joined


WORDS = {True: "yes", False: "no", None: "cannot be told"}


def holm(tests: Sequence[Test], level: float = LEVEL) -> list[Test]:
    """Return `tests`, those undecided whose p does not survive Holm's step-down correction (Holm 1979) at `level`."""
    ranked = sorted((i for i, test in enumerate(tests) if test.p is not None), key=lambda i: tests[i].p)
    found = list(tests)
    for rank, i in enumerate(ranked):
        if tests[i].p > level / (len(ranked) - rank):
            for j in ranked[rank:]:
                found[j] = replace(tests[j], passed=None)
            break
    return found


@cache
def texts(paper: str) -> dict[str, dict[str, str]]:
    """Return the constant texts of every claim of `paper`, by its id: the rows of papers/NAME/claims.csv."""
    with open(Path(__file__).parent / paper / "claims.csv", encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def answer(identity: str, **found: str) -> Claim:
    """Return the claim of the id `identity` with its texts, and what was `found`: on_..., verdict and what its tests say.

    Raises KeyError for an id that no claims.csv has.
    """
    (row,) = [rows[identity] for paper in names() if identity in (rows := texts(paper))]
    tests = getattr(found.get("verdict"), "tests", ())
    if found.get("on_own_runs", "").startswith("not run") and tests and all(test.passed is None for test in tests):
        found["verdict"] = verdict()  # nothing was run that could have been undecided
    return Claim(**row, **found, **said(getattr(found.get("verdict"), "tests", ())))


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
    return corrected(sorted(found, key=lambda claim: claim.id))


def corrected(claims: list[Claim]) -> list[Claim]:
    """Return the claims with verdicts after Holm's correction over all tests of all of them."""
    tests = [(i, test) for i, claim in enumerate(claims) for test in getattr(claim.verdict, "tests", ())]
    after = holm([test for _, test in tests])
    found = []
    for i, claim in enumerate(claims):
        own = [test for (j, _), test in zip(tests, after, strict=True) if j == i]
        found.append(replace(claim, verdict=verdict(*own), **said(own)) if own else claim)
    return found


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
    stated = [f"{claim.claim}<br><small>{place}</small>" for claim, place in zip(claims, where, strict=True)]
    drawn = {drawing.name: drawing.number for drawing in drawings if not drawing.missing}
    links = [
        f"[{drawn[claim.figure]}](figures/{claim.figure}.svg)" if claim.figure in drawn else "" for claim in claims
    ]
    columns = {
        "said": ("claim", ""),
        "verdict": ("verdict", ""),
        "because": ("rule, difference ± noise, runs", ""),
        "paper_value": ("paper", ""),
        "on_paper_data": ("its own points", ""),
        "on_own_runs": ("our runs", ""),
        "on_public_curves": ("public curves", ""),
        "links": ("figure", ""),
    }
    because = [reasons(claim) for claim in claims]
    silent = [name for name in columns if name in frame and frame[name].eq(NOTHING).all()]
    silent += [] if any(because) else ["because"]
    return markdown(
        frame.assign(said=stated, links=links, because=because),
        {name: how for name, how in columns.items() if name not in silent},
    )


def reasons(claim: Claim) -> str:
    """Return the tests behind a verdict, a line each, for a page."""
    lines = []
    for test in getattr(claim.verdict, "tests", ()):
        if test.rule:
            found = f" {test.difference}" + (f" ± {test.noise}" if test.noise else "") if test.difference else ""
            runs = f" ({test.runs} runs)" if test.runs else ""
            lines.append(f"{'law: ' if test.law else ''}{test.rule}:{found}{runs} {WORDS[test.passed]}")
    return "<br>".join(f"<small>{line}</small>" for line in lines)
