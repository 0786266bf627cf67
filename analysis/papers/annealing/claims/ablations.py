"""What the parts of the law are worth: lambda, exponents, the treatment of warm-up (claims 15 to 17)."""

import numpy as np

from analysis.papers.annealing.claims.effects import law_delay, paper_dip
from analysis.papers.annealing.evidence import (
    GIVEN,
    PAPER_PEAK,
    PAPER_WARMUP,
    Evidence,
    best_ratio,
    law,
    others,
    paper_schedule,
    points,
)
from analysis.papers.claim import NOT_RUN, Claim, answer, claim, verdict
from losslaws import laws
from losslaws.curves import Schedule
from losslaws.curves.runs import settled
from losslaws.fitting import final_of, fit, mean_error
from losslaws.laws._rates import WARMUPS
from losslaws.laws.annealing import PAPER_LAMBDA
from losslaws.words import values


@claim
def decay_factor(e: Evidence) -> Claim:
    form = laws.build("annealing")
    grid = (0.0, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
    objective = {x: fit(form, e.paper.values(), fixed={"lambda": x}).objective for x in grid}
    best = min(objective, key=objective.get)
    multi = {size: fit(form, e.multi_seen(size)) for size in e.multi}
    worse = {size: e.multi_fit[size].objective / fitted.objective for size, fitted in multi.items()}
    own = e.own.paper_fit.objective / e.own.fit.objective
    public = {size: fitted.params["lambda"] for size, fitted in multi.items()}
    return answer(
        "annealing-15a-lambda",
        on_paper_data=f"{best} best; objective x1e4 " + ", ".join(f"{x}: {1e4 * y:.3f}" for x, y in objective.items()),
        on_own_runs=f"{e.own.fit.params['lambda']:.4f} fitted ({own:.2f})",
        on_public_curves=", ".join(f"{size} {public[size]:.4f} ({worse[size]:.2f})" for size in multi),
        verdict=verdict(
            points("printed points: .999 the best of seven", best == PAPER_LAMBDA, f"{best}"),
            others("own runs: objective at .999 within 10 % of the best", own <= 1.1, f"{own:.2f} times"),
            *(others(f"public {size}: the same", ratio <= 1.1, f"{ratio:.2f} times") for size, ratio in worse.items()),
        ),
    )


def ablation(e: Evidence, name: str, parameter: str) -> tuple[dict[str, float], dict[str, float]]:
    """Fit a law with one parameter more; return that parameter and its objective over the plain law's, by evidence."""
    sixty = [e.unseen["constant_60000"], e.unseen["cosine_60000"]]
    own_lambda = {"lambda": e.own.fit.params["lambda"]}
    cases = {"paper": (list(e.paper.values()), GIVEN), "paper 60K": (sixty, GIVEN), "own": (e.own_seen, own_lambda)}
    cases |= {size: (e.multi_seen(size), GIVEN) for size in e.multi}
    found, gain = {}, {}
    for label, (curves, given) in cases.items():
        warmup = e.own.warmup if label == "own" else "as-peak"
        plain = fit(laws.build("annealing", warmup=warmup), curves, fixed=given)
        more = fit(laws.build(name, warmup=warmup), curves, fixed=given)
        found[label], gain[label] = more.params[parameter], more.objective / plain.objective
    return found, gain


@claim
def exponents(e: Evidence) -> list[Claim]:
    rows = []
    for letter, parameter, expected in (("a", "zeta", 1.125), ("b", "epsilon", 0)):
        found, gain = ablation(e, f"annealing_{parameter}", parameter)
        write = {key: f"{found[key]:.3f} ({gain[key]:.2f})" for key in found}
        rows.append(
            answer(
                f"annealing-16{letter}-{parameter}",
                on_paper_data=f"20K {write['paper']}, 60K {write['paper 60K']}",
                on_own_runs=write["own"],
                on_public_curves=", ".join(f"{size} {write[size]}" for size in e.multi),
                verdict=verdict(
                    points(
                        f"printed points at 60K: within .1 of {expected}",
                        abs(found["paper 60K"] - expected) <= 0.1,
                        f"{found['paper 60K']:.3f}",
                    ),
                    *(
                        others(f"{label}: objective falls by at most a fifth", g >= 0.8, f"{g:.2f} times")
                        for label, g in gain.items()
                    ),
                ),
            )
        )
    return rows


@claim
def warmup(e: Evidence) -> list[Claim]:
    unseen_own = [settled(e.own.asked(name)) for name in e.own.role("unseen")]

    def errors(curves, rest, given):
        """Mean error on the unseen curves under each treatment of warm-up."""
        return {w: mean_error(fit(laws.build("annealing", warmup=w), curves, fixed=given), rest) for w in WARMUPS}

    paper = errors(e.paper.values(), e.unseen.values(), GIVEN)
    own = errors(e.own_seen, unseen_own, {}) if unseen_own else {}
    multi = {
        size: errors(e.multi_seen(size), [c for c in e.multi[size].values() if c not in e.multi_seen(size)], GIVEN)
        for size in e.multi
    }
    every = {"printed points": paper, **{f"public {size}": found for size, found in multi.items()}} | (
        {"own runs": own} if own else {}
    )
    return [
        answer(
            "annealing-17a-warmup",
            verdict=verdict(),
        ),
        answer(
            "annealing-17b-warmup-rule",
            on_paper_data=values(paper),
            on_own_runs=values(own) if own else NOT_RUN,
            on_public_curves="; ".join(f"{size}: {values(found)}" for size, found in multi.items()),
            verdict=verdict(
                *(
                    others(f"{label}: best as-peak", min(found, key=found.get) == "as-peak", min(found, key=found.get))
                    for label, found in every.items()
                )
            ),
        ),
    ]


@claim
def decay_factor_effects(e: Evidence) -> Claim:
    low, high = (fit(laws.build("annealing"), e.paper.values(), fixed={"lambda": value}) for value in (0.99, 0.999))
    late = [law_delay(f, paper_dip(1000, 5000)) for f in (low, high)]
    ratio = [100 * best_ratio(f, PAPER_PEAK, PAPER_WARMUP, 60000) for f in (low, high)]
    like, memory = e.base.schedule, 1 / (1 - e.own.fit.params["lambda"])
    seen = e.own_seen
    own = [fit(e.own.fit.law, seen, fixed={"lambda": max(0.0, 1 - 1 / m)}) for m in (memory / 3, 3 * memory)]
    own_ratio = [100 * best_ratio(f, like.peak, like.warmup, 3 * like.steps) for f in own]
    factors = [f.params["lambda"] for f in own]
    return answer(
        "annealing-15b-lambda-effects",
        on_paper_data=f"(delay {late[1]} against {late[0]} steps; share {ratio[1]:.0f} against {ratio[0]:.0f} %)",
        on_own_runs=f"(share {own_ratio[1]:.0f} against {own_ratio[0]:.0f} % at lambda {factors[1]:.4f} and {factors[0]:.4f})",
        verdict=verdict(
            law("longer delay", None not in late and late[1] > late[0], f"{late[0]} to {late[1]} steps"),
            law("larger share", ratio[1] > ratio[0], f"{ratio[1] - ratio[0]:+.0f} %"),
            law("larger share on own runs", own_ratio[1] > own_ratio[0], f"{own_ratio[1] - own_ratio[0]:+.0f} %"),
        ),
    )


def decayed(steps: int, ratio: float, shape) -> Schedule:
    """A constant rate times `shape`(x) over the last `ratio` of all steps, x rising to 1."""
    rate, length = paper_schedule("constant", steps).lr.copy(), round(ratio * steps)
    rate[-length:] *= shape(np.arange(1, length + 1) / length)
    return Schedule(rate, PAPER_WARMUP, "decayed")


@claim
def decay_factor_shape(e: Evidence) -> Claim:
    form, gaps = laws.build("annealing"), {}
    root, square = (decayed(60000, 0.1, shape) for shape in (lambda x: 1 - np.sqrt(x), lambda x: 1 - x**2))
    for value in (0.99, 0.999):
        fitted = fit(form, e.paper.values(), fixed={"lambda": value})
        gaps[value] = final_of(fitted, root) - final_of(fitted, square)
    return answer(
        "annealing-15c-lambda-shape",
        on_paper_data=f"({gaps[0.999]:+.4f} at .999, {gaps[0.99]:+.4f} at .99)",
        verdict=verdict(
            law("1-sqrt lower at .999", gaps[0.999] < 0, f"{gaps[0.999]:+.4f}"),
            law("1-square lower at .99", gaps[0.99] > 0, f"{-gaps[0.99]:+.4f}"),
        ),
    )
