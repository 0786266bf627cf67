import json
from dataclasses import replace

import numpy as np
import pytest

from losslaws.__main__ import parser
from losslaws.curves import InputError
from losslaws.search.allocation import allocate, check_plan
from losslaws.search.budget import Planner, table
from tests.analysis.papers.synthetic import LAW, TOKENS, curve, write_experiment

NAMES = ("constant-1x", "cosine-1x", "wsd20-linear-1x", "cosine-3x", "cosine-05x", "cosine-1x-0.06m", "cosine-1x-0.18m")


@pytest.fixture(scope="module")
def planner():
    return Planner.of([curve(name, noise=0.0) for name in NAMES])


def test_the_best_size_is_that_of_the_law(planner):
    """At the optimum no other size does better, and the budget is spent."""
    flops = 2e12
    first = planner.best(flops)[0]
    cost, batch, _ = planner.model(first.non_embedding)
    assert batch == TOKENS
    assert cost * batch * first.steps == pytest.approx(flops, rel=0.01)
    name, options = first.schedule.split()[0], dict(part.split("=") for part in first.schedule.split()[1:])
    options = {key: float(value) for key, value in options.items()}
    for other in (0.5, 2.0):
        assert planner.option(name, options, other * first.non_embedding, flops).loss > first.loss
    assert planner.fit.params["beta"] == pytest.approx(LAW["beta"], rel=0.05)


def test_more_flops_buy_a_larger_model_and_a_lower_loss(planner):
    small, large = (planner.best(flops)[0] for flops in (1e12, 4e12))
    assert large.non_embedding > small.non_embedding and large.loss < small.loss


def test_flops_follow_the_sizes(planner):
    for one in planner.curves:
        assert planner.model(one.parameters["non_embedding"])[0] == pytest.approx(one.flops_per_token)


def test_the_report_says_what_it_costs_and_how_sure_it_is(planner):
    found = planner.report(2e12)
    low, high = found["interval"]
    assert low <= found["options"][0]["loss"] <= high
    assert found["cost_share"] == pytest.approx(found["cost_of_finding_out"] / 2e12) and found["runs"] == len(NAMES)
    assert found["chinchilla_loss"] == pytest.approx(found["options"][0]["loss"], rel=0.2)
    losses = [option["loss"] for option in found["options"]]
    assert losses == sorted(losses) and np.all(np.isfinite(losses))
    assert "of the budget" in table(found)


def test_beyond_reach_is_refused(planner):
    with pytest.raises(
        InputError, match=r"1e\+30 FLOPs are .* times those of the largest run, more than 30 times; add"
    ):
        planner.best(1e30)
    with pytest.raises(InputError, match="out of reach of these runs, which can speak of"):
        planner.best(1e3)


def test_runs_that_the_law_does_not_describe_are_refused():
    rng = np.random.default_rng(0)
    runs = [replace(one, loss=3 + rng.normal(0, 0.1, one.step.size)) for one in map(curve, NAMES)]
    with pytest.raises(InputError, match=r"explains only \d+% of the variance of these runs' losses, less than 90%"):
        Planner.of(runs)


def test_a_loss_that_may_be_negative_is_refused(planner, monkeypatch):
    monkeypatch.setattr(type(planner.fit.law), "loss", lambda *_: np.array([-1.0]))
    with pytest.raises(InputError, match="reweightings of these runs give a loss of -1 to -1, so they do not tell it"):
        planner.report(2e12)


def test_chinchillas_law_goes_no_further_than_the_plan(planner):
    most = max(
        6 * c.parameters["non_embedding"] * c.tokens_per_step * c.schedule.steps for c in planner.chinchilla.runs
    )
    check_plan(planner.chinchilla, 29 * most)
    with pytest.raises(InputError, match="times those of the largest run, more than 30 times"):
        check_plan(planner.chinchilla, 31 * most)


@pytest.mark.parametrize("flops", [float("inf"), float("nan"), 1e300, 1e-300, -1.0])
def test_published_laws_are_asked_about_budgets_that_may_be(flops):
    with pytest.raises(InputError, match=r"FLOPs; give a number from 1e\+06 to 1e\+29"):
        allocate(flops)


@pytest.mark.parametrize("flops", ["inf", "nan", "0", "-1e18", "much"])
def test_a_budget_is_a_finite_number(flops):
    with pytest.raises(InputError, match=f"argument --flops: {flops}: give a finite number above 0, e.g. 1e18"):
        parser().parse_args(["budget", f"--flops={flops}"])


def test_one_size_is_not_enough():
    with pytest.raises(InputError, match="at least three model sizes"):
        Planner.of([curve("cosine-1x")])


def test_the_command_prints_json(tmp_path, capsys):
    folder = write_experiment(tmp_path, NAMES)
    args = parser().parse_args(["budget", "--flops", "2e12", str(folder), "--json"])
    args.run(args)
    found = json.loads(capsys.readouterr().out)
    assert found["plan"]["flops"] == 2e12 and found["plan"]["options"][0]["loss"] > 0
    assert [row["law"] for row in found["laws"]][-1] == f"own fit, runs of {folder}"
