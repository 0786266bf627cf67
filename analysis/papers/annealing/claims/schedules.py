"""Which schedule ends lowest, and what a re-warm-up does (claims 7 to 12)."""

from collections.abc import Iterable

import numpy as np

from analysis.papers.annealing.claims.effects import own_drop_law
from analysis.papers.annealing.evidence import (
    PAPER_PEAK,
    PAPER_WARMUP,
    Evidence,
    best_ratio,
    law,
    others,
    paper_schedule,
    points,
    turns,
)
from analysis.papers.annealing.noise import above, over_seeds, p_of
from analysis.papers.claim import NOT_RUN, Claim, Test, answer, claim, verdict
from losslaws.curves import Schedule
from losslaws.curves.runs import settled
from losslaws.fitting import final_of
from losslaws.words import values

INSIDE = (10, 20)  # the shares of decay, per cent, that the paper finds best
LENGTHS = ("025x", "05x", "1x", "2x", "3x")


def beats(e: Evidence, best: str, rest: Iterable[str]) -> list[Test]:
    """Whether runs of kind `best` end below each of `rest`; those that were not run are left out."""
    return [e.below(best, other) for other in rest if e.own.has(best, other)]


def on_grid(e: Evidence, rule: str, a: float | None, b: float | None) -> list[Test]:
    """Whether the first of two final losses of the public grid lies below the second; nothing where one was not run."""
    if a is None or b is None:
        return []
    return [others(f"public grid, {rule}", e.grid.below(a, b), f"{a - b:+.4f}", f"{e.grid.limit:.4f}")]


def on_each(
    e: Evidence, rule: str, first: tuple[str, int], second: tuple[str, int], steps: int | None = None
) -> list[Test]:
    """`on_grid` at every peak rate and length (of `steps`, if given) where both schedules were run."""
    found = []
    for peak, length in e.grid.settings:
        if steps in (None, length):
            where = f"peak {peak:g}, {length // 1000}K: {rule}"
            found += on_grid(e, where, e.grid.final(*first, peak, length), e.grid.final(*second, peak, length))
    return found


def shown(tests: Iterable[Test]) -> str:
    """Write the differences of tests of the grid, each with its setting."""
    return (
        ", ".join(f"{test.rule.removeprefix('public grid, ').partition(':')[0]} {test.difference}" for test in tests)
        or "-"
    )


@claim
def full_cosine_is_best(e: Evidence) -> Claim:
    steps = 350_000  # the paper does not print it; its axis ends there
    said = {
        "T=S, 0": final_of(e.paper_fit, paper_schedule("cosine", steps)),
        "10 %": final_of(e.paper_fit, paper_schedule("cosine", steps, final=0.1)),
        "1.4S": final_of(e.paper_fit, paper_schedule("cosine", steps, cycle=1.4 * steps)),
        "0.6S": final_of(e.paper_fit, paper_schedule("cosine", steps, cycle=0.6 * steps)),
    }
    cells = {
        "T=S, 0": "cosine-1x",
        "10 %": "cosine-1x-final10",
        "1.4S": "cosine-1x-cycle14",
        "0.6S": "cosine-1x-cycle06",
    }
    cells = {label: name for label, name in cells.items() if e.own.has(name)}
    grid = on_each(e, "cosine to 0 ends below cosine to 10 %", ("cosine", 0), ("cosine", 10))
    return answer(
        "annealing-07-cosine",
        on_paper_data=f"(law {values(said, '{:.4f}')})",
        on_own_runs=e.own_finals(**cells) if len(cells) > 1 else NOT_RUN,
        on_public_curves=f"{shown(grid)} (cosine to 0 less cosine to 10 %)",
        verdict=verdict(
            law("lowest by the law: full length, to zero", min(said, key=said.get) == "T=S, 0"),
            *beats(e, "cosine-1x", list(cells.values())[1:]),
            *grid,
        ),
    )


