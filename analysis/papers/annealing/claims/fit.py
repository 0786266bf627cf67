"""How well the law fits two curves and predicts others (claims 1 to 3)."""

import numpy as np
from scipy.stats import spearmanr

from analysis.papers.annealing import LIMIT
from analysis.papers.annealing.claims.effects import smooth
from analysis.papers.annealing.claims.setups import printed
from analysis.papers.annealing.evidence import GIVEN, Evidence, others, points
from analysis.papers.annealing.noise import above, over_seeds, p_of
from analysis.papers.claim import NOT_RUN, Claim, Test, answer, claim, verdict
from losslaws import laws
from losslaws.curves import LossCurve
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
    unseen = helps(e)
    return answer(
        "annealing-01-areas",
        on_paper_data="{:.3f} against {:.3f}".format(*paper),
        on_own_runs="{:.3f} against {:.3f}".format(*own) + f"; unseen: {unseen.difference}",
        on_public_curves=", ".join(f"{size} {a:.3f} against {b:.3f}" for size, (a, b) in multi.items()),
        verdict=verdict(
            points("with S2 the error on the printed curves is less than half", paper[0] < paper[1] / 2),
            others("the same on our fitted curves", own[0] < own[1] / 2),
            *([unseen] if unseen.runs else []),
            *(others(f"the same on public {size}", a < b / 2) for size, (a, b) in multi.items()),
        ),
    )


def helps(e: Evidence) -> Test:
    """Whether, of unseen kinds, the law with S2 ends nearer than without it by more than seeds explain."""
    table = e.own.predictions().query("fit == 'annealing' and role != 'fit'")
    table = table[table["standard_error"].notna()]
    gain = table["without_S2_final"].abs() - table["final_error"].abs()
    better, worse = (gain > 2 * table["standard_error"]).sum(), (gain < -2 * table["standard_error"]).sum()
    passed = False if worse else True if better == len(table) else None
    said = (
        f"nearer at {better}, farther at {worse}, not to be told at {len(table) - better - worse} of {len(table)} ends"
    )
    return Test(
        "with S2 every unseen end is told nearer than with C = 0, beyond twice its standard error",
        passed,
        said,
        "",
        len(e.own.seeds) if len(table) else 0,
    )


SHAPE = "cyclic-2x"  # a run whose rate falls and rises several times
ALIKE = 0.5  # rank correlation from which on two curves have similar shapes


@claim
def similar_shapes(e: Evidence) -> Claim:
    runs = e.own.runs.get(SHAPE, {})
    runs = {seed: run for seed, run in runs.items() if run.grad_norm is not None}
    if not runs:
        return answer("annealing-01b-shapes", on_own_runs=NOT_RUN, verdict=verdict())
    tests, said = [], []
    for name in ("gradient norm", "loss"):
        found, half = over_seeds([alike(run, name) for run in runs.values()])
        passed = above(found - ALIKE, half)
        tests.append(
            Test(
                f"rank correlation of rate and {name} above {ALIKE:g}",
                passed,
                f"{found:+.2f}",
                f"{half:.2f}",
                len(runs),
                p_of(found - ALIKE, half, len(runs)),
            )
        )
        said.append(f"rate and {name} {found:+.2f}")
    return answer(
        "annealing-01b-shapes", on_own_runs=f"{', '.join(said)} ({SHAPE}, after its warm-up)", verdict=verdict(*tests)
    )


def alike(run: LossCurve, name: str) -> float:
    """Return the rank correlation (Spearman) of the rate with the gradient norm or the validation loss, past the warm-up.

    The norm is a mean over 51 steps; of the loss, the trend (a power law in steps, fitted in logs) is taken out.
    """
    step = run.step[run.step > 2 * run.schedule.warmup]
    rate = run.schedule.lr[step - 1]
    if name == "gradient norm":
        values = smooth(run.grad_norm, 51)[step - 1]
    else:
        loss = run.loss[np.isin(run.step, step)]
        values = loss - np.exp(np.polyval(np.polyfit(np.log(step), np.log(loss), 1), np.log(step)))
    return float(spearmanr(rate, values).statistic)


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
            verdict=verdict(
                points("printed points: R2 at least .999", e.paper_fit.r2 >= 0.999, f"{e.paper_fit.r2:.5f}"),
                others("own runs: R2 at least .999", own.r2 >= 0.999, f"{own.r2:.5f}"),
                *(others(f"public {size}: R2 at least .999", r2 >= 0.999, f"{r2:.5f}") for size, r2 in multi.items()),
            ),
        ),
        answer(
            "annealing-02b-constants",
            on_paper_data=values({name: found[name] for name in names}),
            on_own_runs=values({name: own.params[name] for name in (*names, "lambda")}),
            verdict=verdict(
                *(
                    points(
                        f"{n} within .002 of the printed",
                        abs(found[n] - constants[n]) <= 0.002,
                        f"{found[n] - constants[n]:+.4f}",
                    )
                    for n in names
                )
            ),
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
    theirs, ours, public_name = UNSEEN[label]
    paper = mean_error(e.paper_fit, [e.unseen[theirs]])
    own = e.own.score(ours) if e.own.has(ours) else None
    tests = [own_predicted(e, ours, 100 * own.mean_error)] if own else []
    public, every = {}, {}
    for size, curves in e.multi.items() if public_name else ():
        run = curves[public_name]
        fork = max(run.schedule.common_steps(seen.schedule) for seen in e.multi_seen(size))
        public[size] = mean_error(e.multi_fit[size], [run], after=fork)
        every[size] = mean_error(e.multi_fit[size], [run])
    return answer(
        identity,
        on_paper_data=f"{paper:.3f}",
        on_own_runs=NOT_RUN
        if own is None
        else f"{100 * own.mean_error:.3f}, at the end {100 * own.final_error:+.3f}; {without(e, ours)}",
        on_public_curves=f"{values(public)} after the fork; whole curve {values(every, by=', ')}"
        if public_name
        else "-",
        verdict=verdict(
            points(f"printed curve within {LIMIT} %", paper <= LIMIT, f"{paper:.3f}"),
            *tests,
            *(
                others(f"public {size} within {LIMIT} % after the fork", p <= LIMIT, f"{p:.3f}")
                for size, p in public.items()
            ),
        ),
    )


def own_predicted(e: Evidence, name: str, error: float) -> Test:
    """Whether a mean error, per cent, lies within LIMIT; undecided where twice its standard error over seeds reaches the limit."""
    noise = 200 * e.own.standard_error(name)
    known = f"{noise:.3f}" if np.isfinite(noise) else "unknown"
    passed = None if not np.isfinite(noise) or abs(error - LIMIT) <= noise else error <= LIMIT
    return Test(f"own {name}: mean error at most {LIMIT} %", passed, f"{error:.3f} %", known, len(e.own.runs[name]))


def without(e: Evidence, name: str) -> str:
    """What the same law without S2 and a power law in steps err by on one kind."""
    table = e.own.predictions().query("fit == 'annealing' and curve == @name")
    row = table.iloc[0]
    return f"with C = 0 {100 * row['without_S2']:.3f}, power law in steps {100 * row['steps_power']:.3f}"
