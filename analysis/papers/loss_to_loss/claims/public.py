"""The claims that the public table can answer."""

import numpy as np

from analysis.papers.claim import Claim, Test, answer, claim, verdict
from analysis.papers.comparisons import at_most, near, signs
from analysis.papers.loss_to_loss.evidence import Evidence
from losslaws.curves.public.loss_to_loss import SETS, TASKS
from losslaws.words import percent, values

# R2 of translated laws, mean over five sources; in the order of SETS
TRANSLATED = (0.990, 0.990, 0.988, 0.991, 0.991, 0.986)
OWN_LAW = (0.992, 0.992, 0.988, 0.992, 0.992, 0.987)
# edu to its tests: kappa, K, E_x, E_y
TRAIN_TO_TEST = {
    "hellaswag": (1.08, 0.93, 1.97, 2.12),
    "arc_easy": (0.36, 4.68, 1.97, 0.07),
    "mmlu_humanities": (0.96, 1.14, 1.97, 2.79),
    "mmlu_stem": (0.53, 2.35, 1.97, 1.41),
}
# mean % error on the 3.3B models' tests: train to test, test to test, identity
TEST_ERRORS = {
    "hellaswag": (1.6, 1.2, 9.2),
    "arc_easy": (10.2, 17.6, 24.8),
    "mmlu_humanities": (2.8, 23.1, 11.0),
    "mmlu_stem": (6.4, 6.4, 11.5),
}
KINDS = ("train to test", "test to test", "identity")
PAIRS = {  # source -> target: kappa, K; printed to four digits
    ("fineweb-edu-100b", "fineweb-100b"): (1.0005, 1.0144),
    ("fineweb-edu-100b", "proof-pile-2"): (1.0663, 0.6049),
    ("fineweb-edu-100b", "starcoder"): (1.1002, 0.6331),
    ("fineweb-100b", "starcoder"): (1.0904, 0.6230),
    ("proof-pile-2", "smollm-corpus"): (0.9442, 1.7194),
}


@claim
def joint_fits(e: Evidence) -> list[Claim]:
    rows = []
    for letter, law in (("a", "chinchilla"), ("b", "kaplan_entropy")):
        table = e.joint[e.joint["law"] == law]
        rows.append(
            answer(
                f"l2l-01{letter}-joint",
                on_paper_data=f"{len(table)} fits, at most {table['apart'].max():.1e} apart in A, B, E, alpha, beta; "
                f"R2 {table['r2'].min():.4f} to {table['r2'].max():.4f}",
                verdict=verdict(
                    Test(f"fits of all {len(SETS)} data sets", len(table) == len(SETS), f"{len(table)}"),
                    at_most(
                        "largest relative distance of a constant at most 5e-4", table["apart"].max(), 5e-4, "{:.1e}"
                    ),
                ),
            )
        )
    return rows


@claim
def train_to_train(e: Evidence) -> list[Claim]:
    found = e.shifts
    constants = [(found[pair].kappa, found[pair].K) for pair in PAIRS]
    table, own = e.pairs, e.joint["error"]
    return [
        answer(
            "l2l-02a-train-to-train",
            on_paper_data=f"R2 {table['r2'].min():.4f} to {table['r2'].max():.4f}, mean {table['r2'].mean():.4f}",
            verdict=verdict(at_most("lowest R2 at least .997", table["r2"].min(), 0.997, expected=False)),
        ),
        answer(
            "l2l-02b-constants",
            on_paper_data=f"{len(found)} computed (pairs.csv), {len(PAIRS)} compared with a printed value: "
            + "; ".join(f"{x} to {y} {found[x, y].kappa:.4f}, {found[x, y].K:.4f}" for x, y in PAIRS),
            verdict=verdict(near("kappa and K", np.ravel(constants), np.ravel(list(PAIRS.values())), 2e-4, "{:+.5f}")),
        ),
        answer(
            "l2l-03-extrapolation",
            on_paper_data=f"{percent(table['error'].mean())} (worst {percent(table['error'].max())}); own laws "
            f"{percent(own.min())} to {percent(own.max())} too high",
            verdict=verdict(
                near("mean error, %,", 100 * table["error"].mean(), 0.92, 0.05),
                at_most("least error of the own laws above 3 %", 100 * own.min(), 3, "{:.2f} %", expected=False),
                at_most("largest error of the own laws at most 5.6 %", 100 * own.max(), 5.6, "{:.2f} %"),
            ),
        ),
    ]


@claim
def translation(e: Evidence) -> list[Claim]:
    table = e.translation
    return [
        answer(
            "l2l-04a-translation",
            on_paper_data=f"R2 {values(table['translated'])}; own law {values(table['own_law'])}",
            verdict=verdict(
                near("R2 of the translated laws", table["translated"], TRANSLATED, 0.002),
                near("R2 of the own laws", table["own_law"], OWN_LAW, 0.002),
            ),
        ),
        answer(
            "l2l-04b-baseline",
            on_paper_data=f"R2 {values(table['few_runs_alone'])} alone; {(table['doubts_alone'] != '').sum()} of {len(table)} "
            "fits flagged, with five numbers on six to eight runs",
            verdict=verdict(
                signs(
                    "R2 of the translated law above that of the few runs alone, by data set",
                    table["few_runs_alone"] - table["translated"],
                )
            ),
        ),
    ]


@claim
def tests(e: Evidence) -> list[Claim]:
    shifts = {task: (s.kappa, s.K, s.E_x, s.E_y) for task, s in e.train_to_test.items()}
    constants = [np.ravel([said[task] for task in TASKS]) for said in (shifts, TRAIN_TO_TEST)]
    flagged = [task for task, s in e.train_to_test.items() if s.warnings]
    return [
        answer(
            "l2l-05-train-to-test",
            on_paper_data="; ".join(f"{t} {values(v, '{:.2f}', '/')}" for t, v in shifts.items())
            + f"; flagged as doubtful: {', '.join(flagged) or 'none'}",
            verdict=verdict(near("kappa, K, E_x and E_y of every test", *constants, 0.006)),
        ),
        test_errors(e),
    ]


def test_errors(e: Evidence) -> Claim:
    """Predicting tests of 3.3B models trained on other data."""
    means = 100 * e.test_losses.groupby(["task", "kind"])["error"].mean()
    found = {task: tuple(means[task, kind] for kind in KINDS) for task in TASKS}
    printed = [np.ravel([said[task] for task in TASKS]) for said in (found, TEST_ERRORS)]
    few = e.test_losses[e.test_losses["kind"] != "identity"]
    return answer(
        "l2l-06-test-losses",
        on_paper_data="; ".join(f"{t} {values(v, '{:.1f}', '/')}" for t, v in found.items())
        + f"; {(few['doubts'] != '').sum()} of {len(few)} fits flagged",
        verdict=verdict(
            near("mean errors, %,", *printed, 0.051),
            *(no_change(e, task, kind) for task in TASKS for kind in KINDS[:2]),
        ),
    )


def no_change(e: Evidence, task: str, kind: str) -> Test:
    """Whether a test is predicted with less error than by assuming no change, a pair for each data set."""
    errors = e.test_losses[e.test_losses["task"] == task].pivot(index="target", columns="kind", values="error")
    return signs(f"{task}, {kind}: errs less than no change, by data set", errors[kind] - errors["identity"])
