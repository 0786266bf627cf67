"""How well the law fits two curves and predicts others (claims 1 to 3)."""

import numpy as np

from analysis.papers.annealing import LIMIT, PAPER
from analysis.papers.annealing.claims.setups import printed
from analysis.papers.annealing.evidence import GIVEN, Evidence
from analysis.papers.claim import NOT_RUN, Claim, claim, verdict
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
    return Claim(
        id="annealing-01-areas",
        claim="The loss follows two areas: the one under the rate (S1) and the one under its annealing (S2)",
        source=f"{PAPER}, Fig. 1",
        paper_value="picture",
        on_paper_data="{:.3f} against {:.3f}".format(*paper),
        on_own_runs="{:.3f} against {:.3f}".format(*own),
        on_public_curves=", ".join(f"{size} {a:.3f} against {b:.3f}" for size, (a, b) in multi.items()),
        unit="% mean error on the fitted curves, with S2 against without",
        verdict=verdict(*(a < b / 2 for a, b in pairs)),
        figure="fig04_s1_s2",
    )


@claim
def similar_shapes(e: Evidence) -> Claim:
    return Claim(
        id="annealing-01b-shapes",
        claim="Learning rate, gradient norm and loss have similar shapes",
        source=f"{PAPER}, Fig. 4",
        paper_value="picture; no points printed",
        verdict=verdict(),
    )


@claim
def two_curve_fit(e: Evidence) -> list[Claim]:
    constants = printed("A")
    found, own = e.paper_fit.params, e.own.fit
    multi = {size: fitted.r2 for size, fitted in e.multi_fit.items()}
    names = ("L0", "A", "alpha", "C")
    return [
        Claim(
            id="annealing-02a-two-curves",
            claim="Four parameters describe a constant and a cosine curve together (R2 at least .999)",
            source=f"{PAPER}, Fig. 2",
            paper_value=".99964",
            on_paper_data=f"{e.paper_fit.r2:.5f}",
            on_own_runs=f"{own.r2:.5f} (lambda fitted: {own.params['lambda']:.4f}), {e.own.paper_fit.r2:.5f} (.999)",
            on_public_curves=values(multi, "{:.5f}"),
            unit="R2 of the fit",
            verdict=verdict(e.paper_fit.r2 >= 0.999, own.r2 >= 0.999, *(r2 >= 0.999 for r2 in multi.values())),
            figure="fig02_fit",
        ),
        Claim(
            id="annealing-02b-constants",
            claim="The fitted constants are reproduced (each within .002)",
            source=f"{PAPER}, Fig. 2",
            paper_value=values({name: constants[name] for name in names}),
            on_paper_data=values({name: found[name] for name in names}),
            on_own_runs=values({name: own.params[name] for name in (*names, "lambda")}),
            unit="L0, A nats per token",
            verdict=verdict(all(abs(found[name] - constants[name]) <= 0.002 for name in names)),
            figure="fig02_fit",
        ),
    ]


# paper's curve, what it printed (%), own run, public curve
UNSEEN = {
    "constant": ("constant_60000", 0.146, "constant-3x", "constant_72000"),
    "cosine": ("cosine_60000", 0.159, "cosine-3x", "cosine_72000"),
    "multi-step cosine": ("multistep_cosine_60000", 0.176, "multistep-cosine-2x", None),
    "WSD": ("wsd_50000", 0.235, "wsd20-linear-3x", "wsdld_20000_24000"),
    "cyclic": ("cyclic_60000", 0.322, "cyclic-2x", None),
}


@claim
def unseen_schedules(e: Evidence) -> list[Claim]:
    return [unseen(e, f"annealing-03{letter}-unseen", label) for letter, label in zip("abcde", UNSEEN, strict=True)]


def unseen(e: Evidence, identity: str, label: str) -> Claim:
    """One schedule that the fit has not seen: its mean error on each kind of evidence."""
    theirs, paper_value, ours, others = UNSEEN[label]
    paper = mean_error(e.paper_fit, [e.unseen[theirs]])
    own = 100 * e.own.score(ours).mean_error if e.own.has(ours) else None
    noise = f", another seed {100 * e.own.noise.relative:.3f}" if e.own.noise else ""
    public, every = {}, {}
    for size, curves in e.multi.items() if others else ():
        run = curves[others]
        fork = max(run.schedule.common_steps(seen.schedule) for seen in e.multi_seen(size))
        public[size] = mean_error(e.multi_fit[size], [run], after=fork)
        every[size] = mean_error(e.multi_fit[size], [run])
    return Claim(
        id=identity,
        claim=f"An unseen {label} schedule is predicted (mean error at most {LIMIT} %)",
        source=f"{PAPER}, Fig. 3",
        paper_value=f"{paper_value:.3f}",
        on_paper_data=f"{paper:.3f}",
        on_own_runs=NOT_RUN if own is None else f"{own:.3f}{noise}",
        on_public_curves=f"{values(public)} after the fork; whole curve {values(every, by=', ')}" if others else "-",
        unit="% mean relative error",
        verdict=verdict(paper <= LIMIT, own_predicted(e, own), *(p <= LIMIT for p in public.values())),
        figure="fig03_unseen",
    )


def own_predicted(e: Evidence, error: float | None) -> bool | None:
    """Whether an error, per cent, lies within LIMIT; None: not run, or above it but not above what another seed changes."""
    if error is None:
        return None
    noise = 100 * e.own.noise.relative if e.own.noise else np.inf
    return None if LIMIT < error <= noise else error <= LIMIT
