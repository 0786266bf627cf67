"""A paper: its claims, tables, figures and one page, `python -m analysis paper NAME`.

    Paper.load(name, profile) -> Paper
    write_paper(paper) -> [report.md, report.html]    with its tables and figures

A paper is a folder analysis/papers/NAME. Its docstring heads the page: the first line is the title. The folder states

    SWEEPS      the sweeps of conf/sweep whose runs it reads
    PREPARE     what must run once they are there: `python -m ...`
    PROFILES    names of sweeps of which each is a whole experiment of its own, the default first; the page lies in
                results/NAME/PROFILE. A paper without profiles has its page in results/NAME

and holds claims.csv (what the claims say), claims/ (what was measured), figures, and `evidence` with the class Evidence:
`Evidence(runs)` reads a folder of runs, `tables()` gives the makers of the tables beside the claims. A module `report` may give the page
a text of its own: TEMPLATE, `facts(paper, drawings)` for it, and `part(paper)`, HTML before the first section.

What needs a public file that cannot be had is left out, and the page says which file and why.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pandas as pd
from tqdm import tqdm

from analysis import RESULTS
from analysis.pages.figure import Drawing, draw_each
from analysis.pages.figure import names as figure_names
from analysis.pages.page import TEMPLATES
from analysis.pages.writer import show, write_page, write_tables
from analysis.papers import claim as claiming
from analysis.papers import names
from analysis.papers.claim import VERDICTS, Claim
from losslaws.curves import InputError, public
from losslaws.curves.errors import nearest
from losslaws.curves.store import holds_curves
from losslaws.words import markdown

WIDE = 40  # rows up to which a table stands on the page too


def package(name: str) -> ModuleType:
    """Return the package of the paper `name`. Raises InputError for an unknown one."""
    if name not in names():
        raise InputError(f"paper '{name}' is unknown{nearest(name, names())} (known: {', '.join(names())}, all)")
    return import_module(f"analysis.papers.{name}")


def place(name: str, profile: str | Path | None = None, root: Path = RESULTS) -> Path:
    """Return the results folder of a paper: results/NAME, or of one with profiles results/NAME/PROFILE.

    profile  the name of a profile (default: the paper's first), or a folder that holds curves/. Raises InputError for a profile
             that was not run.
    root     what stands for results/
    """
    profiles = getattr(package(name), "PROFILES", ())
    if not profiles:
        if profile:
            raise InputError(f"paper '{name}' has no profiles; leave --profile {profile} out")
        return root / name
    profile = profile or profiles[0]
    for folder in (root / name / profile, Path(profile)):
        if holds_curves(folder):
            return folder
    raise InputError(
        f"{profile}: there are no curves in {root / name / profile}{nearest(str(profile), profiles)}; "
        f"train them with `python -m training run {profile if profile in profiles else profiles[0]}`"
    )


def steps(name: str, profile: str | None = None, root: Path | None = None) -> list[str]:
    """Return what must run before the page of a paper, or of "all", can be written: arguments of `python -m`, in order.

    root  what stands for results/, if something else does
    """
    found: dict[str, None] = {}
    for one in names() if name == "all" else [name]:
        of = package(one)
        profiles = getattr(of, "PROFILES", ())
        sweeps = (profile or profiles[0],) if profiles else of.SWEEPS
        room = f"{one}/" if profiles else ""
        for step in (*(f"training run {sweep}" for sweep in sweeps), *getattr(of, "PREPARE", ())):
            found[f"{step} --results {root}/{room}{step.split()[-1]}" if root else step] = None
    return list(found)


@dataclass(frozen=True, eq=False)
class Paper:
    """One paper and all that is said of it, computed once, on first use.

    name      its folder in analysis/papers
    folder    where tables, figures and page go
    evidence  what its claims are held against
    lacking   what could not be computed, and which public file it needs
    """

    name: str
    folder: Path
    evidence: object
    lacking: list[str] = field(default_factory=list)

    @classmethod
    def load(
        cls,
        name: str,
        profile: str | Path | None = None,
        folder: Path | None = None,
        runs: Path | None = None,
        root: Path = RESULTS,
    ) -> "Paper":
        """Return the paper `name`.

        profile  of a paper that has profiles: its name or a folder with curves/
        folder   where the page goes (default: results/NAME or results/NAME/PROFILE)
        runs     where our own runs lie, if not where the paper keeps them
        root     what stands for results/

        Raises InputError for an unknown paper or profile.
        """
        own = place(name, profile, root)
        profiles = getattr(package(name), "PROFILES", ())
        if root != RESULTS and not runs:
            runs = root / getattr(package(name), "SWEEPS", (name,))[0]
        evidence = import_module(f"analysis.papers.{name}.evidence").Evidence(own if profiles else runs)
        return cls(name, Path(folder or own), evidence)

    @property
    def title(self) -> str:
        """The first line of its package's docstring."""
        return inspect.getdoc(package(self.name)).partition("\n")[0].rstrip(".")

    @property
    def about(self) -> str:
        """The rest of the docstring, as Markdown."""
        return inspect.getdoc(package(self.name)).partition("\n")[2].strip()

    @property
    def report(self) -> ModuleType | None:
        """The module that gives the page a text of its own, if there is one."""
        module = f"analysis.papers.{self.name}.report"
        return import_module(module) if find_spec(module) else None

    @cached_property
    def claims(self) -> list[Claim]:
        """Every claim that could be made. Raises InputError where none could."""
        found = claiming.gather(self.name, self.evidence, self.lacking)
        if not found:
            raise InputError(self.lacking[0].partition(": ")[2])
        return found

    @property
    def verdicts(self) -> str:
        """How many claims hold, in words."""
        return claiming.verdicts(self.claims)

    @property
    def failed(self) -> list[Claim]:
        """The claims that do not hold, or in part only."""
        return [claim for claim in self.claims if claim.verdict in ("does not hold", "holds in part")]

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables of its folder, by the stem of their CSV file."""
        found = {"claims": claiming.table(self.claims)}
        for name, make in self.evidence.tables().items():
            try:
                found[name] = make()
            except public.Unavailable as reason:
                self.lacking.append(f"{name}.csv: {reason}")
        return found

    def draw(self) -> list[Drawing]:
        """Draw every figure, progress on standard error; those that lack a public file are named in `lacking`."""
        where = f"analysis.papers.{self.name}.figures"
        each = draw_each(where, self.evidence, self.folder / "figures")
        return list(tqdm(each, total=len(figure_names(where)), desc=self.name, leave=False))


def write_paper(paper: Paper) -> list[Path]:
    """Write claims, tables, figures and page into the paper's folder. Raises InputError where no claim could be made."""
    write_tables(paper.folder, paper.tables)
    drawings = paper.draw()
    report = paper.report
    text = render(paper, drawings)
    part = report.part(paper) if report else ""
    return write_page(paper.folder, "report", text, part, VERDICTS)


def render(paper: Paper, drawings: Sequence[Drawing]) -> str:
    """Return the page as Markdown."""
    report = paper.report
    facts = report.facts(paper, drawings) if report else {}
    return TEMPLATES.get_template(report.TEMPLATE if report else "papers/paper.md.j2").render(
        title=paper.title,
        about=paper.about,
        verdicts=paper.verdicts,
        claims=claiming.shown(paper.claims, drawings),
        failed=paper.failed,
        drawings=drawings,
        show=show,
        shown={
            name: markdown(table) for name, table in paper.tables.items() if name != "claims" and len(table) <= WIDE
        },
        lacking=paper.lacking,
        files=[f"{name}.csv" for name in paper.tables],
        **facts,
    )
