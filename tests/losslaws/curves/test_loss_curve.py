import json
import os

import numpy as np
import pytest

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.curves.files import atomic
from losslaws.curves.store import load_folder


def curve(step=(2, 4), loss=(3.0, 2.5), steps=4, **more):
    return LossCurve("c", Schedule(np.full(steps, 0.1), 1, "constant"), np.array(step), np.array(loss), **more)


def test_save_and_load_give_the_same_curve(tmp_path):
    rng = np.random.default_rng(0)
    before = curve(
        loss=rng.uniform(1, 4, 2),
        train_loss=rng.uniform(1, 4, 4),
        tokens_per_step=2048,
        parameters={"total": 10, "non_embedding": 5},
        flops_per_token=60.5,
        seed=3,
        role="fit",
        source={"data": "x"},
    )
    after = LossCurve.load(before.save(tmp_path))
    for name in ("step", "loss", "train_loss"):
        assert np.array_equal(getattr(after, name), getattr(before, name))
    assert np.array_equal(after.schedule.lr, before.schedule.lr)
    for name in ("name", "tokens_per_step", "parameters", "flops_per_token", "seed", "role", "source"):
        assert getattr(after, name) == getattr(before, name)
    assert after.flops == 60.5 * 2048 * 4


@pytest.mark.parametrize(
    ("step", "loss", "message"),
    [
        ((4, 2), (3.0, 2.5), "sort the rows"),
        ((2, 2), (3.0, 2.5), "step 2 occurs twice"),
        ((0, 2), (3.0, 2.5), "before the first optimiser step"),
        ((2, 5), (3.0, 2.5), "beyond the 4 steps"),
        ((2, 2.5), (3.0, 2.5), "not a whole number"),
        ((2, 4), (3.0, np.nan), "loss at step 4"),
        ((2, 4), (0.0, 1.0), "loss at step 2"),
        ((2, 4), (-1.0, 1.0), "loss at step 2"),
        ((), (), "at least one point"),
        ((1, 2, 3), (1.0, 2.0), "one loss per step"),
    ],
)
def test_bad_curves_get_one_clear_line(step, loss, message):
    with pytest.raises(InputError, match=message) as caught:
        curve(step, loss)
    assert "\n" not in str(caught.value)


def test_loss_at_a_step():
    assert curve().at(2) == 3.0
    assert curve().final_loss == 2.5
    with pytest.raises(InputError, match="not evaluated at step 3"):
        curve().at(3)
    with pytest.raises(InputError, match="not known"):
        _ = curve().flops


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("step,lr\n1,.1\n", "no column 'val_loss'"),
        ("step,lr,val_loss\n1,.1,x\n", "column 'val_loss' holds something"),
        ("step,lr,val_loss\n1,.1,2\n3,.1,2\n", "without a gap"),
        ("", "not a CSV table"),
    ],
)
def test_damaged_files_are_named(tmp_path, csv, message):
    path = curve(tokens_per_step=1).save(tmp_path)
    path.write_text(csv)
    with pytest.raises(InputError, match=message) as caught:
        LossCurve.load(path)
    assert str(path) in str(caught.value)


def test_damaged_description_is_named(tmp_path):
    path = curve().save(tmp_path)
    about = json.loads(path.with_suffix(".json").read_text())
    del about["seed"]
    path.with_suffix(".json").write_text(json.dumps(about))
    with pytest.raises(InputError, match=r"c\.json: lacks the field 'seed'"):
        LossCurve.load(path)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        LossCurve.load(path)


def test_an_empty_folder_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match="make reproduce"):
        load_folder(tmp_path)


def test_atomic_leaves_the_old_file_when_writing_fails(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_finest_last_loss_is_that_on_more_text_where_it_was_taken():
    usual, finer = curve(), curve(also={"end": np.array([np.nan, 2.51])})
    assert usual.end_loss == usual.final_loss == finer.final_loss == 2.5
    assert finer.end_loss == 2.51
