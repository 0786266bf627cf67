"""What a difference between final losses is uncertain by, by how the two runs are related.

    relations(runs, base) -> {name: Relations}
    table(relations) -> DataFrame -> noise.csv
    compare(a, b, relation) -> (difference, 95 % half-width, p)

Only independent draws count. Runs that branch off one trunk are one draw of that trunk; of their differences, those of disjoint
pairs count, since two differences that share a run are not independent. What a seed adds to a loss it adds to every schedule, so that
runs of one seed under many schedules tell the spread over seeds better but are no more draws of it: its degrees of freedom are the
seeds less one. Differences within a seed are free of that: theirs are the draws less the means that were taken from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from losslaws.curves import LossCurve
from losslaws.curves.runs import same_model

TRUNK = 0.5  # share of the shorter run's steps from which on two runs count as branches of one trunk
SEED = "another seed, annealed"
CONSTANT = "another seed, constant rate"
BRANCH = "one trunk, another decay"
SCHEDULE = "same seed and order, another schedule"


@dataclass(frozen=True)
class Relations:
    """The spread of one kind of difference.

    sd         standard deviation: of one run's final loss over seeds, or of the difference of two related runs; nats per token
    relative   the same over the mean final loss
    freedom    degrees of freedom
    pairs      what it was taken from
    """

    sd: float
    relative: float
    freedom: int
    pairs: tuple[str, ...]


def relations(runs: Mapping[str, Mapping[int, LossCurve]], base: LossCurve) -> dict[str, Relations]:
    """Return what is known of each relation, by name; those that no run tells are absent. Sizes other than the base's stand apart."""
    several = {name: seeds for name, seeds in runs.items() if len(seeds) > 1}
    first = {name: next(iter(seeds.values())) for name, seeds in several.items()}
    found = {}
    sizes = sorted({curve.parameters.get("non_embedding", 0) for curve in first.values()})
    for size in sizes:
        own = {n: c for n, c in first.items() if c.parameters.get("non_embedding", 0) == size}
        suffix = "" if same_model(next(iter(own.values())), base) else f", {size / 1e6:.2f}M"
        usual = {n: c for n, c in own.items() if c.schedule.peak == base.schedule.peak}
        constant = [n for n, c in usual.items() if c.schedule.lr[-1] == c.schedule.peak]
        longest = max(constant, key=lambda n: first[n].schedule.steps, default=None)
        annealed = apart({n: c for n, c in usual.items() if n not in constant})
        branches = [p for p in disjoint(usual) if related(usual[p[0]], usual[p[1]]) == BRANCH]
        others = [
            (a, b)
            for a, b in disjoint({n: c for n, c in usual.items() if n in (*annealed, longest)})
            if related(usual[a], usual[b]) == SCHEDULE
        ]
        for name, values in (
            (CONSTANT, [ends(several[n]) for n in ([longest] if longest else [])]),
            (SEED, [ends(several[n]) for n in annealed]),
            (BRANCH, [differences(several[a], several[b]) for a, b in branches]),
            (SCHEDULE, [differences(several[a], several[b]) for a, b in others]),
        ):
            labels = {CONSTANT: [longest], SEED: annealed}.get(name) or [
                f"{a} - {b}" for a, b in (branches if name == BRANCH else others)
            ]
            spread = pooled(values, shared=name in (CONSTANT, SEED))
            if spread:
                level = np.mean([c.end_loss for c in usual.values()])
                found[name + suffix] = Relations(spread[0], spread[0] / level, spread[1], tuple(map(str, labels)))
    return found


def ends(seeds: Mapping[int, LossCurve]) -> np.ndarray:
    """Final losses over the seeds, on the finest validation set there is."""
    return np.array([curve.end_loss for curve in seeds.values()])


def differences(a: Mapping[int, LossCurve], b: Mapping[int, LossCurve]) -> np.ndarray:
    """Final losses of `a` less those of `b`, over the seeds that both have."""
    return np.array([a[seed].end_loss - b[seed].end_loss for seed in a if seed in b])


