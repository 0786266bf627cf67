"""The law's relation to Chinchilla's, and what both cost (claims 13 and 14)."""

import numpy as np
import pandas as pd

from analysis import RESULTS
from analysis.papers.annealing.benchmark import cost_table
from analysis.papers.annealing.evidence import Evidence, law, others, paper_schedule, points
from analysis.papers.claim import NOT_RUN, NOTHING, Claim, Test, answer, claim, verdict
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
                verdict=verdict(
                    law(f"mean R2 at least {printed_r2}", r2.mean() >= printed_r2, f"{r2.mean():.5f}"),
                    law(
                        "mean R2 within .005 of the printed",
                        abs(r2.mean() - printed_r2) <= 0.005,
                        f"{r2.mean() - printed_r2:+.4f}",
                    ),
                ),
            )
        )
    return rows


def own_reduction(e: Evidence, label: str) -> str:
    """Write R2 of the power law in steps on the measured final losses of cosines; of WSD there are too few lengths to test it."""
    names = [f"cosine-{x}" for x in ("025x", "05x", "075x", "1x", "15x", "2x", "3x") if e.own.has(f"cosine-{x}")]
    if label != "cosine":
        return NOTHING
    if len(names) < 4:
        return NOT_RUN
    r2 = fit(laws.build("steps_power"), [final(e.own.curves[name]) for name in names]).r2
    return f"{r2:.5f} ({len(names)} lengths)"


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
        verdict=verdict(
            *(
                law(
                    f"exponent of {label} within .01",
                    abs(found[label]["alpha"] - END_POINTS[label][2]) <= 0.01,
                    f"{found[label]['alpha'] - END_POINTS[label][2]:+.3f}",
                )
                for label in found
            )
        ),
    )


CHEAP = 0.01  # of Chinchilla's compute


@claim
def cost(e: Evidence) -> list[Claim]:
    share = 100 * cost_table()["fraction"].to_numpy()
    own = "; ".join(
        f"{row.method} ({row.error:.2%}): "
        + (f"{row.ratio:.0%} by {row.annealing}" if row.ratio > 0 else "not reached")
        for row in e.equal_error.itertuples()
    )
    return [
        answer(
            "annealing-14a-cost",
            on_paper_data=values(share, "{:.2f}"),
            verdict=verdict(
                *(
                    points(f"count of {name}: {printed}", abs(share[k] - printed) < 0.1, f"{share[k]:.2f} %")
                    for k, name, printed in ((1, "WSD of 20 %", 21.6), (2, "WSD of 10 %", 11.8))
                ),
                points("count of the annealing law below 1 %", share[3] < 1, f"{share[3]:.2f} %"),
            ),
        ),
        answer(
            "annealing-14b-equal-error",
            on_own_runs=f"{own or NOT_RUN}; {below_one(e)}",
            on_public_curves=public_cost(),
            verdict=verdict(*at_equal_cost()),
        ),
    ]


def below_one(e: Evidence) -> str:
    """What the methods below CHEAP of the reference's compute come to: usually too few points for a fit."""
    cheap = e.benchmark[e.benchmark["fraction"] < CHEAP]
    if cheap.empty:
        least = e.benchmark.loc[e.benchmark["fraction"].idxmin()] if e.benchmark["fraction"].notna().any() else None
        return (
            ""
            if least is None
            else f"the cheapest, {least['method']}, costs {least['fraction']:.1%}: {least['note'] or 'a fit'}"
        )
    return "; ".join(
        f"{row.method}: {row.note or f'{row.error:.2%}'}" for row in cheap.drop_duplicates("method").itertuples()
    )


def compute_table() -> pd.DataFrame:
    """The board's errors of final losses on the public 124M grid, by law and runs that were seen; empty where there is none."""
    path = RESULTS / "leaderboard" / "compute.csv"
    table = (
        pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["dataset", "law", "schedule", "runs", "error"])
    )
    return table[table["dataset"] == "slimpajama-124m"]


def by_law() -> pd.DataFrame:
    """Mean absolute error and number of targets by law where all consumed the same: every shorter run of a target, of which Chinchilla needs three.

    What the runs took that taught the priors of `relaxation-known` is not among it.
    """
    table = compute_table()
    if table.empty:
        return table
    every = table[table["runs"] == table.groupby("schedule")["runs"].transform("max")]
    shared = every.groupby("schedule")["law"].transform("nunique") == every["law"].nunique()
    return every[shared].groupby("law")["error"].agg(["mean", "count"])


def public_cost() -> str:
    """Write the errors of laws at equal compute on the public grid."""
    found = by_law()
    return (
        "-"
        if found.empty
        else "from the same runs, those that taught priors not counted: "
        + ", ".join(f"{name} {100 * row['mean']:.2f} % ({row['count']:.0f} targets)" for name, row in found.iterrows())
    )


def at_equal_cost() -> list[Test]:
    """Whether the annealing law is as close as Chinchilla at the same compute on the public grid: needed for reaching it at less."""
    found = by_law()
    names = {name.split("-")[0].lower(): name for name in found.index}
    if "chinchilla" not in names or "annealing" not in found.index:
        return []
    a, b = found.loc["annealing", "mean"], found.loc[names["chinchilla"], "mean"]
    return [
        others(
            "public grid: at equal compute annealing errs by no more than Chinchilla", a <= b, f"{100 * (a - b):+.2f} %"
        )
    ]
