"""What reviewers of the paper held against the law."""

import numpy as np

from analysis.papers.annealing.evidence import PAPER_WARMUP, Evidence, paper_schedule
from analysis.papers.claim import NOT_RUN, Claim, answer, claim, verdict
from losslaws.curves import Schedule
from losslaws.fitting import final_of
from losslaws.words import values


@claim
def zero_tail(e: Evidence) -> Claim:
    tail = np.concatenate([paper_schedule("wsd", 20000, decay=0.2).lr, np.zeros(2000)])
    before, after = e.paper_fit.predict(Schedule(tail, PAPER_WARMUP))[[19999, -1]]
    own, test = NOT_RUN, None
    if e.own.has("zero-tail"):
        curve = e.own.curves["zero-tail"]
        end = int(np.flatnonzero(curve.schedule.lr)[-1]) + 2  # the first step at rate zero
        at = curve.step[curve.step >= end][[0, -1]]
        measured, law = curve.at(at[1]) - curve.at(at[0]), np.subtract(*e.own.fit.predict(curve, at)[::-1])
        own = f"{measured:+.4f} ({law:+.4f})"
        test = abs(law - measured) <= e.own.noise.std if e.own.noise else None
    return answer(
        "annealing-r1-zero-tail",
        on_paper_data=f"({after - before:+.4f} over 2000 steps after 20000)",
        on_own_runs=own,
        verdict=verdict(abs(after - before) < 1e-4, test),
    )


@claim
def scaled_up(e: Evidence) -> Claim:
    scaled = {f"{k}x": final_of(e.paper_fit, scale(paper_schedule("cosine", 20000), k)) for k in (1, 4, 10)}
    cells = {"1x": "cosine-05x", "4x": "peak4-05x", "10x": "peak10-05x"}
    ran = e.own.has(*cells.values())
    tests = []
    if ran:
        reversal = e.below(e.own_final("cosine-05x"), e.own_final("peak10-05x"))
        lowered = e.own_predicted("peak10-05x") < e.own_predicted("cosine-05x")
        tests = [None if reversal is None else not (reversal and lowered)]
    return answer(
        "annealing-r2-scaled-up",
        on_paper_data=f"(law {values(scaled, '{:.3f}')}: always lower)",
        on_own_runs=e.own_finals(**cells) if ran else NOT_RUN,
        verdict=verdict(*tests),
    )


def scale(schedule: Schedule, factor: float) -> Schedule:
    """Return `schedule` with every rate times `factor`."""
    return Schedule(factor * schedule.lr, schedule.warmup, schedule.name)
