"""The spread of differences by relation, on runs whose spread is known."""

import numpy as np
import pytest

from analysis.papers.annealing import noise
from losslaws.curves import LossCurve, schedules

STEPS = 1000
SEEDS = 400  # many, so that a standard deviation is known to some per cent


@pytest.fixture(scope="module")
def runs():
    """Runs of many seeds: a seed adds .05 to all, a trunk .02 to its branches, a run .003 to itself."""
    rng = np.random.default_rng(1)
    kinds = {
        "constant": ("constant", {}, "trunk"),
        "wsd10": ("wsd", {"decay": 0.1}, "trunk"),
        "wsd20": ("wsd", {"decay": 0.2}, "trunk"),
        "wsd40": ("wsd", {"decay": 0.4}, "trunk"),
        "cosine": ("cosine", {}, "cosine"),
        "linear": ("linear", {}, "linear"),
    }
    of_seed = 0.05 * rng.standard_normal(SEEDS)
    of_trunk = {name: 0.02 * rng.standard_normal(SEEDS) for name in ("trunk", "cosine", "linear")}
    found = {}
    for kind, (name, options, trunk) in kinds.items():
        schedule = schedules.build(name, STEPS, 1e-3, 10, **options)
        loss = 3 + of_seed + of_trunk[trunk] + 0.003 * rng.standard_normal(SEEDS)
        found[kind] = {
            seed: LossCurve(kind, schedule, [STEPS], [loss[seed]], parameters={"non_embedding": 1}, seed=seed)
            for seed in range(SEEDS)
        }
    return found


def first(runs):
    return next(iter(runs["constant"].values()))


def test_each_relation_has_its_own_spread(runs):
    known = noise.relations(runs, first(runs))
    whole = np.sqrt(0.05**2 + 0.02**2 + 0.003**2)
    assert known[noise.SEED].sd == pytest.approx(whole, rel=0.1)
    assert known[noise.CONSTANT].sd == pytest.approx(whole, rel=0.1)
    assert known[noise.BRANCH].sd == pytest.approx(np.sqrt(2) * 0.003, rel=0.1)
    assert known[noise.SCHEDULE].sd == pytest.approx(np.sqrt(2) * np.hypot(0.02, 0.003), rel=0.1)


def test_a_seed_is_counted_once_and_a_run_in_one_pair(runs):
    known = noise.relations(runs, first(runs))
    assert known[noise.SEED].freedom == known[noise.CONSTANT].freedom == SEEDS - 1
    pairs = [name for pair in known[noise.BRANCH].pairs for name in pair.split(" - ")]
    assert sorted(pairs) == sorted(set(pairs)) and set(pairs) <= {"constant", "wsd10", "wsd20", "wsd40"}
    assert known[noise.BRANCH].freedom == (SEEDS - 1) * len(known[noise.BRANCH].pairs)
    once = {"once": {0: first(runs)}}  # one run tells nothing of a spread
    assert noise.relations(runs | once, first(runs)) == known


def test_a_shared_trunk_decides_what_seeds_alone_would_hide(runs):
    few = {kind: {seed: seeds[seed] for seed in range(4)} for kind, seeds in runs.items()}
    known = noise.relations(few, first(few))
    moved = {
        seed: LossCurve("wsd20", run.schedule, run.step, run.loss + 0.02, parameters=run.parameters, seed=seed)
        for seed, run in few["wsd20"].items()
    }
    found, half, p, seeds = noise.compare(moved, few["wsd10"], known)
    assert seeds == 4 and half < 0.01 < found and p < 0.01
    _, wide, _, _ = noise.compare(moved, few["cosine"], known)
    assert wide > 2 * half


def test_one_seed_tells_nothing(runs):
    single = {kind: {0: seeds[0]} for kind, seeds in runs.items()}
    known = noise.relations(single, first(single))
    assert known == {}
    _, half, p, _ = noise.compare(single["wsd20"], single["cosine"], known)
    assert half == np.inf and p == 1
    assert noise.table(known).columns[0] == "relation"


def test_a_difference_as_large_as_its_half_width_has_a_chance_of_one_in_twenty():
    relation = noise.Relations(sd=0.01, relative=0.003, freedom=7, pairs=())
    half, _ = noise.uncertain(0.0, relation, 1 / 4)
    assert half == pytest.approx(2.364624 * 0.01 / 2)  # Student's t with 7 degrees of freedom, four seeds
    assert noise.uncertain(half, relation, 1 / 4)[1] == pytest.approx(0.05)
    assert noise.uncertain(-half, relation, 1 / 4)[1] == pytest.approx(0.05)
