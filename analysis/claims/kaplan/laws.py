"""The power laws themselves, on our own runs."""

from analysis.claims import Claim, claim, verdict
from analysis.claims.kaplan import PAPER
from analysis.claims.kaplan.evidence import Evidence
from analysis.metrics import score
from analysis.papers import kaplan
from analysis.tables import percent


def worst(e: Evidence, of: str) -> float | None:
    """Largest relative error of a law on the final losses that it was fitted to; None: not run."""
    if of not in e.own_fits:
        return None
    found = e.own_fits[of][0]
    return max(score(found.predict(run), run.loss).worst_error for run in e.finals[of])


def follows(e: Evidence, of: str) -> bool | None:
    """Whether a law meets every final loss within what another seed changes; None: it has no more points than parameters."""
    error, noise = worst(e, of), e.own.noise if e.own else None
    if error is None or noise is None or e.own_fits[of][0].points <= len(e.own_fits[of][0].free):
        return None
    return error <= noise.relative


def beside(e: Evidence, of: str) -> str:
    """Write the largest error of a law beside what another seed changes; nothing where either is not known."""
    error, noise = worst(e, of), e.own.noise if e.own else None
    return "" if error is None or noise is None else f", worst error {percent(error)} beside {percent(noise.relative)}"


@claim
def one_resource(e: Evidence) -> list[Claim]:
    rows = []
    for letter, of, label, printed in (
        ("a", "size", "size N", "size.alpha"),
        ("b", "tokens", "text D", "tokens.alpha"),
    ):
        rows.append(
            Claim(
                id=f"kaplan-01{letter}-{of}",
                claim=f"The loss falls as a power of the {label} where nothing else is short (within seed noise)",
                source=f"{PAPER}, Fig. 1, Table 5",
                paper_value=f"exponent {kaplan.value(printed)}",
                on_own_runs=e.exponent(of) + beside(e, of),
                unit="exponent with 95 % interval; our runs are short of text as well as small",
                verdict=verdict(follows(e, of)),
                figure="fig03_own_runs",
            )
        )
    return rows


@claim
def size_and_tokens(e: Evidence) -> Claim:
    return Claim(
        id="kaplan-02-size-and-tokens",
        claim="One law of four constants describes size and text together (within seed noise)",
        source=f"{PAPER}, Eq. 1.5, Table 2",
        paper_value="alpha_N .076, alpha_D .103",
        on_own_runs=f"alpha_N {e.exponent('both', 'alpha_N')}, alpha_D {e.exponent('both', 'alpha_D')}",
        unit="exponents with 95 % intervals",
        verdict=verdict(follows(e, "both")),
        figure="fig03_own_runs",
    )
