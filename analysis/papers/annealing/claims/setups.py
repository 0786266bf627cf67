"""Other set-ups and sizes whose points the paper printed (claim 18)."""

from collections.abc import Iterable

import numpy as np

from analysis.papers.annealing import LIMIT
from analysis.papers.annealing.evidence import GIVEN, Evidence, others, points
from analysis.papers.claim import NOT_RUN, Claim, answer, claim, verdict
from losslaws import laws
from losslaws.curves import LossCurve
from losslaws.curves.public import annealing_paper_large
from losslaws.fitting import Fit, fit, mean_error, r_squared
from losslaws.words import values

NEAR = 0.05  # points of a mean error within which a printed one counts as reproduced
CLOSE_R2 = 1e-3

# constants printed with the fits: L0, A, alpha, C at lambda .999, and the curves that they were fitted on
PRINTED = {
    "A": ((2.628, 0.429, 0.550, 0.411), ("constant", "cosine")),
    "B": ((2.761, 0.517, 0.491, 0.458), ("cosine_30000", "constant_30000")),
    "D": ((2.801, 0.424, 0.619, 0.347), ("cosine_60000", "constant_60000", "wsd_60000")),
    "E": ((2.788, 0.906, 0.416, 0.254), ("cosine_30000", "constant_30000")),
}


def setup(e: Evidence, name: str) -> dict[str, LossCurve]:
    """Return the curves of a set-up of the paper."""
    return e.paper | e.unseen if name == "A" else e.setups[name]


def refit(e: Evidence, name: str) -> Fit:
    """Fit the law as the paper does in set-up `name`."""
    return fit(laws.build("annealing"), [setup(e, name)[curve] for curve in PRINTED[name][1]], fixed=GIVEN)


def printed(name: str) -> dict[str, float]:
    """Return the constants that the paper prints for set-up `name`."""
    return dict(zip(("L0", "A", "alpha", "C"), PRINTED[name][0], strict=True)) | GIVEN


def printed_error(e: Evidence, name: str, curve: str) -> float:
    """Return the mean error, per cent, of the printed constants on one curve."""
    run = setup(e, name)[curve]
    return 100 * float(np.mean(np.abs(laws.build("annealing").loss(printed(name), run) / run.loss - 1)))


def fit_of_setup(e: Evidence, name: str, least: float | None) -> Claim:
    found = refit(e, name)
    curves = [setup(e, name)[curve] for curve in PRINTED[name][1]]
    loss = np.concatenate([curve.loss for curve in curves])
    law = laws.build("annealing")
    theirs = r_squared(np.concatenate([law.loss(printed(name), curve) for curve in curves]), loss)
    return answer(
        f"annealing-18-{name}-fit",
        on_paper_data=f"{found.r2:.5f} refitted, {theirs:.5f} with the printed constants",
        verdict=verdict(
            points(
                f"R2 at least {(least or 0.999) - CLOSE_R2:g}",
                found.r2 >= (least or 0.999) - CLOSE_R2,
                f"{found.r2:.5f}",
            )
        ),
    )


@claim
def other_setups(e: Evidence) -> list[Claim]:
    fits = (
        ("B", 0.9985),
        ("D", 0.97393),
        ("E", None),  # not printed
    )
    return [fit_of_setup(e, *row) for row in fits]


@claim
def predictions_of_setups(e: Evidence) -> list[Claim]:
    printed_errors = {
        "B": {"constant_120000": 0.047, "wsd_90000": 0.253, "wsd_110000": 0.255},
        "D": {"multistep_cosine_60000": 0.191, "wsd_exponential_60000": 0.134, "cyclic_60000": 0.273},
        "E": {"wsd_350000": 0.359},
    }
    found = []
    for name, reported in printed_errors.items():
        fitted = refit(e, name)
        again = {curve: mean_error(fitted, [e.setups[name][curve]]) for curve in reported}
        theirs = {curve: printed_error(e, name, curve) for curve in reported}
        found.append(
            answer(
                f"annealing-18-{name}-unseen",
                on_paper_data=f"refitted {values(again.values())}; printed constants {values(theirs.values())}",
                verdict=verdict(
                    *(
                        points(
                            f"{c}, refitted: at most {value + NEAR:g} %", again[c] <= value + NEAR, f"{again[c]:.3f} %"
                        )
                        for c, value in reported.items()
                    ),
                    *(
                        points(f"{c}, printed constants: the same", theirs[c] <= value + NEAR, f"{theirs[c]:.3f} %")
                        for c, value in reported.items()
                    ),
                ),
            )
        )
    return found


