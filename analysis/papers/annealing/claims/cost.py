"""The law's relation to Chinchilla's, and what both cost (claims 13 and 14)."""

import numpy as np

from analysis.papers.annealing import PAPER
from analysis.papers.annealing.benchmark import benchmark, cost_table, equal_error
from analysis.papers.annealing.evidence import Evidence, paper_schedule
from analysis.papers.claim import NOT_RUN, Claim, claim, verdict
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
            Claim(
                id=f"annealing-13{letter}-chinchilla",
                claim=f"The law's final losses of {label} runs follow Chinchilla's law, with a mean R2 of {printed_r2}",
                source=f"{PAPER}, Table 1",
                paper_value=f"{printed_r2} (random constants)",
                on_paper_data=f"{r2.mean():.5f} (lowest {r2.min():.5f})",
                on_own_runs=own_reduction(e, label),
                unit="R2 of the refit; own runs: of measured final losses",
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
    return Claim(
        id="annealing-13c-chinchilla-constants",
        claim="Chinchilla fitted to the law's own end points has the printed exponents (.207 cosine, .216 WSD; within .01)",
        source=f"{PAPER}, Fig. 15",
        paper_value="2.210 + 4.905 s^-.207; 2.261 + 4.420 s^-.216; R2 .996 each",
        on_paper_data="; ".join(form.format(**params) for params in found.values())
        + f" (5K to 60K steps; R2 of the printed ones there {values(of_printed)})",
        unit="nats per token",
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
        Claim(
            id="annealing-14a-cost",
            claim="For as many fit points the annealing law needs less than 1 % of Chinchilla's steps",
            source=f"{PAPER}, Table 2",
            paper_value="100, 21.6, 11.8, below 1",
            on_paper_data=values(share, "{:.2f}"),
            unit="% of the steps: Chinchilla from cosines, WSD20, WSD10; annealing law",
            verdict=verdict(abs(share[1] - 21.6) < 0.1, abs(share[2] - 11.8) < 0.1, share[3] < 1),
            figure="fig12_compute_accuracy",
        ),
        Claim(
            id="annealing-14b-equal-error",
            claim="The annealing law reaches Chinchilla's error at less than 1 % of its compute",
            source=f"{PAPER}, Table 2, held against accuracy",
            paper_value="not measured",
            on_own_runs=own or NOT_RUN,
            unit="% of the FLOPs; in brackets Chinchilla's error of the final loss",
            verdict=verdict(*(bool(ratio < 0.01) for ratio in equal["ratio"])) if len(equal) else verdict(),
            figure="fig12_compute_accuracy",
        ),
    ]
