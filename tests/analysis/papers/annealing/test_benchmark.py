from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.papers.annealing.benchmark import METHODS, benchmark, cost_table, equal_error, summary
from analysis.papers.annealing.experiment import Experiment
from losslaws.curves.runs import consumed
from tests.analysis.papers import synthetic


@pytest.fixture(scope="module")
def table():
    return benchmark(synthetic.experiment("clean", noise=0, seeds=2))


def test_a_shared_beginning_is_paid_once():
    constant, branch, cosine = (synthetic.curve(f"{name}-1x") for name in ("constant", "wsd20-linear", "cosine"))
    once = constant.flops
    assert consumed([constant, branch]) == pytest.approx(1.2 * once)
    assert consumed([branch, constant]) == pytest.approx(1.2 * once)
    assert consumed([constant, cosine]) == pytest.approx(once * (2 - synthetic.WARMUP / synthetic.X))
    assert consumed([constant, replace(branch, seed=1)]) == pytest.approx(2 * once)
    assert consumed([constant, constant]) == pytest.approx(once)


def test_the_cost_table_of_the_paper():
    share = 100 * cost_table()["fraction"]
    assert cost_table()["steps"].iloc[0] == 5_050_000
    assert share.round(1).tolist()[:3] == [100.0, 21.6, 11.8]
    assert share.iloc[3] < 1


def test_no_fit_sees_its_target_or_anything_longer(table):
    for row in table.itertuples():
        runs = row.runs.split()
        assert row.target not in runs
        assert max(synthetic.CELLS[run][1] for run in runs) <= synthetic.CELLS[row.target][1]
    assert {"cosine-3x", "cosine-2x", "wsd20-linear-3x", "cyclic-2x"} <= set(table["target"])


def test_a_fit_is_asked_about_another_seed():
    made = synthetic.experiment(noise=1, seeds=3)
    table = benchmark(made)
    one = table[(table["method"] == "annealing, cosine-1x") & (table["target"] == "cosine-3x")]
    ends = {seed: run.final_loss for seed, run in made.runs["cosine-3x"].items()}
    assert dict(zip(one["seed"], one["measured"], strict=True)) == {0: ends[1], 1: ends[2], 2: ends[0]}


def test_an_interval_over_seeds_stands_beside_each_error():
    rows = pd.concat(
        [
            made(("annealing, x", "b", 1.0, "t", error, 0.0)).assign(seed=seed)
            for seed, error in enumerate((0.01, 0.02, 0.03))
        ]
    )
    (row,) = summary(rows.assign(fraction=0.5)).itertuples()
    assert (row.targets, row.seeds) == (1, 3) and row.mean_error == pytest.approx(0.02)
    assert row.interval == pytest.approx(4.302653 * 0.01 / np.sqrt(3))  # Student's t with 2 degrees of freedom


def test_less_than_the_warm_up_identifies_nothing(table):
    tiny = table[table["method"].str.contains("first 5 %")]
    assert tiny["flops"].max() < 0.06 * table["flops"].max() and tiny["note"].str.startswith("not identified").all()


def test_the_law_behind_the_curves_has_no_error_and_chinchilla_has(table):
    error = summary(table).set_index("method")["mean_error"]
    assert error["annealing, constant-1x + cosine-1x"] < 1e-5
    assert error["Chinchilla, 3 cosines"] > 1e-4
    ratio = equal_error(table).set_index("method")["ratio"]
    assert ratio["Chinchilla, 3 cosines"] < 0.6  # two runs of 1x against .5x + 1x + 2x


def test_two_final_losses_do_not_identify_three_parameters(table):
    two = table[table["method"] == "Chinchilla, 2 cosines"]
    assert len(two) == 2 * 3 and two["predicted"].isna().all() and not two["pareto"].any()
    assert set(two["note"]) == {"not identified: 2 points for 3 parameters"}
    assert "Chinchilla, 2 cosines" not in set(equal_error(table)["method"])


def test_the_front_holds_what_nothing_beats(table):
    for target, rows in table.dropna(subset="error").groupby(["target", "seed"]):
        front = rows[rows["pareto"]]
        assert len(front), target
        for row in rows[~rows["pareto"]].itertuples():
            assert np.any((front["flops"] <= row.flops) & (front["error"].abs() <= abs(row.error)))
        ranked = front.sort_values("flops")
        assert ranked["error"].abs().is_monotonic_decreasing


def made(*rows):
    columns = ["method", "runs", "flops", "target", "error", "seed_noise"]
    return pd.DataFrame(rows, columns=columns).assign(
        note="",
        seed=0,
        law=["steps_power" if row[0].startswith("Chinchilla") else "annealing" for row in rows],
        identified=True,
    )


def test_equal_error_says_when_the_law_does_not_get_there():
    chinchilla = ("Chinchilla, 3 cosines", "a", 100.0, "t", -0.02, 0.005)
    cheap, close = ("annealing, x", "b", 10.0, "t", 0.024, 0.005), ("annealing, y", "c", 40.0, "t", -0.01, 0.005)
    elsewhere = ("annealing, z", "d", 1.0, "u", 0.0, 0.005)
    (row,) = equal_error(made(chinchilla, cheap, close, elsewhere)).itertuples()
    assert (row.ratio, row.annealing, row.error) == (0.4, "annealing, y", 0.02)
    assert (row.noise_ratio, row.noise_annealing) == (0.1, "annealing, x")
    (row,) = equal_error(made(chinchilla, ("annealing, w", "e", 5.0, "t", 0.03, 0.005))).itertuples()
    assert np.isnan(row.ratio) and np.isnan(row.noise_ratio) and row.annealing == "none reaches it"


def test_a_fit_that_is_not_identified_does_not_reach_an_error_by_chance():
    lucky = made(("Chinchilla, 3 cosines", "a", 100.0, "t", -0.02, 0.0), ("annealing, x", "b", 10.0, "t", 0.0, 0.0))
    assert equal_error(lucky)["ratio"].item() == 0.1
    lucky.loc[1, "identified"] = False
    assert np.isnan(equal_error(lucky)["ratio"].item())


def test_a_profile_without_the_runs_gives_an_empty_table_of_the_same_columns(table):
    few = benchmark(Experiment("few", {name: synthetic.curve(name) for name in ("constant-1x", "cosine-1x")}))
    assert few.empty and list(few.columns) == list(table.columns)
    assert equal_error(few).empty


def test_method_names_are_unique():
    assert len({method.name for method in METHODS}) == len(METHODS)