@claim
def printed_constants_are_optimal(e: Evidence) -> Claim:
    law, ratios = laws.build("annealing"), {}
    for name, (_, curves) in PRINTED.items():
        as_printed = fit(law, [setup(e, name)[curve] for curve in curves], fixed=printed(name))
        ratios[name] = as_printed.objective / refit(e, name).objective
    return answer(
        "annealing-18-optimum",
        on_paper_data=values(ratios, "{:.2f}"),
        verdict=verdict(
            *(
                points(f"set-up {name}: objective within 5 % of the lowest", ratio <= 1.05, f"{ratio:.2f} times")
                for name, ratio in ratios.items()
            )
        ),
    )


@claim
def public_models(e: Evidence) -> list[Claim]:
    law, large = laws.build("annealing"), annealing_paper_large()
    rows = []
    for name, printed_r2 in (("BLOOM-176B", 0.99640), ("OLMo-1B", 0.99869)):
        r2, least = fit(law, [large[name]], fixed=GIVEN).r2, printed_r2 - CLOSE_R2
        rows.append(
            answer(
                f"annealing-18-{name.split('-')[0]}",
                on_paper_data=f"{r2:.5f} (published schedule; the paper's is not printed)",
                verdict=verdict(points(f"R2 at least {least:.5f}", r2 >= least, f"{r2:.5f}")),
            )
        )
    return rows


def size_fit(curves: Iterable[LossCurve]) -> Fit:
    return fit(laws.build("annealing_size"), list(curves), fixed=GIVEN)


def constants(fitted: Fit) -> str:
    names = ("L0", "A", "alpha", "B", "beta", "C", "gamma")
    return values({name: fitted.params[name] for name in names})


@claim
def sizes(e: Evidence) -> list[Claim]:
    five, eight = e.setups["sizes"], [c for name, c in annealing_paper_large().items() if name.endswith("M")]
    four = size_fit(curve for name, curve in five.items() if name != "1214.4M")
    largest, eight = mean_error(four, [five["1214.4M"]]), size_fit(eight)
    own = e.own.fitted.get("annealing-N")
    return [
        answer(
            "annealing-18-N-four",
            on_paper_data=f"{four.r2:.5f}; {constants(four)}",
            on_own_runs=f"{own.r2:.5f}; {constants(own)}" if own else NOT_RUN,
            verdict=verdict(
                points(
                    f"printed curves: R2 at least {0.9988 - CLOSE_R2:.4f}",
                    four.r2 >= 0.9988 - CLOSE_R2,
                    f"{four.r2:.5f}",
                ),
                *(
                    [
                        others(
                            "own sizes: R2 at least .998, no parameter on its bound",
                            own.r2 >= 0.998 and own.identified,
                            f"{own.r2:.5f}",
                        )
                    ]
                    if own
                    else []
                ),
            ),
        ),
        answer(
            "annealing-18-N-largest",
            on_paper_data=f"{largest:.3f}",
            verdict=verdict(points(f"error at most {LIMIT} %", largest <= LIMIT, f"{largest:.3f} %")),
        ),
        answer(
            "annealing-18-N-eight",
            on_paper_data=f"{eight.r2:.5f}; {constants(eight)}",
            verdict=verdict(
                points(f"R2 at least {0.99837 - CLOSE_R2:.5f}", eight.r2 >= 0.99837 - CLOSE_R2, f"{eight.r2:.5f}")
            ),
        ),
    ]
