"""What a decay or a dip of the rate does to the loss: delay and drop (claims 4 to 6)."""

import numpy as np

from analysis.papers.annealing import noise
from analysis.papers.annealing.evidence import Evidence, delay, law, others, paper_schedule, points, turns
from analysis.papers.annealing.noise import over_seeds, p_of
from analysis.papers.claim import NOT_RUN, Claim, Test, answer, claim, verdict
from losslaws.curves import LossCurve, Schedule
from losslaws.fitting import Fit, final_of
from losslaws.words import values


def rising(numbers, least: float = 0.0) -> bool | None:
    """Whether the last number is above the first by more than `least`; None: it differs by less."""
    change = numbers[-1] - numbers[0]
    return None if abs(change) <= least else bool(change > 0)


def figure_18(e: Evidence, panel: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the polylines (steps, losses) of a panel of Fig. 18, by colour."""
    rows = e.lines[(e.lines["figure"] == "18") & (e.lines["panel"] == panel)]
    return {colour: (g["x"].to_numpy(), g["y"].to_numpy()) for colour, g in rows.groupby("color")}


def paper_dip(fall: int, rise: int) -> Schedule:
    """A constant rate that from step 40K on falls to a tenth over `fall` steps and comes back over `rise`."""
    points = [(0, 1), (40, 1), (40 + fall / 1000, 0.1), (40 + (fall + rise) / 1000, 1), (60, 1)]
    return paper_schedule("polyline", 60000, points=[(k / 60, rate) for k, rate in points])


def law_delay(fitted: Fit, schedule: Schedule) -> int | None:
    """Return the delay that a fit predicts for the first dip of `schedule`; None where its loss does not turn on the rate's way back."""
    return delay(np.arange(1, schedule.steps + 1), fitted.predict(schedule), turns(schedule)[0])


def own_delays(e: Evidence) -> list[tuple[int, list[int | None], int | None]]:
    """Return (steps of the fall, delay of every seed, the law's) for every run with one dip, shortest fall first."""
    found = []
    for kind, curve in e.own.curves.items():
        if curve.schedule.name != "polyline" or len(dips := turns(curve.schedule)) != 1:
            continue
        step, predicted = np.arange(1, curve.schedule.steps + 1), e.own.fit.predict(curve.schedule)
        seeds = [delay(run.step, smooth(run.loss), dips[0]) for run in e.own.runs[kind].values()]
        found.append((dips[0][1] - dips[0][0], seeds, delay(step, predicted, dips[0])))
    return sorted(found, key=lambda row: row[0])


def smooth(loss: np.ndarray, width: int = 5) -> np.ndarray:
    """Return losses as means over `width` neighbouring evaluations: a single one jitters by more than a turn is deep."""
    padded = np.pad(loss, width // 2, mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")


def fell(delays) -> str:
    """Write measured delays, the law's in brackets."""
    rows = []
    for fall, seeds, predicted in delays:
        seen = [d for d in seeds if d is not None]
        measured = f"{np.mean(seen):.0f}" if seen else "no turn seen"
        measured += f" ({len(seen)} of {len(seeds)} seeds turn)" if 0 < len(seen) < len(seeds) else ""
        rows.append(f"{measured} ({'no turn' if predicted is None else predicted}) after {fall}")
    return ", ".join(rows) or NOT_RUN


def later(fall: int, seeds: list[int | None]) -> Test:
    """Whether the loss turns after the rate."""
    seen = [d for d in seeds if d is not None]
    mean, half = over_seeds(seen) if seen else (np.nan, np.inf)
    known = len(seen) == len(seeds) and mean > half
    return Test(
        f"after {fall} steps of fall the loss turns later than the rate",
        True if known else None,
        f"{mean:.0f} steps" if seen else "no turn seen",
        f"{half:.0f}" if np.isfinite(half) else "unknown",
        len(seeds),
    )


def within_two(fall: int, seeds: list[int | None], predicted: int | None) -> Test:
    """Whether the law's delay is within a factor of two of the measured one, for all that its noise allows."""
    seen = [d for d in seeds if d is not None]
    mean, half = over_seeds(seen) if seen else (np.nan, np.inf)
    passed = None
    if predicted is not None and len(seen) == len(seeds) and np.isfinite(half):
        inside = [1 / 2 <= predicted / max(bound, 1) <= 2 for bound in (mean - half, mean, mean + half)]
        passed = True if all(inside) else None if any(inside) else False
    said = "none" if predicted is None else predicted
    return Test(
        f"after {fall} steps of fall the law's delay is within a factor of two",
        passed,
        f"{said} against {mean:.0f}" if seen else f"{said}, no turn seen",
        f"{half:.0f}" if np.isfinite(half) else "unknown",
        len(seeds),
    )


def shorter(own) -> list[Test]:
    """Whether the delay after the longest fall is shorter than after the shortest."""
    if len(own) < 2 or any(d is None for row in (own[0], own[-1]) for d in row[1]):
        return []
    (short, a), (long, b) = (over_seeds(row[1]) for row in (own[0], own[-1]))
    found, half = long - short, float(np.hypot(a, b))
    rule = f"delay after {own[-1][0]} steps of fall less that after {own[0][0]}"
    return [Test(rule, noise.above(-found, half), f"{found:+.0f} steps", f"{half:.0f}", len(own[0][1]))]


@claim
def delays(e: Evidence) -> list[Claim]:
    dip_1k = (40000, 41000, 46000)
    late = [delay(*line, dip_1k) for line in figure_18(e, 0).values()]
    dark, pale = (delay(*figure_18(e, 1)[colour], (40000, 42000, 52000)) for colour in ("#990000", "#ff9999"))
    said = {fall: law_delay(e.paper_fit, paper_dip(fall, 5000)) for fall in (100, 500, 1000, 2000)}
    slow = law_delay(e.paper_fit, paper_dip(2000, 10000))
    own = own_delays(e)
    return [
        answer(
            "annealing-04a-delay",
            on_paper_data=f"{np.median(late):.0f} ({said[1000]}) after 1000",
            on_own_runs=fell(own),
            verdict=verdict(
                points("the printed loss turns after the rate", np.median(late) > 0, f"{np.median(late):.0f} steps"),
                *(later(fall, seeds) for fall, seeds, _ in own),
            ),
        ),
        answer(
            "annealing-04b-delay-size",
            on_paper_data=f"(law {values(said.values(), '{:.0f}')}); read off Fig. 18: {np.median(late):.0f} after 1000",
            on_own_runs=fell(own),
            verdict=verdict(
                points(
                    "the law's delay is within a factor of two of the printed one",
                    1 / 2 <= said[1000] / np.median(late) <= 2,
                    f"{said[1000]} against {np.median(late):.0f}",
                ),
                *(within_two(*row) for row in own),
            ),
        ),
        answer(
            "annealing-04c-delay-fall",
            on_paper_data=f"(law {values(said.values(), '{:.0f}')})",
            on_own_runs=fell(own),
            verdict=verdict(
                law(
                    "delay after 2000 steps shorter than after 100",
                    said[2000] < said[100],
                    f"{said[2000] - said[100]:+.0f} steps",
                ),
                *shorter(own),
            ),
        ),
        answer(
            "annealing-04d-delay-beta2",
            on_paper_data=values(late, "{:.0f}"),
            verdict=verdict(
                points("the printed delays are equal", max(late) == min(late), f"{max(late) - min(late):.0f} apart")
            ),
        ),
        answer(
            "annealing-04e-delay-rewarm",
            on_paper_data=f"{dark} ({slow}) against {pale} ({said[2000]})",
            verdict=verdict(
                points("printed delay longer after the slower rise", dark > pale, f"{dark - pale:+d} steps"),
                law("longer after the slower rise", slow > said[2000]),
            ),
        ),
    ]


# --- the drop that annealing brings


def drop(constant: LossCurve, annealed: LossCurve) -> float:
    """Return how far the end of `annealed` lies below the constant run at the same step."""
    return float(np.interp(annealed.step[-1], constant.step, constant.loss)) - annealed.final_loss


def own_drop_law(e: Evidence, annealed: LossCurve) -> float:
    """Return the same as the experiment's fit has it."""
    steps = annealed.schedule.steps
    return final_of(e.own.fit, e.own_schedule("constant", steps)) - final_of(e.own.fit, annealed.schedule)


def own_drops(e: Evidence) -> dict[str, float]:
    """Return how far wsd20-linear ends below the constant run of its length, measured, by length, shortest first."""
    lengths = ("05x", "1x", "3x")
    return {
        x: e.own.curves[f"constant-{x}"].end_loss - e.own.curves[f"wsd20-linear-{x}"].end_loss
        for x in lengths
        if e.own.has(f"constant-{x}", f"wsd20-linear-{x}")
    }


def drops_grow(e: Evidence, found: dict[str, float]) -> list[Test]:
    """Whether the drop of the longest run is larger than that of the shortest; both are differences within one trunk."""
    if len(found) < 2:
        return []
    short, long = next(iter(found)), list(found)[-1]
    runs = [len(e.own.runs[f"wsd20-linear-{x}"]) for x in (short, long)]
    grows = found[long] - found[short]
    half, p = noise.uncertain(grows, e.own.relations.get(noise.BRANCH), sum(1 / n for n in runs))
    rule = f"drop at {long} less that at {short}"
    return [Test(rule, noise.above(grows, half), f"{grows:+.4f}", f"{half:.4f}", min(runs), p)]


@claim
def drop_grows(e: Evidence) -> list[Claim]:
    lines = e.lines[(e.lines["figure"] == "7") & (e.lines["panel"] == 0)]
    ends = [g["y"].to_numpy()[[0, -1]] for _, g in lines.groupby("color")]
    ends = np.array(sorted(ends, key=lambda pair: pair[0]))  # larger models lie higher
    found = own_drops(e)
    predicted = {x: own_drop_law(e, e.own.curves[f"wsd20-linear-{x}"]) for x in found}
    own = ", ".join(f"{x} {found[x]:.4f} ({predicted[x]:.4f})" for x in found) if len(found) > 1 else NOT_RUN
    grid = {
        peak: [grid_drop(e, peak, steps) for steps in (25000, 50000)]
        for peak in sorted({p for p, _ in e.grid.settings})
    }
    grid = {peak: drops for peak, drops in grid.items() if None not in drops}
    multi = {size: drop(c["constant_24000"], c["wsdld_20000_24000"]) for size, c in e.multi.items()}
    sizes = own_size_drops(e)
    return [
        answer(
            "annealing-05a-drop-steps",
            on_paper_data="; ".join(f"{a:.4f} to {b:.4f}" for a, b in ends) + " (lines of the law)",
            on_own_runs=own,
            on_public_curves="; ".join(
                f"peak {peak:g}: {a:.4f} at 25K, {b:.4f} at 50K" for peak, (a, b) in grid.items()
            ),
            verdict=verdict(
                law("the printed lines rise", bool(np.all(ends[:, 1] > ends[:, 0]))),
                *drops_grow(e, found),
                *(
                    others(
                        f"public, peak {peak:g}: the drop of 20 % grows from 25K to 50K",
                        None if abs(b - a) <= np.sqrt(2) * e.grid.limit else b > a,
                        f"{b - a:+.4f}",
                        f"{np.sqrt(2) * e.grid.limit:.4f}",
                    )
                    for peak, (a, b) in grid.items()
                ),
            ),
        ),
        answer(
            "annealing-05b-drop-size",
            on_paper_data=values(ends[:, 1], "{:.4f}"),
            on_own_runs=values(sizes, "{:.4f}") if sizes else NOT_RUN,
            on_public_curves=values(multi, "{:.4f}"),
            verdict=verdict(
                law("the printed lines lie higher for larger models", bool(rising(ends[:, 1]))),
                others(
                    "public: the drop at 400M less that at 25M",
                    rising(list(multi.values())),
                    f"{list(multi.values())[-1] - next(iter(multi.values())):+.4f}",
                ),
                *sizes_grow(e, sizes),
            ),
        ),
    ]


def grid_drop(e: Evidence, peak: float, steps: int) -> float | None:
    """Return how far a linear decay over 20 % ends below the constant run of the public grid; None where one was not run."""
    constant = next((c for c in e.grid.curves.values() if c.schedule.peak == peak and c.schedule.lr[-1] == peak), None)
    end = e.grid.final("linear", 20, peak, steps)
    if constant is None or end is None:
        return None
    return float(np.interp(steps - 200, constant.step, constant.loss)) - end  # its last evaluation


def own_size_drops(e: Evidence) -> dict[str, float]:
    """Return how far cosine ends below a constant rate, by model, smallest first; empty where only one model ran both."""
    base = e.base.schedule
    found = {}
    for curve in e.own.curves.values():
        if (
            curve.schedule.steps == base.steps
            and curve.schedule.peak == base.peak
            and curve.schedule.lr[-1] == base.peak
        ):
            size = curve.parameters["non_embedding"]
            cosines = [
                c
                for c in e.own.curves.values()
                if c.parameters == curve.parameters
                and c.schedule.name == "cosine"
                and c.schedule.steps == base.steps
                and c.schedule.lr[-1] == 0
                and c.schedule.lr[-2] > 0
                and c.schedule.peak == base.peak
            ]
            if cosines:
                found[size] = curve.end_loss - cosines[0].end_loss
    return {f"{size / 1e6:.2f}M": found[size] for size in sorted(found)} if len(found) > 1 else {}


def sizes_grow(e: Evidence, sizes: dict[str, float]) -> list[Test]:
    """Whether the drop of the largest model is larger than that of the smallest."""
    relation = e.own.relations.get(noise.SCHEDULE)
    if not sizes or relation is None:
        return []
    runs = min(len(seeds) for kind, seeds in e.own.runs.items() if e.own.curves[kind].role == "size")
    smallest, *_, largest = sizes
    grows = sizes[largest] - sizes[smallest]
    half, p = noise.uncertain(grows, relation, 2 / runs)
    rule = f"drop at {largest} less that at {smallest}"
    return [Test(rule, noise.above(grows, half), f"{grows:+.4f}", f"{half:.4f}", runs, p)]


@claim
def annealing_dominates(e: Evidence) -> Claim:
    def share(constant, annealed, start):
        fall = {c.name: np.interp([start, annealed.step[-1]], c.step, c.loss) for c in (constant, annealed)}
        before = fall[constant.name][0]  # both runs are one until the decay
        forward = before - fall[constant.name][1]
        return 100 * (1 - forward / (before - annealed.final_loss))

    paper = share(e.unseen["constant_60000"], e.unseen["wsd_50000"], 40000)
    multi = {size: share(c["constant_24000"], c["wsdld_20000_24000"], 20000) for size, c in e.multi.items()}
    own, tests = NOT_RUN, []
    if e.own.has("constant-3x", "wsd20-linear-3x"):
        constant, annealed = (e.own.runs[kind] for kind in ("constant-3x", "wsd20-linear-3x"))
        each = [share(constant[s], run, run.schedule.steps * 4 // 5) for s, run in annealed.items() if s in constant]
        mean, half = over_seeds(each)
        own = f"{mean:.0f} (seeds {min(each):.0f} to {max(each):.0f})"
        passed = noise.above(mean - 50, half)
        tests = [
            Test(
                "own share above 50 %",
                passed,
                f"{mean:.0f} %",
                f"{half:.0f}" if np.isfinite(half) else "unknown",
                len(each),
                p_of(mean - 50, half, len(each)),
            )
        ]
    return answer(
        "annealing-06-dominates",
        on_paper_data=f"{paper:.0f}",
        on_own_runs=own,
        on_public_curves=values(multi, "{:.0f}"),
        verdict=verdict(
            points("printed share above 50 %", paper > 50, f"{paper:.0f} %"),
            *(others(f"public {size} above 50 %", m > 50, f"{m:.0f} %") for size, m in multi.items()),
            *tests,
        ),
    )
