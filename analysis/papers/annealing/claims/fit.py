"""How well the law fits two curves and predicts others (claims 1 to 3)."""

import numpy as np

from analysis.papers.annealing import LIMIT
from analysis.papers.annealing.claims.setups import printed
from analysis.papers.annealing.evidence import GIVEN, Evidence
from analysis.papers.claim import NOT_RUN, Claim, answer, claim, verdict
from losslaws import laws
from losslaws.fitting import fit, mean_error
from losslaws.words import values


@claim
def two_areas(e: Evidence) -> Claim:
    def worth(law, curves, given):
        """Mean errors with S2 and without it."""
        curves = list(curves)
        with_S2, without = (fit(law, curves, fixed=fixed) for fixed in (given, given | {"C": 0.0} | GIVEN))
        return mean_error(with_S2, curves), mean_error(without, curves)

    plain = laws.build("annealing")
    paper = worth(plain, e.paper.values(), GIVEN)
    own = worth(e.own.fit.law, e.own_seen, {})
    multi = {size: worth(plain, e.multi_seen(size), GIVEN) for size in e.multi}
    pairs = [paper, own, *multi.values()]
    return answer(
        "annealing-01-areas",
        on_paper_data="{:.3f} against {:.3f}".format(*paper),
        on_own_runs="{:.3f} against {:.3f}".format(*own),
        on_public_curves=", ".join(f"{size} {a:.3f} against {b:.3f}" for size, (a, b) in multi.items()),
        verdict=verdict(*(a < b / 2 for a, b in pairs)),
    )


@claim
def similar_shapes(e: Evidence) -> Claim:
    return answer(
        "annealing-01b-shapes",
        verdict=verdict(),
    )


@claim
def two_curve_fit(e: Evidence) -> list[Claim]:
    constants = printed("A")
    found, own = e.paper_fit.params, e.own.fit
    multi = {size: fitted.r2 for size, fitted in e.multi_fit.items()}
    names = ("L0", "A", "alpha", "C")
    return [
        answer(
            "annealing-02a-two-curves",
            on_paper_data=f"{e.paper_fit.r2:.5f}",
            on_own_runs=f"{own.r2:.5f} (lambda fitted: {own.params['lambda']:.4f}), {e.own.paper_fit.r2:.5f} (.999)",
            on_public_curves=values(multi, "{:.5f}"),
            verdict=verdict(e.paper_fit.r2 >= 0.999, own.r2 >= 0.999, *(r2 >= 0.999 for r2 in multi.values())),
        ),
        answer(
            "annealing-02b-constants",
            on_paper_data=values({name: found[name] for name in names}),
            on_own_runs=values({name: own.params[name] for name in (*names, "lambda")}),
            verdict=verdict(all(abs(found[name] - constants[name]) <= 0.002 for name in names)),
        ),
    ]


# paper's curve, own run, public curve
UNSEEN = {
    "constant": ("constant_60000", "constant-3x", "constant_72000"),
    "cosine": ("cosine_60000", "cosine-3x", "cosine_72000"),
    "multi-step cosine": ("multistep_cosine_60000", "multistep-cosine-2x", None),
    "WSD": ("wsd_50000", "wsd20-linear-3x", "wsdld_20000_24000"),
    "cyclic": ("cyclic_60000", "cyclic-2x", None),
}


@claim
def unseen_schedules(e: Evidence) -> list[Claim]:
    return [unseen(e, f"annealing-03{letter}-unseen", label) for letter, label in zip("abcde", UNSEEN, strict=True)]


def unseen(e: Evidence, identity: str, label: str) -> Claim:
    """One schedule that the fit has not seen: its mean error on each kind of evidence."""
    theirs, ours, others = UNSEEN[label]
    paper = mean_error(e.paper_fit, [e.unseen[theirs]])
    own = 100 * e.own.score(ours).mean_error if e.own.has(ours) else None
    noise = f", another seed {100 * e.own.noise.relative:.3f}" if e.own.noise else ""
    public, every = {}, {}
    for size, curves in e.multi.items() if others else ():
        run = curves[others]
        fork = max(run.schedule.common_steps(seen.schedule) for seen in e.multi_seen(size))
        public[size] = mean_error(e.multi_fit[size], [run], after=fork)
        every[size] = mean_error(e.multi_fit[size], [run])
    return answer(
        identity,
        on_paper_data=f"{paper:.3f}",
        on_own_runs=NOT_RUN if own is None else f"{own:.3f}{noise}",
        on_public_curves=f"{values(public)} after the fork; whole curve {values(every, by=', ')}" if others else "-",
        verdict=verdict(paper <= LIMIT, own_predicted(e, own), *(p <= LIMIT for p in public.values())),
    )


def own_predicted(e: Evidence, error: float | None) -> bool | None:
    """Whether an error, per cent, lies within LIMIT; None: not run, or above it but not above what another seed changes."""
    if error is None:
        return None
    noise = 100 * e.own.noise.relative if e.own.noise else np.inf
    return None if LIMIT < error <= noise else error <= LIMIT
