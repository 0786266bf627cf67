import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from curves import InputError, Schedule
from training import config, sweep
from training.sweep import Cell, plan


def cell(name, rates, **settings):
    return Cell(name, "", (), {"model": "m", "hardware": {}} | settings, Schedule(np.array(rates, dtype=float)))


@given(st.lists(st.lists(st.sampled_from([1.0, 0.5, 0.25]), min_size=1, max_size=8), min_size=1, max_size=12))
def test_a_plan_trains_every_shared_step_once_and_in_a_possible_order(all_rates):
    cells = plan({str(i): cell(str(i), rates) for i, rates in enumerate(all_rates)})
    for one in cells.values():
        if one.parent is None:
            assert one.branch == 0
            continue
        parent = cells[one.parent]
        assert np.array_equal(parent.schedule.lr[: one.branch], one.schedule.lr[: one.branch])
        assert parent.branch < one.branch <= parent.schedule.steps  # the parent itself trains the step branched from
        assert one.trained_steps >= 1
    # Each distinct prefix is one step; a schedule that repeats or is the beginning of another trains its last step again.
    prefixes = {tuple(rates[:k]) for rates in all_rates for k in range(1, len(rates) + 1)}
    repeated = len(all_rates) - sum(
        not any(
            other[: len(rates)] == rates for j, other in enumerate(all_rates) if j != i and (other != rates or j < i)
        )
        for i, rates in enumerate(all_rates)
    )
    assert sum(one.trained_steps for one in cells.values()) == len(prefixes) + repeated


def test_cells_that_differ_in_more_than_the_schedule_share_nothing():
    cells = plan({"a": cell("a", [1, 1, 1], seed=0), "b": cell("b", [1, 1, 1], seed=1)})
    assert all(one.parent is None for one in cells.values())


def test_branches_hang_off_the_trunk():
    cells = plan(
        {
            "early": cell("early", [1, 1, 0.5, 0]),
            "trunk": cell("trunk", [1] * 8),
            "late": cell("late", [1, 1, 1, 1, 0.5, 0]),
        }
    )
    assert {name: (one.parent, one.branch) for name, one in cells.items()} == {
        "early": ("trunk", 2),
        "trunk": (None, 0),
        "late": ("trunk", 4),
    }


@pytest.mark.parametrize("name", sorted(path.stem for path in sweep.SWEEPS.glob("*.yaml")))
def test_every_sweep_plans(name):
    planned = sweep.load(name, ["hardware.device=cpu", "hardware.precision=fp32"])
    totals = planned.totals()
    assert 0 < totals["steps_trained"] <= totals["steps_asked"]
    assert planned.workers >= 1
    for one in planned.cells.values():
        assert one.role in ("fit", "unseen", "length", "claim", "noise", "size")


def test_the_cpu_sweep_trains_at_most_60_percent_of_the_steps_asked_for():
    totals = sweep.load("cpu").totals()
    assert totals["steps_trained"] <= 0.60 * totals["steps_asked"]


def test_comma_lists_make_one_cell_of_each():
    names = [suffix for suffix, _ in sweep.product(["seed=0,1", "schedule.peak=1e-3,2e-3", "steps=5"])]
    assert names == ["-seed0-peak0.001", "-seed0-peak0.002", "-seed1-peak0.001", "-seed1-peak0.002"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"cells": {"a": "fit | stepps=3"}}, "cell 'a': config: there is no key 'stepps'"),
        ({"cells": {"a": "fit | steps=3"}, "wokers": 2}, "unknown key 'wokers'; did you mean 'workers'"),
        ({"workers": 2}, "needs the key 'cells'"),
        ({"cells": {"a": "fit | steps=3 schedule.warmup=9"}}, "warmup 9 must lie between"),
    ],
)
def test_a_bad_sweep_file_gets_one_clear_line(tmp_path, content, message):
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump({"flops_per_second": 1e10} | content))
    with pytest.raises(InputError) as caught:
        sweep.load(str(path))
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_an_unknown_sweep_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'cpu'"):
        sweep.load("cpus")


def test_sweep_sees_the_schedules_that_training_applies():
    planned = sweep.load("cpu")
    one = planned.cells["wsd20-linear-3x"]
    assert np.array_equal(one.schedule.lr, config.schedule(config.load(list(one.overrides))).lr)
