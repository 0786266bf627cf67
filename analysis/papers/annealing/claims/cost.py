"""The law's relation to Chinchilla's, and what both cost (claims 13 and 14)."""

import numpy as np

from analysis.papers.annealing.benchmark import benchmark, cost_table, equal_error
from analysis.papers.annealing.evidence import Evidence, paper_schedule
from analysis.papers.claim import NOT_RUN, Claim, answer, claim, verdict
from losslaws import laws
from losslaws.curves import LossCurve, schedules
from losslaws.curves.runs import final
from losslaws.fitting import final_of, fit, r_squared
from losslaws.laws.annealing import PAPER_LAMBDA, annealing_sums
from losslaws.words import values

LENGTHS = 1000 * np.arange(5, 61, 5)


def reduction(kind: str, **options) -> np.ndarray:
    """Return R2 of L0 + A s^-alpha on the law's final losses, for random constants of the law as the paper draws them."""
    sums = [[s[-1] for s in annealing_sums(paper_schedule(kind, n, **options), PAPER_LAMBDA)] for n in LENGTHS.tolist()]
    S1, S2 = np.array(sums).T
    rng, flat = np.random.default_rng(0), schedules.build("constant", int(LENGTHS[-1]))
    found = []
    for _ in range(100):
        L0, A, C, alpha = rng.uniform((1, 0.3, 0.2, 0.4), (3, 0.5, 0.6, 0.6))
        ends = LossCurve("finals", flat, LENGTHS, L0 + A * S1**-alpha - C * S2)
        found.append(fit(laws.build("steps_power"), [ends]).r2)
    return np.array(found)


@claim
def reduces_to_chinchilla(e: Evidence) -> list[Claim]:
    rows = []
    for letter, label, printed_r2, kind, options in (
        ("a", "cosine", 0.972, "cosine", {}),
        ("b", "WSD", 0.979, "wsd", {"decay": 0.1, "shape": "cosine"}),
    ):
        r2 = reduction(kind, **options)
        rows.append(
            answer(
                f"annealing-13{letter}-chinchilla",
                on_paper_data=f"{r2.mean():.5f} (lowest {r2.min():.5f})",
                on_own_runs=own_reduction(e, label),
                verdict=verdict(r2.mean() >= printed_r2, abs(r2.mean() - printed_r2) <= 0.005),
            )
        )
    return rows


def own_reduction(e: Evidence, label: str) -> str:
    """Write R2 of the power law in steps on the measured final losses of one family of runs."""
    names = [f"{'cosine' if label == 'cosine' else 'wsd20-linear'}-{x}" for x in ("05x", "1x", "2x", "3x")]
    if not e.own.has(*names):
        return NOT_RUN
    r2 = fit(laws.build("steps_power"), [final(e.own.curves[name]) for name in names]).r2
    return f"{r2:.5f} (four lengths)"


# printed for the law's own end points: L0, A, alpha
END_POINTS = {"cosine": (2.210, 4.905, 0.207), "WSD": (2.261, 4.420, 0.216)}


@claim
def chinchilla_constants(e: Evidence) -> Claim:
    found, of_printed, flat = {}, {}, schedules.build("constant", int(LENGTHS[-1]))
    for label, kind, options in (("cosine", "cosine", {}), ("WSD", "wsd", {"decay": 0.1, "shape": "cosine"})):
        ends = np.array([final_of(e.paper_fit, paper_schedule(kind, n, **options)) for n in LENGTHS.tolist()])
        found[label] = fit(laws.build("steps_power"), [LossCurve("finals", flat, LENGTHS, ends)]).params
        L0, A, alpha = END_POINTS[label]
        of_printed[label] = r_squared(L0 + A * LENGTHS**-alpha, ends)
    form = "{L0:.3f} + {A:.3f} s^-{alpha:.3f}"
    return answer(
        "annealing-13c-chinchilla-constants",
        on_paper_data="; ".join(form.format(**params) for params in found.values())
        + f" (5K to 60K steps; R2 of the printed ones there {values(of_printed)})",
        verdict=verdict(*(abs(found[label]["alpha"] - END_POINTS[label][2]) <= 0.01 for label in found)),
    )


@claim
def cost(e: Evidence) -> list[Claim]:
    share = 100 * cost_table()["fraction"].to_numpy()
    equal = equal_error(benchmark(e.own))
    own = "; ".join(
        f"{row.method} ({row.error:.2%}): "
        + (f"{row.ratio:.0%} by {row.annealing}" if row.ratio > 0 else "not reached")
        for row in equal.itertuples()
    )
    return [
        answer(
            "annealing-14a-cost",
            on_paper_data=values(share, "{:.2f}"),
            verdict=verdict(abs(share[1] - 21.6) < 0.1, abs(share[2] - 11.8) < 0.1, share[3] < 1),
        ),
        answer(
            "annealing-14b-equal-error",
            on_own_runs=own or NOT_RUN,
            verdict=verdict(*(bool(ratio < 0.01) for ratio in equal["ratio"])) if len(equal) else verdict(),
        ),
    ]