@claim
def constant_then_cosine(e: Evidence) -> Claim:
    def ahead(steps):
        """How far the law puts cosine above constant."""
        kinds = ("cosine", "constant")
        return np.subtract(*(final_of(e.paper_fit, paper_schedule(kind, steps)) for kind in kinds))

    lengths = range(10_000, 60_001, 500)
    crossing = next((steps for steps in lengths if ahead(steps) < 0), None)
    paper = {
        "20K": e.paper["cosine"].final_loss - e.paper["constant"].final_loss,
        "60K": e.unseen["cosine_60000"].final_loss - e.unseen["constant_60000"].final_loss,
    }
    multi = {
        f"{size} {steps // 1000}K": c[f"cosine_{steps}"].final_loss - c[f"constant_{steps}"].final_loss
        for size, c in e.multi.items()
        for steps in (24000, 72000)
    }
    ran = [x for x in LENGTHS if e.own.has(f"constant-{x}", f"cosine-{x}")]
    own, tests = NOT_RUN, []
    if len(ran) > 1:
        found = {
            x: np.subtract(*(e.own.curves[f"{kind}-{x}"].end_loss for kind in ("cosine", "constant"))) for x in ran
        }
        own = ", ".join(
            f"{x} {d:+.4f} ({-own_drop_law(e, e.own.curves[f'cosine-{x}']):+.4f})" for x, d in found.items()
        )
        tests = [
            e.below(f"constant-{ran[0]}", f"cosine-{ran[0]}"),
            e.below(f"cosine-{ran[-1]}", f"constant-{ran[-1]}"),
        ]
    grid = []
    for peak in sorted({peak for peak, _ in e.grid.settings}):
        constant = next(c for c in e.grid.curves.values() if c.schedule.peak == peak and c.schedule.lr[-1] == peak)
        for steps, lower in ((25000, "constant"), (50000, "cosine")):
            pair = {
                "cosine": e.grid.final("cosine", 0, peak, steps),
                "constant": float(np.interp(steps - 200, constant.step, constant.loss)),
            }
            higher = "cosine" if lower == "constant" else "constant"
            grid += on_grid(
                e, f"peak {peak:g}, {steps // 1000}K: {lower} ends below {higher}", pair[lower], pair[higher]
            )
    return answer(
        "annealing-08-crossover",
        on_paper_data=f"{values(paper, '{:+.4f}')} (law: crossover at {crossing or 'none below 60000'} steps)",
        on_own_runs=own,
        on_public_curves=values(multi, "{:+.4f}")
        + "; 124M grid: "
        + ", ".join(f"{t.rule.removeprefix('public grid, ')} {t.difference}" for t in grid),
        verdict=verdict(
            points("at 20K constant ends below cosine", paper["20K"] > 0, f"{-paper['20K']:+.4f}"),
            points("at 60K cosine ends below constant", paper["60K"] < 0, f"{paper['60K']:+.4f}"),
            *tests,
            *grid,
        ),
    )


@claim
def wsd_beats_cosine(e: Evidence) -> list[Claim]:
    said = {
        "cosine": final_of(e.paper_fit, paper_schedule("cosine", 60000)),
        "WSD10": final_of(e.paper_fit, paper_schedule("wsd", 60000, decay=0.1, shape="cosine")),
        "WSD20": final_of(e.paper_fit, paper_schedule("wsd", 60000, decay=0.2, shape="cosine")),
    }
    multi = {s: c["wsdld_20000_24000"].final_loss - c["cosine_24000"].final_loss for s, c in e.multi.items()}
    cells = {"cosine": "cosine-3x", "WSD10": "wsd10-linear-3x", "WSD20": "wsd20-linear-3x", "WSD40": "wsd40-linear-3x"}
    ran = e.own.has("cosine-3x", "wsd20-linear-3x")
    cells = {label: name for label, name in cells.items() if e.own.has(name)}
    steps = e.unseen["multistep_cosine_60000"].final_loss, e.unseen["cosine_60000"].final_loss
    stages = {"multi-step cosine": "multistep-cosine-2x", "cosine": "cosine-2x"}
    grid = on_each(e, "WSD of 20 % ends below cosine to 0", ("linear", 20), ("cosine", 0))
    tenth = on_each(e, "WSD of 20 % ends below cosine to 10 %", ("linear", 20), ("cosine", 10))
    return [
        answer(
            "annealing-09a-wsd",
            on_paper_data=f"(law {values(said, '{:.4f}')})",
            on_own_runs=e.own_finals(**cells) if ran else NOT_RUN,
            on_public_curves=f"{values(multi, '{:+.4f}')} (less cosine to 10 %); 124M grid, less cosine to 0: {shown(grid)}; to 10 %: {shown(tenth)}",
            verdict=verdict(
                law("WSD of 20 % ends below cosine", said["WSD20"] < said["cosine"]),
                *beats(e, "wsd20-linear-3x", ["cosine-3x"]),
                *grid,
            ),
        ),
        answer(
            "annealing-09b-multistep",
            on_paper_data=f"{steps[0]:.4f} against {steps[1]:.4f} (cosine to 10 %)",
            on_own_runs=e.own_finals(**stages) if e.own.has(*stages.values()) else NOT_RUN,
            verdict=verdict(
                points("printed: multi-step ends below cosine", steps[0] < steps[1], f"{steps[0] - steps[1]:+.4f}"),
                *beats(e, "multistep-cosine-2x", ["cosine-2x"]),
            ),
        ),
    ]


def own_shares(e: Evidence) -> dict[int, dict[int, str]]:
    """The kinds of linear decays to zero, by steps and share of decay, per cent."""
    return {
        steps: {share: curve.name for share, curve in runs.items()} for steps, runs in e.own.decays("linear").items()
    }


