"""One folder for every paper whose claims are held against measurements, and what they share.

paper          a Paper: its runs, claims, tables, figures and page, `python -m analysis paper NAME`
claim          one statement of a paper, and the verdict on it
comparisons    the tests of numbers, limits and pairs that verdicts follow from
"""

from pathlib import Path


def names() -> list[str]:
    """The papers there are, the annealing paper first: the folders with a claims.csv."""
    found = [path.parent.name for path in Path(__file__).parent.glob("*/claims.csv")]
    return sorted(found, key=lambda name: (name != "annealing", name))
