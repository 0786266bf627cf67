import json

import numpy as np
import pytest

from losslaws.__main__ import parser
from losslaws.curves import InputError
from losslaws.search.budget import Planner, table
from tests.analysis.papers.synthetic import LAW, TOKENS, curve, write_experiment

NAMES = ("constant-1x", "cosine-1x", "wsd20-linear-1x", "cosine-3x", "cosine-05x", "cosine-1x-0.3m", "cosine-1x-0.6m")


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
    with pytest.raises(InputError, match="out of reach of these runs, which can speak of"):
        planner.best(1e30)


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
