"""What reviewers of the paper held against the law."""

import numpy as np

from analysis.papers.annealing.evidence import PAPER_WARMUP, Evidence, law, paper_schedule
from analysis.papers.claim import NOT_RUN, Claim, Test, answer, claim, verdict
from losslaws.curves import Schedule
from losslaws.fitting import final_of
from losslaws.words import values

NEAR = 0.005  # relative error up to which the law counts as right
STILL = 1e-3  # nats by which its loss may move over steps that change nothing
SCALED = {"1x": "cosine-05x", "2x": "peak2-05x", "4x": "peak4-05x", "8x": "peak8-05x"}


@claim
def zero_tail(e: Evidence) -> Claim:
    tail = np.concatenate([paper_schedule("wsd", 20000, decay=0.2).lr, np.zeros(2000)])
    before, after = e.paper_fit.predict(Schedule(tail, PAPER_WARMUP))[[19999, -1]]
    own, tests = NOT_RUN, []
    if e.own.has("zero-tail"):
        curve = e.own.curves["zero-tail"]
        first = int(np.flatnonzero(curve.schedule.lr)[-1]) + 2  # the first step at rate zero
        at = curve.step[curve.step >= first][[0, -1]]
        measured, said = curve.at(at[1]) - curve.at(at[0]), np.subtract(*e.own.fit.predict(curve, at)[::-1])
        own = f"{measured:+.4f} ({said:+.4f}) from step {at[0]} to {at[1]}, rate zero from {first}"
        rule = f"over the tail the law's loss moves by at most {STILL:g} more than the measured"
        tests = [
            Test(
                rule,
                bool(abs(said - measured) <= STILL),
                f"{said - measured:+.4f}",
                "0: weights stand still",
                len(e.own.runs["zero-tail"]),
            )
        ]
    return answer(
        "annealing-r1-zero-tail",
        on_paper_data=f"({after - before:+.4f} over 2000 steps after 20000)",
        on_own_runs=own,
        verdict=verdict(
            law(
                "moves by less than .0001 over 2000 steps at rate zero",
                abs(after - before) < 1e-4,
                f"{after - before:+.4f}",
            ),
            *tests,
        ),
    )


@claim
def scaled_up(e: Evidence) -> Claim:
    scaled = {f"{k}x": final_of(e.paper_fit, scale(paper_schedule("cosine", 20000), k)) for k in (1, 4, 10)}
    cells = {factor: name for factor, name in SCALED.items() if e.own.has(name)}
    return answer(
        "annealing-r2-scaled-up",
        on_paper_data=f"(law {values(scaled, '{:.3f}')}: always lower)",
        on_own_runs=e.own_finals(**cells) if len(cells) > 1 else NOT_RUN,
        verdict=verdict(*(right(e, factor, name) for factor, name in cells.items() if len(cells) > 1)),
    )


def right(e: Evidence, factor: str, name: str) -> Test:
    """Whether the law is right at one factor, within NEAR; undecided where what seeds change reaches that limit."""
    found = e.own_predicted(name) / e.own_final(name) - 1
    half = e.spread(name) / e.own_final(name)
    passed = None if not np.isfinite(half) or abs(abs(found) - NEAR) <= half else abs(found) <= NEAR
    known = f"{100 * half:.2f} %" if np.isfinite(half) else "unknown"
    return Test(
        f"at {factor} the rate the law is within {100 * NEAR:g} %",
        passed,
        f"{100 * found:+.2f} %",
        known,
        len(e.own.runs[name]),
    )


def scale(schedule: Schedule, factor: float) -> Schedule:
    """Return `schedule` with every rate times `factor`."""
    return Schedule(factor * schedule.lr, schedule.warmup, schedule.name)
