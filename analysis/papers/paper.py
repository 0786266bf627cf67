"""A paper other than the annealing one: its claims, tables, figures and one page, in results/papers/NAME.

    names() -> ["hitchhiker", "kaplan", ...]      the packages of analysis/claims that have evidence of their own
    Paper.load("kaplan", folder)
    write_paper(paper) -> [Path, Path]            everything, into its folder; report.md and report.html

A paper is a package of analysis/claims: its docstring heads the page, its module `evidence` holds the class Evidence, whose
`tables()` yields the tables that are written beside the claims, its other modules hold the claims. Its figures are the
module of the same name in analysis/figures/papers. What needs a public file that cannot be had is left out, and the page
says so.
"""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from analysis.pages import figure as figures
from analysis.pages.figure import Drawing
from analysis.pages.page import TEMPLATES, page
from analysis.papers import claim as claims
from losslaws.curves import InputError, public
from losslaws.curves.errors import nearest
from losslaws.curves.files import atomic, write_text
from losslaws.words import markdown

ROOM = Path(__file__).parent
WIDE = 40  # rows beyond which a table is given as a file only


def names() -> list[str]:
    """Every paper that has a page of its own."""
    return sorted(path.parent.name for path in ROOM.glob("*/evidence.py") if path.parent.name != "annealing")


@dataclass(frozen=True, eq=False)
class Paper:
    """One paper and all that is said of it, computed once, on first use.

    name      its package in analysis/claims
    folder    results/papers/NAME, where tables, figures and page go
    evidence  what its claims are held against
    lacking   what could not be computed, and which public file it needs
    """

    name: str
    folder: Path
    evidence: object
    lacking: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, name: str, folder: Path) -> "Paper":
        """Return the paper `name`. Raises InputError for an unknown one."""
        if name not in names():
            raise InputError(f"paper '{name}' is unknown{nearest(name, names())} (known: {', '.join(names())}, all)")
        return cls(name, Path(folder), import_module(f"analysis.papers.{name}.evidence").Evidence())

    @cached_property
    def claims(self) -> list[claims.Claim]:
        """Every claim that could be made. Raises InputError where none could."""
        found = claims.gather(self.name, self.evidence, self.lacking)
        if not found:
            raise InputError(self.lacking[0].partition(": ")[2])
        return found

    @property
    def verdicts(self) -> str:
        """How many claims hold, in words."""
        return claims.verdicts(self.claims)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables of its folder, by the stem of their CSV file."""
        found = {"claims": claims.table(self.claims)}
        for name, make in self.evidence.tables().items():
            try:
                found[name] = make()
            except public.Unavailable as reason:
                self.lacking.append(f"{name}.csv: {reason}")
        return found

    def draw(self) -> Iterator[Drawing]:
        """Draw every figure that can be drawn, and yield what became of each."""
        for name in figures.names(self.name):
            try:
                yield figures.draw(self.evidence, self.folder / "figures", name)
            except public.Unavailable as reason:
                self.lacking.append(f"{name}: {reason}")


def write_paper(paper: Paper) -> list[Path]:
    """Write claims, tables, figures and page into the paper's folder. Raises InputError where no claim could be made."""
    for name, table in paper.tables.items():
        with atomic(paper.folder / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, float_format="%.8g")
    drawings = list(tqdm(paper.draw(), total=len(figures.names(paper.name)), desc=paper.name, leave=False))
    text = render(paper, drawings)
    pages = [paper.folder / "report.md", paper.folder / "report.html"]
    write_text(pages[0], text)
    write_text(pages[1], page(text, paper.folder, marked=claims.VERDICTS))
    return pages


def render(paper: Paper, drawings: list[Drawing]) -> str:
    """Return the page as Markdown."""
    about = inspect.cleandoc(import_module(f"analysis.papers.{paper.name}").__doc__)
    title, _, about = about.partition("\n")
    shown = {name: markdown(table) for name, table in paper.tables.items() if name != "claims" and len(table) <= WIDE}
    return TEMPLATES.get_template("paper.md.j2").render(
        title=title.rstrip("."),
        about=about.strip(),
        verdicts=paper.verdicts,
        claims=claims.shown(paper),
        failed=[claim for claim in paper.claims if claim.verdict in ("does not hold", "holds in part")],
        drawings=drawings,
        shown=shown,
        lacking=paper.lacking,
        files=[f"{name}.csv" for name in paper.tables],
    )
