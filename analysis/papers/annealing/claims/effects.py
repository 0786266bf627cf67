"""What a decay or a dip of the rate does to the loss: delay and drop (claims 4 to 6)."""

import numpy as np

from analysis.papers.annealing.evidence import Evidence, delay, paper_schedule, turns
from analysis.papers.claim import NOT_RUN, Claim, answer, claim, verdict
from losslaws.curves import LossCurve, Schedule
from losslaws.curves.runs import settled
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


def law_delay(fitted: Fit, schedule: Schedule) -> int:
    """Return the delay that a fit predicts for the first dip of `schedule`."""
    return delay(np.arange(1, schedule.steps + 1), fitted.predict(schedule), turns(schedule)[0])


def own_delays(e: Evidence) -> list[tuple[int, int, int]]:
    """Return (steps of the fall, measured delay, predicted delay) for every dip of the run "dip", shortest fall first."""
    if not e.own.has("dip"):
        return []
    curve = settled(e.own.curves["dip"])
    step, law = np.arange(1, curve.schedule.steps + 1), e.own.fit.predict(curve.schedule)
    dips = turns(curve.schedule)
    return sorted((t[1] - t[0], delay(curve.step, curve.loss, t), delay(step, law, t)) for t in dips)


def fell(delays) -> str:
    return ", ".join(f"{measured} ({law}) after {fall}" for fall, measured, law in delays) or NOT_RUN


@claim
def delays(e: Evidence) -> list[Claim]:
    dip_1k = (40000, 41000, 46000)
    late = [delay(*line, dip_1k) for line in figure_18(e, 0).values()]
    dark, pale = (delay(*figure_18(e, 1)[colour], (40000, 42000, 52000)) for colour in ("#990000", "#ff9999"))
    law = {fall: law_delay(e.paper_fit, paper_dip(fall, 5000)) for fall in (100, 500, 1000, 2000)}
    slow = law_delay(e.paper_fit, paper_dip(2000, 10000))
    own = own_delays(e)
    near = [1 / 2 <= law_size / max(measured, 1) <= 2 for _, measured, law_size in own]
    return [
        answer(
            "annealing-04a-delay",
            on_paper_data=f"{np.median(late):.0f} ({law[1000]}) after 1000",
            on_own_runs=fell(own),
            verdict=verdict(np.median(late) > 0, *(measured > 0 for _, measured, _ in own)),
        ),
        answer(
            "annealing-04b-delay-size",
            on_paper_data=f"(law {values(law.values(), '{:.0f}')}); read off Fig. 18: {np.median(late):.0f} after 1000",
            on_own_runs=fell(own),
            verdict=verdict(1 / 2 <= law[1000] / np.median(late) <= 2, *near),
        ),
        answer(
            "annealing-04c-delay-fall",
            on_paper_data=f"(law {values(law.values(), '{:.0f}')})",
            on_own_runs=fell(own),
            verdict=verdict(law[2000] < law[100], own[-1][1] < own[0][1] if len(own) > 1 else None),
        ),
        answer(
            "annealing-04d-delay-beta2",
            on_paper_data=values(late, "{:.0f}"),
            verdict=verdict(max(late) == min(late)),
        ),
        answer(
            "annealing-04e-delay-rewarm",
            on_paper_data=f"{dark} ({slow}) against {pale} ({law[2000]})",
            verdict=verdict(dark > pale, slow > law[2000]),
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


@claim
def drop_grows(e: Evidence) -> list[Claim]:
    lines = e.lines[(e.lines["figure"] == "7") & (e.lines["panel"] == 0)]
    ends = [g["y"].to_numpy()[[0, -1]] for _, g in lines.groupby("color")]
    ends = np.array(sorted(ends, key=lambda pair: pair[0]))  # larger models lie higher
    cells = {x: f"wsd20-linear-{x}" for x in ("05x", "1x", "2x", "3x")}
    cells = {x: e.own.curves[name] for x, name in cells.items() if e.own.has(name)}
    own, test = NOT_RUN, None
    if len(cells) > 1 and e.own.has("constant-3x"):
        found = [drop(e.own.curves["constant-3x"], curve) for curve in cells.values()]
        law = [own_drop_law(e, curve) for curve in cells.values()]
        own = ", ".join(f"{x} {a:.4f} ({b:.4f})" for x, a, b in zip(cells, found, law, strict=True))
        test = rising(found, e.own.noise.difference if e.own.noise else np.inf)
    multi = {size: drop(c["constant_24000"], c["wsdld_20000_24000"]) for size, c in e.multi.items()}
    sizes = own_size_drops(e)
    return [
        answer(
            "annealing-05a-drop-steps",
            on_paper_data="; ".join(f"{a:.4f} to {b:.4f}" for a, b in ends) + " (lines of the law)",
            on_own_runs=own,
            verdict=verdict(bool(np.all(ends[:, 1] > ends[:, 0])), test),
        ),
        answer(
            "annealing-05b-drop-size",
            on_paper_data=values(ends[:, 1], "{:.4f}"),
            on_own_runs=values(sizes, "{:.4f}") if sizes else NOT_RUN,
            on_public_curves=values(multi, "{:.4f}"),
            verdict=verdict(
                rising(ends[:, 1]),
                rising(list(multi.values())),
                rising(list(sizes.values()), e.own.noise.difference) if sizes and e.own.noise else None,
            ),
        ),
    ]


def own_size_drops(e: Evidence) -> dict[str, float]:
    """Return how far cosine-1x ends below constant-1x, by model, smallest first; empty where only one model ran both."""
    pairs = [
        (c.parameters["non_embedding"], c, e.own.curves[name.replace("constant", "cosine", 1)])
        for name, c in e.own.curves.items()
        if name.startswith("constant-1x") and c.seed == e.base.seed and e.own.has(name.replace("constant", "cosine", 1))
    ]
    pairs.sort(key=lambda pair: pair[0])
    return {f"{n / 1e6:.2f}M": drop(a, b) for n, a, b in pairs} if len(pairs) > 1 else {}


@claim
def annealing_dominates(e: Evidence) -> Claim:
    def share(constant, annealed, start):
        fall = {c.name: np.interp([start, annealed.step[-1]], c.step, c.loss) for c in (constant, annealed)}
        before = fall[constant.name][0]  # both runs are one until the decay
        forward = before - fall[constant.name][1]
        return 100 * (1 - forward / (before - annealed.final_loss))

    paper = share(e.unseen["constant_60000"], e.unseen["wsd_50000"], 40000)
    multi = {size: share(c["constant_24000"], c["wsdld_20000_24000"], 20000) for size, c in e.multi.items()}
    own = None
    if e.own.has("constant-3x", "wsd20-linear-3x"):
        annealed = e.own.curves["wsd20-linear-3x"]
        own = share(e.own.curves["constant-3x"], annealed, annealed.schedule.steps * 4 // 5)
    return answer(
        "annealing-06-dominates",
        on_paper_data=f"{paper:.0f}",
        on_own_runs=NOT_RUN if own is None else f"{own:.0f}",
        on_public_curves=values(multi, "{:.0f}"),
        verdict=verdict(paper > 50, *(m > 50 for m in multi.values()), None if own is None else own > 50),
    )