def best_shares(e: Evidence, shares: dict[int, str]) -> tuple[int, list[int]]:
    """The share with the lowest mean final loss, and all that noise does not tell from it."""
    best = min(shares, key=lambda share: e.own.curves[shares[share]].end_loss)
    return best, [share for share in shares if share == best or e.below(shares[best], shares[share]).passed is None]


def falls(short: list[int], long: list[int]) -> bool | None:
    """Whether the best share fell, from those that may be best at two lengths; None where both may be one."""
    if max(long) < min(short):
        return True
    return False if min(long) > max(short) else None


@claim
def optimal_ratio(e: Evidence) -> list[Claim]:
    lengths = (20000, 40000, 60000, 80000, 100_000)
    paper = {f"{n // 1000}K": 100 * best_ratio(e.paper_fit, PAPER_PEAK, PAPER_WARMUP, n) for n in lengths}
    like, shares = e.base.schedule, {n: s for n, s in own_shares(e).items() if len(s) > 2}
    predicted = {n: 100 * best_ratio(e.own.fit, like.peak, like.warmup, n, "linear") for n in shares}
    own, tests, falling, best = NOT_RUN, [], [], {}
    if shares:
        best = {n: best_shares(e, named) for n, named in shares.items()}
        own = "; ".join(
            f"{n} steps: {best[n][0]} % (may be {values(best[n][1], '{:g}', by=', ')}; law {predicted[n]:.0f}): "
            + ", ".join(f"{share} % {e.own.curves[name].end_loss:.4f}" for share, name in named.items())
            for n, named in shares.items()
        )
        longest = max(shares)
        named = shares[longest]
        inside = min((s for s in INSIDE if s in named), key=lambda s: e.own.curves[named[s]].end_loss, default=None)
        if inside:
            tests = [e.below(named[inside], name) for share, name in named.items() if share not in INSIDE]
        if len(best) > 1:
            short, long = best[min(best)], best[longest]
            falling = [
                others(
                    f"own: best share at {longest} steps below that at {min(best)}",
                    falls(short[1], long[1]),
                    f"{short[0]} to {long[0]} %",
                )
            ]
    settings = {(p, n): e.grid.best_shares(p, n) for p, n in e.grid.settings if e.grid.shares(p, n)}
    grid = [
        others(
            f"public grid, peak {p:g}, {n // 1000}K: the best share may lie in 10 to 20 %",
            bool(set(INSIDE) & set(found)),
            f"{values(found, '{:g}', by=' ')} %",
        )
        for (p, n), found in settings.items()
    ]
    moves = []
    for peak in sorted({p for p, _ in settings}):
        ns = sorted(n for p, n in settings if p == peak)
        if len(ns) > 1:
            a, b = settings[peak, ns[0]], settings[peak, ns[-1]]
            moves.append(
                others(
                    f"public grid, peak {peak:g}: best share falls from {ns[0] // 1000}K to {ns[-1] // 1000}K",
                    falls(a, b),
                    f"{values(a, '{:g}', by=' ')} to {values(b, '{:g}', by=' ')} %",
                )
            )
    return [
        answer(
            "annealing-10a-ratio",
            on_paper_data=f"(law {values(paper, '{:.0f}')})",
            on_own_runs=own,
            on_public_curves="; ".join(
                f"peak {p:g}, {n // 1000}K: {values(found, '{:g}', by=' ')}" for (p, n), found in settings.items()
            ),
            verdict=verdict(
                law(
                    "best share of the law at 60K to 100K within 10 to 20 %",
                    all(9.5 <= paper[n] <= 20.5 for n in ("60K", "80K", "100K")),
                ),
                *tests,
                *grid,
            ),
        ),
        answer(
            "annealing-10b-ratio-falls",
            on_paper_data=f"(law {values(paper, '{:.0f}')})",
            on_own_runs="; ".join(
                f"{n} steps: {found[0]} (may be {values(found[1], '{:g}', by=', ')}; law {predicted[n]:.0f})"
                for n, found in best.items()
            )
            or NOT_RUN,
            on_public_curves="; ".join(
                f"{test.rule.removeprefix('public grid, ').partition(':')[0]}: {test.difference}" for test in moves
            ),
            verdict=verdict(
                law("best share of the law at 100K below that at 20K", paper["100K"] < paper["20K"]), *falling, *moves
            ),
        ),
    ]


