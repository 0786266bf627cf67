"""Which laws are estimated for the Hitchhiker's Guide: about 1,400 from public families, and some 300 from our own."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.papers.hitchhiker.estimation import CUT, Ask, sizes, smallest, subsets
from analysis.papers.kaplan.family import Family
from losslaws.curves.public import hitchhiker as families
from losslaws.curves.runs import final

ALL = np.inf
BEGINNINGS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, ALL)
START = 1e8  # tokens that a prediction of a run's own end leaves out, as the paper's code does
LARGE = ("GPT-3", "OPT")  # families of many sizes
# our own family, means over seeds: the longest runs that all sizes have, all checkpoints; the same, but only the end of the largest;
# the ends of every length, each after its own decay; the first, with one seed of every size but the largest
WHOLE, TO_END, ENDS, ONE = "own runs", "own runs to the end", "own ends", "own runs, one seed"
OWN_CUT = 1.5e5  # tokens that are left out: a tenth of our runs, as the paper's 10 billion are of its own
TEXTS = {f"{text} x {n}": (text, n) for text in families.TEXTS for n in families.EPOCHS}


def every_family() -> dict[str, pd.DataFrame]:
    """Return every family by name; raises Unavailable where a file cannot be had."""
    found = {"GPT-3": families.gpt3(), "OPT": families.opt(), "OPT perplexity": families.opt("perplexity")}
    found |= {"OLMo": families.olmo(), "OLMo twin": families.olmo(twin=True)}
    return found | {name: families.datablations(*which) for name, which in TEXTS.items()}


def every_ask(tables: dict[str, pd.DataFrame]) -> list[Ask]:
    """Return the laws to estimate."""
    return [
        ask
        for name, table in tables.items()
        for ask in (*from_subsets(name, table), *from_smallest(name, table), *from_beginnings(name, table))
    ]


def from_subsets(name: str, table: pd.DataFrame) -> Iterator[Ask]:
    """Every choice of models, for the two largest targets: all checkpoints, those of the first half, the last ones."""
    for target in sizes(table)[-2:] if name in LARGE else ():
        for chosen in subsets(table, target):
            for cut in (0.0, CUT) if name == "OPT" else (0.0,):  # GPT-3's losses begin at 10 billion tokens
                yield Ask(name, chosen, target, cut)
                yield Ask(name, chosen, target, cut, share=0.5)
            if len(chosen) >= 5:
                yield Ask(name, chosen, target, only_final=True)


def from_smallest(name: str, table: pd.DataFrame) -> Iterator[Ask]:
    """The k smallest models, with a cut and without, beside methods without a law; single models with borrowed parameters."""
    target = sizes(table)[-1]
    for k in range(2, len(sizes(table))):
        chosen = smallest(table, k)
        if name not in LARGE:
            yield from (Ask(name, chosen, target, cut, share) for cut in (0.0, CUT) for share in SHARES)
        yield from (Ask(name, chosen, target, method=method) for method in ("best", "most trained"))
    for size in sizes(table)[:-1]:
        yield Ask(name, (size,), target, CUT, share=1.0, method="borrowed")


def from_beginnings(name: str, table: pd.DataFrame) -> Iterator[Ask]:
    """Each model's own end from its beginning."""
    if name != "OPT perplexity":
        for size in sizes(table):
            yield from (Ask(name, (size,), size, START, share) for share in BEGINNINGS)


def own_families(own: Family) -> dict[str, pd.DataFrame]:
    """Return the tables of our own family by name."""
    runs, largest = own.equal, own.equal[-1]
    first = [next(iter(own.runs[run.name].values())) for run in runs[:-1]]
    return {
        WHOLE: own.table(runs),
        TO_END: own.table([*runs[:-1], final(largest)]),
        ENDS: own.table(own.ends),
        ONE: own.table([*first, largest]),
    }


def own_asks(tables: dict[str, pd.DataFrame]) -> Iterator[Ask]:
    """Yield the laws to estimate from our own family, the largest two sizes as targets."""
    every = sizes(tables[WHOLE])
    for target in every[-2:]:
        for chosen in subsets(tables[WHOLE], target):
            yield from (Ask(WHOLE, chosen, target, cut, share) for cut in (0.0, OWN_CUT) for share in (0.5, ALL))
            if len(chosen) >= 5:
                yield Ask(WHOLE, chosen, target, only_final=True)
    for chosen in subsets(tables[WHOLE], every[-1]):
        yield from (Ask(name, chosen, every[-1]) for name in (TO_END, ENDS, ONE))
    for k in range(2, len(every)):
        yield from (Ask(WHOLE, smallest(tables[WHOLE], k), every[-1], method=how) for how in ("best", "most trained"))
    for size in every:
        yield from (Ask(WHOLE, (size,), size, OWN_CUT, share) for share in BEGINNINGS)
        if size != every[-1]:
            yield Ask(WHOLE, (size,), every[-1], OWN_CUT, method="borrowed")
