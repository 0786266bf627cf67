import json
import time

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from losslaws.curves import InputError, Schedule
from training import config, plan_figure, sweep
from training.cells import Cell
from training.compose import Composer
from training.sweep import plan

pytestmark = pytest.mark.slow


def cell(name, rates, **settings):
    return Cell(name, "", (), {"model": "m", "hardware": {}} | settings, Schedule(np.array(rates, dtype=float)))


@settings(deadline=None)  # the time of one example depends on what else the machine does
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
    assert all(one.role for one in planned.cells.values())


def test_a_plan_expects_no_less_time_than_the_longest_cell_takes(write_sweep):
    trunk = "fit | schedule=constant schedule.warmup=5 steps=380"
    cells = {"trunk": trunk, "wsd": "unseen | schedule=wsd schedule.decay=0.1 schedule.warmup=5 steps=400"}
    one = sweep.load(write_sweep(cells))
    step = one.cells["trunk"].flops_per_step / one.flops_per_second
    assert one.workers == 2 and one.cells["wsd"].branch == 360
    assert one.totals()["seconds"] == pytest.approx(400 * step)  # not the 210 of two workers that are always busy
    many = sweep.load(write_sweep(cells | {"seeds": "noise | schedule=cosine steps=40 seed=1,2,3,4,5,6,7,8,9,10"}))
    assert many.totals()["seconds"] == pytest.approx((420 + 10 * 40) / 2 * step)


def test_the_cpu_sweep_trains_at_most_60_percent_of_the_steps_asked_for():
    totals = sweep.load("cpu").totals()
    assert totals["steps_trained"] <= 0.60 * totals["steps_asked"]


def test_a_wsd_family_trains_at_most_35_percent_of_the_steps_asked_for():
    totals = sweep.load("wsd").totals()
    assert totals["steps_trained"] <= 0.35 * totals["steps_asked"]


@pytest.mark.slow
def test_planning_ten_thousand_cells_takes_less_than_ten_seconds(tmp_path):
    seeds = ",".join(map(str, range(250)))
    peaks = ",".join(f"{peak}e-3" for peak in range(1, 9))
    shapes = ("constant", "cosine", "wsd", "linear", "inverse_sqrt")
    cells = {name: f"claim | schedule={name} steps=2000 seed={seeds} schedule.peak={peaks}" for name in shapes}
    path = tmp_path / "large.yaml"
    path.write_text(yaml.safe_dump({"flops_per_second": 1e10, "cells": cells}))
    started = time.process_time()  # of this process, whatever else the machine does
    planned = sweep.load(str(path))
    assert planned.totals()["steps_trained"] < planned.totals()["steps_asked"]
    assert time.process_time() - started < 10
    assert len(planned.cells) == 10_000


@pytest.mark.parametrize(
    "overrides",
    [
        ["schedule=wsd", "schedule.decay=0.1", "schedule.shape=1-sqrt", "steps=20", "seed=3", "name=a-b.c"],
        ["model=gpt2", "model.config.n_layer=3", "batch.micro=null", "hardware.compile=true", "name=x"],
        ["data=local", "data.paths=['a b','c']", "checkpoint.keep=[3,4]", "schedule.peak=1e-3", "name='3'"],
        ["experiment=gpt2-wikitext", "+model.config.n_inner=64", "name=x"],  # a new key goes through Hydra
        ["runs=${corpora}/x", "name=x"],  # so does a reference
        ["model=hf", "model.config={hidden_size:128}", "name=x"],  # and a dict, which is merged
        ["seed=1", "schedule.peak=1e-3", "optimizer.clip=null", "name=x"],
        ["seed=0", "steps=1400", "schedule.peak=1", "schedule.warmup=0", "name=x"],
    ],
)
def test_configs_composed_in_bulk_are_those_of_hydra(overrides):
    ours, theirs = Composer()(overrides), config.plain(config.load(overrides))
    assert json.dumps(ours) == json.dumps(theirs)
    assert {key: type(value) for key, value in ours.items()} == {key: type(value) for key, value in theirs.items()}


def test_the_picture_of_a_plan_has_each_schedule_once_and_counts_its_seeds():
    drawn = plan_figure.schedules(sweep.load("cpu"))
    assert len(drawn) == len(set(drawn)) == 26
    rates, branch = drawn["constant-3x-seed0 + 1 more"]
    assert len(rates) == 4200 and branch == 0
    assert sum(1 + int(name.split(" + ")[1].split()[0]) if "+" in name else 1 for name in drawn) == 52


def test_segments_cover_every_step_once_and_follow_what_they_need():
    planned = sweep.load("cpu")
    seen, trained = set(), dict.fromkeys(planned.cells, 0)
    for segment in planned.segments():
        cell = planned.cells[segment.name.rpartition("@")[0]]
        assert segment.needs is None or segment.needs in seen
        first = int(segment.needs.rpartition("@")[2]) if segment.needs else 0
        assert first < segment.last
        trained[cell.name] += segment.last - first
        seen.add(segment.name)
    assert trained == {name: cell.trained_steps for name, cell in planned.cells.items()}


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


def test_a_schedule_that_does_not_fit_in_one_of_many_cells_is_refused_before_anything_runs(
    write_sweep, command, tmp_path
):
    cells = {"good": f"noise | schedule=cosine seed={','.join(map(str, range(200)))}"}
    path = write_sweep(cells | {"bad": "fit | schedule=wsd schedule.decay=1.0 schedule.warmup=5"})
    done = command(["run", path, "--results", str(tmp_path / "out")], script=("-m", "training"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"error: {path}: cell 'bad': ") and "decay" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_an_unknown_sweep_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'cpu'"):
        sweep.load("cpus")


def test_sweep_sees_the_schedules_that_training_applies():
    planned = sweep.load("cpu")
    one = planned.cells["wsd20-linear-3x-seed0"]
    assert np.array_equal(one.schedule.lr, config.schedule(config.load(list(one.overrides))).lr)


@pytest.mark.parametrize(
    ("name", "cell", "folder"),
    [
        ("cpu", "constant-1x-seed0", "constant-1x-seed0-d8b390a7"),
        ("smoke", "cosine-1x-seed1", "cosine-1x-seed1-1b364a87"),
        ("kaplan", "0.04m-text-train_tokens12500-seed0", "0.04m-text-train_tokens12500-seed0-a923df2c"),
        ("mup", "mup-d_model24-peak0.004-seed0", "mup-d_model24-peak0.004-seed0-abbad46d"),
        ("loss_to_loss", "headers-332k-steps800", "headers-332k-steps800-0bbe37cf"),
        ("wsd", "wsd-3x-decay0.1-shapelinear", "wsd-3x-decay0.1-shapelinear-00b1de64"),
    ],
)
def test_runs_keep_the_names_under_which_they_were_trained(name, cell, folder):
    """Renamed runs would be trained again; what names a run must not change by the way."""
    cells = sweep.load(name, ["hardware.device=cpu", "hardware.precision=fp32"]).cells
    assert cells[cell].folder.path.name == folder
