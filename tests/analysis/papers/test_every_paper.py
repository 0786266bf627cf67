"""What every paper's folder has, so that a new one that lacks a piece is told which."""

import csv
import inspect
from importlib import import_module
from pathlib import Path

import pytest

from analysis.pages import figure as figures
from analysis.papers import names
from analysis.papers.paper import package

ROOT = Path(__file__).parents[3]
COLUMNS = ["id", "claim", "source", "paper_value", "unit", "figure"]
everywhere = pytest.mark.parametrize("name", names())


@everywhere
def test_its_docstring_heads_the_page(name):
    title, _, about = inspect.getdoc(package(name)).partition("\n\n")
    assert title and about, (
        f"analysis/papers/{name}/__init__.py: the first line is the title, what follows a blank line the text"
    )


@everywhere
def test_its_sweeps_are_there(name):
    sweeps = (*getattr(package(name), "SWEEPS", ()), *getattr(package(name), "PROFILES", ()))
    missing = [sweep for sweep in sweeps if not (ROOT / "conf" / "sweep" / f"{sweep}.yaml").is_file()]
    assert not missing, f"analysis/papers/{name}/__init__.py names sweeps that conf/sweep lacks"


@everywhere
def test_its_claims_have_texts_and_figures(name):
    with open(ROOT / "analysis" / "papers" / name / "claims.csv", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    assert reader.fieldnames == COLUMNS
    assert rows and len({row["id"] for row in rows}) == len(rows)
    assert all(row["claim"] and row["source"] for row in rows)
    drawn = set(figures.names(f"analysis.papers.{name}.figures"))
    unknown = {row["figure"] for row in rows} - drawn - {""}
    assert not unknown, (
        f"analysis/papers/{name}/claims.csv names figures that its `figures` lacks (it has {sorted(drawn)})"
    )


@everywhere
def test_its_evidence_gives_tables(name):
    assert callable(import_module(f"analysis.papers.{name}.evidence").Evidence.tables)


@everywhere
def test_its_page_is_committed_and_linked(name):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"](results/{name}/" in text, (
        f"README.md, table of papers: give paper '{name}' a line with a link to its page"
    )
    assert list((ROOT / "results" / name).rglob("report.md")), (
        f"results/{name} has no page: write it with `python -m analysis paper {name}` and commit the folder"
    )
