"""The power laws themselves, on our own runs."""

from analysis.papers.claim import Claim, Test, answer, claim, verdict
from analysis.papers.kaplan.evidence import Evidence
from losslaws.fitting.metrics import score
from losslaws.words import percent

# letter, name of the fit, what is said of it, its printed exponent
ONE_RESOURCE = (
    ("a", "size", "size N, at one length", "size.alpha"),
    ("b", "tokens", "length D of a text that is repeated until the loss rises", "tokens.alpha"),
    ("c", "compute", "compute C, at the best size for it", "compute.alpha"),
)


def worst(e: Evidence, of: str) -> float:
    """Largest relative error of a law on the losses that it was fitted to."""
    found = e.own_fits[of][0]
    return max(score(found.predict(run), run.loss).worst_error for run in e.points[of])


LIMIT = 0.02  # relative error up to which a law describes losses; what seeds hide beyond it tells nothing of the law


def follows(e: Evidence, of: str) -> list[Test]:
    """Whether a law meets every loss within LIMIT; undecided where the means over seeds are as uncertain, or there are no more points than parameters."""
    if of not in e.own_fits or e.own.noise is None:
        return []
    found, error = e.own_fits[of][0], 2 * e.own.error
    free = found.points - len(found.free)
    if free <= 0:
        return [Test("more points than parameters", None, f"{found.points} of {len(found.free)}")]
    off = worst(e, of)
    passed = None if (off > LIMIT and off <= error) or error > LIMIT else off <= LIMIT
    rule = f"largest error at most {100 * LIMIT:g} %, with {free} points more than parameters"
    return [Test(rule, passed, percent(off), percent(error), len(e.own.noise.pairs))]


def beside(e: Evidence, of: str) -> str:
    """Write the largest error of a law beside what is uncertain in a mean over seeds; nothing where either is not known."""
    if of not in e.own_fits or e.own.noise is None:
        return ""
    return f", worst error {percent(worst(e, of))} beside {percent(2 * e.own.error)}"


@claim
def one_resource(e: Evidence) -> list[Claim]:
    return [
        answer(
            f"kaplan-01{letter}-{of}",
            on_own_runs=e.exponent(of) + beside(e, of),
            verdict=verdict(*follows(e, of)),
        )
        for letter, of, label, printed in ONE_RESOURCE
    ]


@claim
def two_resources(e: Evidence) -> list[Claim]:
    both = e.exponent("both", "alpha_N"), e.exponent("both", "alpha_D")
    steps = e.exponent("minimal steps"), e.exponent("minimal steps", "beta")
    plain = e.exponent("steps"), e.exponent("steps", "beta")
    return [
        answer(
            "kaplan-02a-size-and-tokens",
            on_own_runs=f"alpha_N {both[0]}, alpha_D {both[1]}{beside(e, 'both')}",
            verdict=verdict(*follows(e, "both")),
        ),
        answer(
            "kaplan-02b-size-and-steps",
            on_own_runs=f"alpha_N {steps[0]}, alpha_S {steps[1]}{beside(e, 'minimal steps')}; in S instead of S_min "
            f"alpha_N {plain[0]}, alpha_S {plain[1]}",
            verdict=verdict(*follows(e, "minimal steps")),
        ),
    ]