@claim
def decay_shape(e: Evidence) -> list[Claim]:
    def gap(ratio):
        """1-sqrt less cosine, by the law on the paper's points."""
        shapes = ("1-sqrt", "cosine")
        return np.subtract(
            *(final_of(e.paper_fit, paper_schedule("wsd", 50000, decay=ratio, shape=shape)) for shape in shapes)
        )

    pairs = {
        (share, x): (f"wsd{share:02d}-1sqrt-{x}", f"wsd{share:02d}-linear-{x}")
        for share in (10, 20, 40)
        for x in ("05x", "1x", "3x")
    }
    pairs = {key: names for key, names in pairs.items() if e.own.has(*names)}

    def own(shares):
        found = [
            f"{share} %, {x}: {e.own_finals(**dict(zip(('1-sqrt', 'linear'), names, strict=True)))}"
            for (share, x), names in pairs.items()
            if share in shares
        ]
        return "; ".join(found) or NOT_RUN

    grid = on_each(e, "1-sqrt of 20 % ends below linear", ("1-sqrt", 20), ("linear", 20))
    return [
        answer(
            "annealing-11a-shape-short",
            on_paper_data=f"(law {gap(0.1):+.4f}, 1-sqrt less cosine)",
            on_own_runs=own((10, 20)),
            on_public_curves=f"{shown(grid)} (1-sqrt less linear, 20 %)",
            verdict=verdict(
                law("1-sqrt ends below cosine in a decay of 10 %", gap(0.1) < 0),
                *(e.below(*names) for (share, _), names in pairs.items() if share in (10, 20)),
                *grid,
            ),
        ),
        answer(
            "annealing-11b-shape-long",
            on_paper_data=f"(law {gap(0.5):+.4f}, 1-sqrt less cosine)",
            on_own_runs=own((40,)),
            verdict=verdict(
                law("cosine ends below 1-sqrt in a decay of 50 %", gap(0.5) > 0),
                *(e.below(*reversed(names)) for (share, _), names in pairs.items() if share == 40),
            ),
        ),
    ]


def continued(top: float, rewarm: int, first: int = 60000, second: int = 100_000) -> Schedule:
    """Pre-training by a cosine to a tenth, then `rewarm` steps up to `top` x peak and a cosine to zero."""
    low, high = 0.1 * PAPER_PEAK, top * PAPER_PEAK
    up = np.linspace(low, high, rewarm + 1)[1:]
    down = high * (1 + np.cos(np.pi * np.arange(1, second - rewarm + 1) / (second - rewarm))) / 2
    begin = paper_schedule("cosine", first, final=0.1)
    return Schedule(np.concatenate([begin.lr, up, down]), begin.warmup, "continued")


@claim
def rewarmup(e: Evidence) -> list[Claim]:
    def peak_and_fall(loss):
        return float(loss.max()), float(loss.max() - loss[-1])

    def against(full, half):
        return f"peak {full[0]:.3f} against {half[0]:.3f}, fall {full[1]:.3f} against {half[1]:.3f}"

    said = [peak_and_fall(e.paper_fit.predict(continued(top, 500))[60000:]) for top in (1.0, 0.5)]
    ends = {n: final_of(e.paper_fit, continued(1.0, n)) for n in (500, 5000, 10000)}
    spread = max(ends.values()) - min(ends.values())
    own, tests = NOT_RUN, []
    if e.own.has("rewarm-full", "rewarm-half"):
        start = turns(e.own.curves["rewarm-full"].schedule)[0][1]

        def each(kind):
            runs = {seed: settled(run) for seed, run in e.own.runs[kind].items()}
            return {seed: peak_and_fall(run.loss[run.step > start]) for seed, run in runs.items()}

        def foretold(kind):
            curve = settled(e.own.curves[kind])
            return peak_and_fall(e.own.fit.predict(curve)[curve.step > start])

        full, half = each("rewarm-full"), each("rewarm-half")
        means = [np.mean(list(rows.values()), axis=0) for rows in (full, half)]
        own = f"{against(*means)} (law: {against(foretold('rewarm-full'), foretold('rewarm-half'))})"
        for k, rule in enumerate(("the higher re-warmed rate lifts the loss higher", "and then makes it fall further")):
            found, width = over_seeds([full[seed][k] - half[seed][k] for seed in full if seed in half])
            tests.append(
                Test(
                    rule, above(found, width), f"{found:+.4f}", f"{width:.4f}", len(full), p_of(found, width, len(full))
                )
            )
    return [
        answer(
            "annealing-12a-rewarm",
            on_paper_data=f"(law: {against(*said)})",
            on_own_runs=own,
            verdict=verdict(
                law("higher peak", said[0][0] > said[1][0]), law("further fall", said[0][1] > said[1][1]), *tests
            ),
        ),
        answer(
            "annealing-12b-rewarm-length",
            on_paper_data=f"(law {values(ends, '{:.4f}')})",
            verdict=verdict(law("final losses within .005", spread < 0.005, f"{spread:.4f}")),
        ),
    ]
