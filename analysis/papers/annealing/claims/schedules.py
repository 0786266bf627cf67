"""Which schedule ends lowest, and what a re-warm-up does (claims 7 to 12)."""

from collections.abc import Iterable

import numpy as np

from analysis.papers.annealing.claims.effects import drop, own_drop_law
from analysis.papers.annealing.evidence import PAPER_PEAK, PAPER_WARMUP, Evidence, best_ratio, paper_schedule, turns
from analysis.papers.claim import NOT_RUN, Claim, answer, claim, verdict
from losslaws.curves import Schedule
from losslaws.curves.runs import settled
from losslaws.fitting import final_of
from losslaws.words import values


def beats(e: Evidence, best: str, others: Iterable[str]) -> list[bool | None]:
    """Whether run `best` ends below each of `others`; None where the seed noise hides it or a run is missing."""
    return [e.below(e.own_final(best), e.own_final(other)) if e.own.has(best, other) else None for other in others]


@claim
def full_cosine_is_best(e: Evidence) -> Claim:
    steps = 350_000  # the paper does not print it; its axis ends there
    law = {
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
    return answer(
        "annealing-07-cosine",
        on_paper_data=f"(law {values(law, '{:.4f}')})",
        on_own_runs=e.own_finals(**cells) if len(cells) > 1 else NOT_RUN,
        verdict=verdict(min(law, key=law.get) == "T=S, 0", *beats(e, "cosine-1x", list(cells.values())[1:])),
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
    cells = {x: f"cosine-{x}" for x in ("05x", "1x", "2x", "3x")}
    cells = {x: e.own.curves[name] for x, name in cells.items() if e.own.has(name)}
    own, tests = NOT_RUN, []
    if e.own.has("constant-3x") and len(cells) > 1:
        found = {x: -drop(e.own.curves["constant-3x"], curve) for x, curve in cells.items()}
        own = ", ".join(f"{x} {d:+.4f} ({-own_drop_law(e, cells[x]):+.4f})" for x, d in found.items())
        short, long = (found[x] for x in (min(cells), max(cells)))
        tests = [e.below(0.0, short), e.below(long, 0.0)]
    return answer(
        "annealing-08-crossover",
        on_paper_data=f"{values(paper, '{:+.4f}')} (law: crossover at {crossing or 'none below 60000'} steps)",
        on_own_runs=own,
        on_public_curves=values(multi, "{:+.4f}"),
        verdict=verdict(paper["20K"] > 0, paper["60K"] < 0, *tests),
    )


@claim
def wsd_beats_cosine(e: Evidence) -> list[Claim]:
    law = {
        "cosine": final_of(e.paper_fit, paper_schedule("cosine", 60000)),
        "WSD10": final_of(e.paper_fit, paper_schedule("wsd", 60000, decay=0.1, shape="cosine")),
        "WSD20": final_of(e.paper_fit, paper_schedule("wsd", 60000, decay=0.2, shape="cosine")),
    }
    multi = {s: c["wsdld_20000_24000"].final_loss - c["cosine_24000"].final_loss for s, c in e.multi.items()}
    cells = {"cosine": "cosine-3x", "WSD10": "wsd10-linear-3x", "WSD20": "wsd20-linear-3x"}
    ran = e.own.has("cosine-3x", "wsd20-linear-3x")
    cells = {label: name for label, name in cells.items() if e.own.has(name)}
    steps = e.unseen["multistep_cosine_60000"].final_loss, e.unseen["cosine_60000"].final_loss
    stages = {"multi-step cosine": "multistep-cosine-2x", "cosine": "cosine-2x"}
    return [
        answer(
            "annealing-09a-wsd",
            on_paper_data=f"(law {values(law, '{:.4f}')})",
            on_own_runs=e.own_finals(**cells) if ran else NOT_RUN,
            on_public_curves=values(multi, "{:+.4f}") + " (WSD less cosine to 10 %)",
            verdict=verdict(
                law["WSD20"] < law["cosine"],
                *(m < 0 for m in multi.values()),
                *beats(e, "wsd20-linear-3x", ["cosine-3x"]),
            ),
        ),
        answer(
            "annealing-09b-multistep",
            on_paper_data=f"{steps[0]:.4f} against {steps[1]:.4f} (cosine to 10 %)",
            on_own_runs=e.own_finals(**stages) if e.own.has(*stages.values()) else NOT_RUN,
            verdict=verdict(steps[0] < steps[1], *beats(e, "multistep-cosine-2x", ["cosine-2x"])),
        ),
    ]


@claim
def optimal_ratio(e: Evidence) -> list[Claim]:
    lengths = (20000, 40000, 60000, 80000, 100_000)
    paper = {f"{n // 1000}K": 100 * best_ratio(e.paper_fit, PAPER_PEAK, PAPER_WARMUP, n) for n in lengths}
    cells = {r: f"wsd{r:02d}-linear-3x" for r in (5, 10, 20, 40)}
    cells = {r: name for r, name in cells.items() if e.own.has(name)}
    like = e.base.schedule
    own, tests, law = NOT_RUN, [], {}
    for x in (1, 3, 10):
        ratio = best_ratio(e.own.fit, like.peak, like.warmup, x * like.steps, "linear")
        law[f"{x}x"] = 100 * ratio
    if len(cells) == 4:
        measured = {r: e.own_final(name) for r, name in cells.items()}
        best = min(measured, key=measured.get)
        inside = min(measured[10], measured[20])
        tests = [e.below(inside, measured[5]), e.below(inside, measured[40])]
        own = f"{best} (law {law['3x']:.0f}): " + e.own_finals(**{f"{r} %": name for r, name in cells.items()})
    return [
        answer(
            "annealing-10a-ratio",
            on_paper_data=f"(law {values(paper, '{:.0f}')})",
            on_own_runs=own,
            verdict=verdict(all(9.5 <= paper[n] <= 20.5 for n in ("60K", "80K", "100K")), *tests),
        ),
        answer(
            "annealing-10b-ratio-falls",
            on_paper_data=f"(law {values(paper, '{:.0f}')})",
            on_own_runs=f"(law {values(law, '{:.0f}')})",
            verdict=verdict(paper["100K"] < paper["20K"], law["10x"] < law["1x"]),
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

    def own(ratio, other):
        names = {"1-sqrt": f"wsd{ratio}-1sqrt-3x", other: f"wsd{ratio}-{other}-3x"}
        if not e.own.has(*names.values()):
            return f"{ratio} %: {NOT_RUN}", None
        return f"{ratio} %: {e.own_finals(**names)}", e.below(*(e.own_final(name) for name in names.values()))

    (at10, best10), (at20, best20), (at40, best40) = own(10, "linear"), own(20, "cosine"), own(40, "linear")
    return [
        answer(
            "annealing-11a-shape-short",
            on_paper_data=f"(law {gap(0.1):+.4f}, 1-sqrt less cosine)",
            on_own_runs=f"{at10}; {at20}",
            verdict=verdict(gap(0.1) < 0, best10, best20),
        ),
        answer(
            "annealing-11b-shape-long",
            on_paper_data=f"(law {gap(0.5):+.4f}, 1-sqrt less cosine)",
            on_own_runs=at40,
            verdict=verdict(gap(0.5) > 0, None if best40 is None else not best40),
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

    law = [peak_and_fall(e.paper_fit.predict(continued(top, 500))[60000:]) for top in (1.0, 0.5)]
    ends = {n: final_of(e.paper_fit, continued(1.0, n)) for n in (500, 5000, 10000)}
    spread = max(ends.values()) - min(ends.values())
    own, tests = NOT_RUN, []
    if e.own.has("rewarm-full", "rewarm-half"):
        rows = []
        for name in ("rewarm-full", "rewarm-half"):
            curve = settled(e.own.curves[name])
            start = turns(curve.schedule)[0][1]
            predicted = e.own.fit.predict(curve)
            rows += [peak_and_fall(loss[curve.step > start]) for loss in (curve.loss, predicted)]
        full, full_law, half, half_law = rows
        own = f"{against(full, half)} (law: {against(full_law, half_law)})"
        tests = [e.below(half[0], full[0]), e.below(half[1], full[1])]
    return [
        answer(
            "annealing-12a-rewarm",
            on_paper_data=f"(law: {against(*law)})",
            on_own_runs=own,
            verdict=verdict(law[0][0] > law[1][0], law[0][1] > law[1][1], *tests),
        ),
        answer(
            "annealing-12b-rewarm-length",
            on_paper_data=f"(law {values(ends, '{:.4f}')})",
            verdict=verdict(spread < 0.005),
        ),
    ]
