"""What reviewers of the paper held against the law."""

import numpy as np

from analysis.papers.annealing.evidence import PAPER_WARMUP, Evidence, paper_schedule
from analysis.papers.claim import NOT_RUN, Claim, answer, claim, verdict
from losslaws.curves import Schedule
from losslaws.fitting import final_of
from losslaws.words import values

NEAR = 0.005  # relative error up to which the law counts as right, where seeds tell nothing finer


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
    right = None
    if ran and e.own.noise:
        # at every factor the law must be as right as seeds allow: an error that is larger at one of them fails the claim
        right = all(
            abs(e.own_predicted(name) - e.own_final(name)) <= max(e.own.noise.difference, NEAR * e.own_final(name))
            for name in cells.values()
        )
    return answer(
        "annealing-r2-scaled-up",
        on_paper_data=f"(law {values(scaled, '{:.3f}')}: always lower)",
        on_own_runs=e.own_finals(**cells) if ran else NOT_RUN,
        verdict=verdict(right),
    )


def scale(schedule: Schedule, factor: float) -> Schedule:
    """Return `schedule` with every rate times `factor`."""
    return Schedule(factor * schedule.lr, schedule.warmup, schedule.name)