def pooled(groups: list[np.ndarray], shared: bool) -> tuple[float, int] | None:
    """Standard deviation about the mean of each group, and its degrees of freedom; None without any.

    shared  whether the groups are the same seeds again, which are counted once
    """
    groups = [values for values in groups if len(values) > 1]
    freedom = sum(len(values) - 1 for values in groups)
    if not freedom:
        return None
    sd = float(np.sqrt(sum(((values - values.mean()) ** 2).sum() for values in groups) / freedom))
    return sd, max(len(values) for values in groups) - 1 if shared else freedom


def related(a: LossCurve, b: LossCurve) -> str:
    """How two runs of one seed are related: BRANCH or SCHEDULE."""
    shared = a.schedule.common_steps(b.schedule) / min(a.schedule.steps, b.schedule.steps)
    return BRANCH if shared >= TRUNK else SCHEDULE


def apart(curves: Mapping[str, LossCurve]) -> list[str]:
    """Names of curves of which no two of one model are branches of one trunk, longest first."""
    kept: list[str] = []
    for name in sorted(curves, key=lambda n: (-curves[n].schedule.steps, n)):
        if all(related(curves[name], curves[k]) == SCHEDULE for k in kept if same_model(curves[name], curves[k])):
            kept.append(name)
    return kept


def disjoint(curves: Mapping[str, LossCurve]) -> list[tuple[str, str]]:
    """Pair curves of one length, nearest first, each in one pair."""
    pairs, left = [], sorted(curves, key=lambda n: (curves[n].schedule.steps, n))
    while left:
        name = left.pop(0)
        same = [n for n in left if curves[n].schedule.steps == curves[name].schedule.steps]
        if same:
            mate = max(same, key=lambda n: curves[name].schedule.common_steps(curves[n].schedule))
            left.remove(mate)
            pairs.append((name, mate))
    return pairs


def compare(
    a: Mapping[int, LossCurve], b: Mapping[int, LossCurve], known: Mapping[str, Relations]
) -> tuple[float, float, float, int]:
    """Return final loss of `a` less that of `b` over their common seeds, its 95 % half-width, the two-sided p, and the runs.

    The spread is that of the relation of the two, pooled over all such pairs of the experiment. Half-width inf and p 1 where no pair of
    runs tells it.
    """
    values = differences(a, b)
    if not len(values):
        return float(np.mean(ends(a)) - np.mean(ends(b))), np.inf, 1.0, 0
    first, second = (next(iter(one.values())) for one in (a, b))
    relation = known.get(related(first, second)) or known.get(SCHEDULE)
    difference = float(values.mean())
    return difference, *uncertain(difference, relation, 1 / len(values)), len(values)


def uncertain(difference: float, relation: Relations | None, share: float) -> tuple[float, float]:
    """Return the 95 % half-width and the two-sided p of a difference with `share` of the relation's variance; inf and 1 without one."""
    if relation is None:
        return np.inf, 1.0
    error = relation.sd * np.sqrt(share)
    half = float(student.ppf(0.975, relation.freedom) * error)
    return half, float(2 * student.sf(abs(difference) / error, relation.freedom)) if error else 0.0


def over_seeds(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Return the mean of independent values and its 95 % half-width by Student's t; inf for one value alone."""
    values = np.asarray(values, float)
    if len(values) < 2:
        return float(values.mean()), np.inf
    return float(values.mean()), float(student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))


def p_of(mean: float, half: float, runs: int) -> float:
    """The two-sided p of a mean with the 95 % half-width `half` of so many runs."""
    if not np.isfinite(half):
        return 1.0
    if half == 0:
        return 0.0 if mean else 1.0
    return float(2 * student.sf(abs(mean) / (half / student.ppf(0.975, runs - 1)), runs - 1))


def above(found: float, half: float) -> bool | None:
    """Whether a difference lies above zero; None where its half-width hides that."""
    return None if abs(found) <= half else found > 0


def table(known: Mapping[str, Relations]) -> pd.DataFrame:
    """Return one row for every relation."""
    rows = [
        {
            "relation": name,
            "sd": r.sd,
            "relative": r.relative,
            "degrees_of_freedom": r.freedom,
            "from": "; ".join(r.pairs),
        }
        for name, r in known.items()
    ]
    return pd.DataFrame(rows, columns=["relation", "sd", "relative", "degrees_of_freedom", "from"])
