import json
import os
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from losslaws.curves import public
from losslaws.curves.public import slimpajama

needs_mirror = pytest.mark.skipif(not os.environ.get("PUBLIC_DATA_MIRROR"), reason="PUBLIC_DATA_MIRROR is not set")
READERS = {
    "124m": public.slimpajama_124m,
    "scaling": public.slimpajama_scaling,
    "openwebtext2": public.openwebtext2_scaling,
}


@pytest.fixture(scope="module")
def grid():
    return public.slimpajama_124m()


def test_the_124m_grid_is_complete(grid):
    shapes = Counter(name.split("_")[0] for name, curve in grid.items() if curve.role != "noise")
    linear = {f"linear{f}": 15 for f in (10, 40, 60, 80, 90)} | {"linear20": 15, "linear99.4": 5}
    assert shapes == linear | {"sqrt20": 9, "cosine10": 12, "cosine0": 9, "constant": 5}
    for fraction in (10, 20, 40, 60, 80, 90):
        for peak in ("0.0005", "0.001", "0.002"):
            for steps in (15000, 25000, 35000, 50000):
                assert f"linear{fraction}_{peak}_{steps}" in grid
    assert sum(curve.role == "noise" for curve in grid.values()) == 16
    assert all(curve.step[0] == 200 and curve.step[-1] == curve.schedule.steps - 200 for curve in grid.values())
    assert {curve.tokens_per_step for curve in grid.values()} == {51_200}
    assert {tuple(curve.parameters.values()) for curve in grid.values()} == {(123_587_328, 84_953_856)}


def test_the_scaling_runs_have_every_size():
    sizes = Counter(name.split("_")[0] for name in public.slimpajama_scaling())
    assert sizes == {f"{n}M": 6 for n in (33, 53, 60, 93, 124, 152, 209, 360)}
    assert Counter(name.split("_")[0] for name in public.openwebtext2_scaling()) == {"60M": 7, "93M": 7, "166M": 7}
    large = public.slimpajama_scaling()["360M_cosine10_0.001_50000"]
    assert large.tokens_per_step == 102_400 and large.parameters["total"] == 359_842_816
    assert large.final_loss == 2.676647


@pytest.mark.parametrize("which", READERS)
def test_branches_are_joined_to_their_trunk(which):
    curves = READERS[which]()
    runs = pd.read_csv(slimpajama.FOLDER / "runs.csv")
    branches = runs[(runs["set"] == which) & runs["trunk"].notna()]
    assert len(branches) == {"124m": 71, "scaling": 16, "openwebtext2": 9}[which]
    table = pd.read_csv(slimpajama.FOLDER / f"{which}.csv", index_col="step")
    for run in branches.itertuples():
        curve, trunk = curves[run.name], curves[run.trunk]
        own = table[run.name].dropna()
        shared = curve.step < own.index[0]
        assert shared.any() and set(np.diff(curve.step)) <= {200, 400}
        np.testing.assert_array_equal(curve.loss[shared], trunk.loss[np.isin(trunk.step, curve.step[shared])])
        fork = own.index[0]  # the branch evaluates the checkpoint that it begins with
        assert curve.at(fork) == pytest.approx(trunk.at(fork), abs=6e-5)
        assert curve.schedule.common_steps(trunk.schedule) >= fork


def test_repeats_say_how_large_the_noise_of_the_machine_is(grid):
    repeats = [name for name in grid if name.endswith("_repeat")]
    ends = [grid[name].final_loss - grid[name.removesuffix("_repeat")].final_loss for name in repeats]
    assert 1e-3 < np.std(ends) < 3e-3


def test_cooldowns_end_lower_than_the_constant_run(grid):
    for peak in ("0.0005", "0.001", "0.002", "0.003"):
        constant = grid[f"constant_{peak}_50000"]
        for shape in ("linear10", "linear20", "linear40", "linear60", "sqrt20"):
            curve = grid[f"{shape}_{peak}_50000"]
            assert curve.final_loss < constant.final_loss - 0.08
            assert curve.schedule.lr[-1] == 0 and curve.schedule.peak == constant.schedule.peak


@needs_mirror
@pytest.mark.parametrize("which", READERS)
def test_rates_are_the_logged_ones(which):
    for curve in READERS[which]().values():
        log = json.loads(public.fetch(f"{slimpajama.LR_SCHEDULING}/{curve.source['file']}").read_text())["history"][
            "train"
        ]
        logged = {
            s: lr for s, lr in zip(log["iter"], log["train_lr"], strict=True) if 300 < s < curve.schedule.steps and lr
        }
        rate = curve.schedule.lr[np.array(list(logged)) - 1]
        exact = curve.schedule.name != "cosine"
        np.testing.assert_allclose(rate, list(logged.values()), atol=(1e-9 if exact else 6e-4) * curve.schedule.peak)


@needs_mirror
def test_losses_are_the_last_logged_ones_and_never_the_full_evaluation(grid):
    for name in ("cosine10_0.0005_25000", "linear60_0.002_15000", "constant_0.002_50000"):  # logged some steps twice
        log = json.loads(public.fetch(f"{slimpajama.LR_SCHEDULING}/{grid[name].source['file']}").read_text())
        values = log["history"]["val"]
        last = dict(zip(values["iter"], values["val_loss"], strict=True))  # later entries replace earlier ones
        assert len(last) < len(values["iter"])
        assert [last[step] for step in grid[name].step] == pytest.approx(grid[name].loss, abs=6e-7)
        assert abs(log["summary"]["final-val/loss"] - grid[name].final_loss) > 0.02
