"""muP on our own runs over widths: basins, wider is better, activations, and what leaving a part out does."""

from analysis.papers.claim import Claim, Test, answer, claim, verdict
from analysis.papers.mup.claims.published import NOT_RUN
from analysis.papers.mup.evidence import FLAT, Evidence
from analysis.papers.mup.transfer import MUP, STANDARD, Forecast
from losslaws.words import values


def each(e: Evidence, say) -> str:
    """Write what `say` finds for each parametrisation of our runs."""
    return "; ".join(f"{kind}: {say(kind)}" for kind in e.own.kinds) if e.own else NOT_RUN


@claim
def every_step(e: Evidence) -> Claim:
    def say(kind):
        better, strictly = e.own.wider(kind), e.own.wider(kind, allowed=0.0)
        return f"{better.sum()} of {better.size} evaluations ({strictly.sum()} strictly) over {len(e.own.chosen(kind))} widths"

    return answer(
        "mup-06-every-step",
        on_own_runs=each(e, say),
        verdict=verdict(*(falls(e, part) for part in (1, 2) if e.own)),
    )


BEYOND = (
    3.0  # standard deviations between seeds that decide a step in width; there are some fifty steps and evaluations
)


def falls(e: Evidence, part: int) -> Test:
    """Whether under muP every step in width lowers the loss by more than seeds do, at every evaluation of the last 1 / `part` of the run."""
    every = e.own.falls(MUP)
    least, seeds = every[:, every.shape[1] * (part - 1) // part :].min(), min(map(len, e.own.chosen(MUP).values()))
    passed = None if abs(least) <= BEYOND else bool(least > 0)
    where = "at every evaluation" if part == 1 else "in the second half of the run"
    rule = (
        f"the least fall of the loss with a step in width, {where}, above {BEYOND:g} standard deviations between seeds"
    )
    return Test(rule, passed, f"{least:.1f}", f"{BEYOND:g}", seeds)


@claim
def basins(e: Evidence) -> Claim:
    def say(kind):
        moves, far = e.own.moves(kind), e.own.near(kind)[-1]
        return f"{values(moves.values(), '{:+.0f}')} (loses {100 * e.own.penalty(kind, far):.2f} % at width {far})"

    return answer(
        "mup-07-basins",
        on_own_runs=each(e, say),
        verdict=verdict(stays(e, MUP, True), stays(e, STANDARD, False)) if e.own else verdict(),
    )


def stays(e: Evidence, kind: str, expected: bool) -> Test:
    """Whether the best rate stays within a factor of 2 over widths; undecided unless it was looked for far enough, and lies inside."""
    own = e.own
    moved = max(map(abs, own.moves(kind).values()))
    known = own.wide(kind) and all(own.inside(kind, width) for width in own.near(kind))
    where = (
        ""
        if known
        else "; rates were not tried a factor of 4 to each side of it at every width, or the best is the outermost"
    )
    passed = bool(moved <= 1) == expected
    if kind != MUP and moved > 1:
        known = True  # it moved, whatever lies beyond
    rule = f"{kind}: the best rate {'stays' if expected else 'does not stay'} within a factor of 2"
    seeds = min(len(runs) for width in own.near(kind) for runs in own.runs(kind, width).values())
    return Test(rule, passed if known else None, f"moves by 2^{moved:.0f}{where}", "a factor of 2 between rates", seeds)


@claim
def activations(e: Evidence) -> Claim:
    made = e.own is not None and e.coordinates is not None

    def say(kind):
        spreads = e.spreads(kind)
        return f"{100 * spreads.iloc[-1]:.0f} % (at step {spreads.idxmax()} {100 * spreads.max():.0f} %)"

    return answer(
        "mup-08-coordinates",
        on_own_runs=each(e, say) if made else NOT_RUN,
        verdict=verdict(*(flat(e, kind) for kind in (MUP, STANDARD))) if made else verdict(),
    )


def flat(e: Evidence, kind: str) -> Test:
    """Whether activations are as large at every width, at every step of the check; of the standard parametrisation, whether not."""
    most = e.spreads(kind).max()
    rule = (
        f"{kind}: largest change over widths, at any step, {'at most' if kind == MUP else 'above'} {100 * FLAT:.0f} %"
    )
    return Test(rule, bool(most <= FLAT) == (kind == MUP), f"{100 * most:.0f} %", runs=1)


@claim
def controls(e: Evidence) -> Claim:
    others = [kind for kind in e.own.kinds if kind != MUP] if e.own else []
    return answer(
        "mup-09-controls",
        on_own_runs=each(e, lambda kind: f"fails {', '.join(e.failed(kind)) or 'none'}"),
        verdict=verdict(*(fails(e, kind) for kind in others)),
    )


def fails(e: Evidence, kind: str) -> Test:
    """Whether what is not muP fails at least one of its checks."""
    found, seeds = e.failed(kind), min(len(runs) for runs in e.own.chosen(kind).values())
    return Test(f"{kind} fails a check", bool(found), ", ".join(found) or "none", runs=seeds)


@claim
def cost(e: Evidence) -> Claim:
    largest = [f for f in e.forecasts if f.of == "parameters" and f.width == e.own.targets(f.kind)[-1]]
    cheap = [f for f in largest if f.kind == MUP and not f.tuned]
    both = [f for f in e.forecasts if f.kind == MUP and not f.tuned and f.width == e.own.targets(MUP)[-1]]
    how = {False: "rate of the smallest width", True: "rate of each width"}
    said = "; ".join(f"{f.kind}, {how[f.tuned]}: {100 * f.error:+.2f} % at {100 * f.cost:.0f} %" for f in largest)
    return answer(
        "mup-10-cost",
        on_own_runs=f"{said}; another seed: {100 * e.own.noise:.2f} %" if largest else NOT_RUN,
        verdict=verdict(
            *(near(f) for f in both),
            *(Test("for at most a quarter of the cost", f.cost <= 0.25, f"{100 * f.cost:.0f} %") for f in cheap),
        ),
    )


def near(f: Forecast) -> Test:
    """Whether a width is foretold within 1 %; undecided where seeds alone can carry the error over that."""
    passed = None if abs(abs(f.error) - 0.01) <= f.noise else bool(abs(f.error) <= 0.01)
    rule = f"widest foretold within 1 % from {f.of}"
    return Test(rule, passed, f"{100 * f.error:+.2f} %", f"{100 * f.noise:.2f} %", f.by_seed.size)
