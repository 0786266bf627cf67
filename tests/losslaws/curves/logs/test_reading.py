"""What is made of a log's columns: roles, resumes, rates, warm-up, smoothing."""

import numpy as np
import pytest

from losslaws.curves import InputError, logs, schedules
from losslaws.curves.logs.rates import end_of_warmup
from losslaws.curves.logs.smoothing import BLOCKS, blocks


def write(folder, text, name="log.csv"):
    (folder / name).write_text(text)
    return folder / name


def log(folder, header, rows):
    return write(folder, "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def test_of_repeated_steps_the_last_counts(tmp_path):
    path = log(
        tmp_path, "step,lr,val_loss", [(1, 0.1, 5), (2, 0.1, 4), (3, 0.1, 3), (2, 0.1, 4.5), (3, 0.1, 3.5), (4, 0.1, 3)]
    )
    curve = logs.read(path)
    assert curve.step.tolist() == [1, 2, 3, 4] and curve.loss.tolist() == [5, 4.5, 3.5, 3]
    assert any("the step goes back from 3 to 2, read as a resumed run" in note for note in curve.source["notes"])


def test_columns_can_be_named(tmp_path):
    path = log(tmp_path, "k,pace,energy,other", [(k, 0.1, 3, 9) for k in range(1, 9)])
    curve = logs.read(path, columns={"step": "k", "lr": "pace", "val_loss": "energy"})
    assert curve.loss.tolist() == [3] * 8
    for columns, message in (
        ({}, "no column is a loss among k, pace, energy, other; name it"),
        ({"step": "q"}, "has no column 'q'"),
        ({"stepp": "k"}, "'stepp' is unknown; did you mean 'step'"),
        ({"val_loss": "energy"}, "no column counts the steps among"),
    ):
        with pytest.raises(InputError, match=message):
            logs.read(path, columns=columns)


def test_two_runs_in_one_export_must_be_told_apart(tmp_path):
    path = log(tmp_path, "Step,a - val/loss,b - val/loss,lr", [(k, 3, 4, 0.1) for k in range(1, 9)])
    with pytest.raises(InputError, match="2 columns may be the val_loss: a - val/loss, b - val/loss; name one"):
        logs.read(path)
    assert logs.read(path, columns={"val_loss": "b - val/loss"}).final_loss == 4


def test_the_optimisers_steps_are_preferred_to_the_loggers(tmp_path):
    path = log(tmp_path, "_step,train/global_step,lr,eval/loss", [(k, 10 * k, 0.1, 3) for k in range(1, 9)])
    assert logs.read(path).schedule.steps == 80


def test_rates_can_be_given_as_a_schedule(tmp_path):
    path = write(tmp_path, "".join(f"step {k}: train loss 3.2, val loss 3.1\n" for k in range(0, 101, 10)), "a.log")
    given = schedules.build("cosine", 200, peak=2e-3, warmup=10)
    curve = logs.read(path, schedule=given)
    assert np.array_equal(curve.schedule.lr, given.lr[:100]) and curve.schedule.warmup == 10
    assert curve.step.tolist() == list(range(10, 101, 10))
    with pytest.raises(InputError, match="ends at 50; give all steps"):
        logs.read(path, schedule=schedules.build("constant", 50))
    with pytest.raises(InputError, match="no column for the learning rate"):
        logs.read(path)


@pytest.mark.parametrize("every", [1, 7, 20, 50])
@pytest.mark.parametrize(("family", "options"), [("constant", {}), ("cosine", {}), ("wsd", {"decay": 0.3})])
def test_rates_and_warmup_are_found_between_logged_steps(tmp_path, family, options, every):
    schedule = schedules.build(family, 1000, peak=3e-3, warmup=115, **options)
    steps = range(every, 1001, every)
    path = log(tmp_path, "step,lr,val_loss", [(t, repr(float(schedule.lr[t - 1])), 3) for t in steps])
    curve = logs.read(path)
    applied = schedule.lr[: curve.schedule.steps]
    assert abs(curve.schedule.warmup - 115) <= every
    assert np.abs(curve.schedule.lr - applied).max() < 0.02 * 3e-3
    given = logs.read(path, warmup=115).schedule
    assert given.warmup == 115 and np.abs(given.lr - applied).max() < 0.02 * 3e-3


def test_a_log_without_warmup_has_none():
    assert end_of_warmup(np.array([100, 200]), np.array([1e-3, 1e-3])) == 0
    assert end_of_warmup(np.array([100, 200, 300]), np.array([1e-3, 0.5e-3, 1.1e-3])) == 0


def test_training_loss_is_smoothed_against_spikes(tmp_path):
    rng = np.random.default_rng(0)
    t = np.arange(1, 40_001)
    clean = 3 + 5 / np.sqrt(t)
    noisy = clean + 0.05 * rng.standard_normal(t.size)
    noisy[rng.choice(t.size, 400, replace=False)] += 5
    notes = []
    step, loss = blocks(t, noisy, 100, notes)
    assert BLOCKS - 1 <= step.size <= BLOCKS and step[0] > 100
    late = step > 2000
    assert np.abs(loss[late] - clean[step[late] - 1]).max() < 0.03
    assert "means of 100 rows without the 10 % highest and lowest" in notes[0]


def test_a_stray_rate_is_noted(tmp_path):
    rows = [(k, 0.1 if k != 5 else 0.9, 3) for k in range(1, 11)]
    assert any("stands out" in note for note in logs.read(log(tmp_path, "step,lr,loss", rows)).source["notes"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("3,0.1,inf", "column 'val_loss' holds inf at step 3"),
        ("3,0.1,-2", "a loss is a finite positive number"),
        ("3,-0.1,2", "learning rate at step 3 is -0.1"),
        ("3,inf,2", "learning rate at step 3 is inf"),
        ("3.5,0.1,2", "holds 3.5; steps are whole numbers"),
        ("3e12,0.1,2", "counted in updates of the optimiser"),
        ("3,0.1,abc", "column 'val_loss' holds 'abc' in row 3, which is not a number"),
    ],
)
def test_impossible_values_are_refused(tmp_path, row, message):
    path = write(tmp_path, f"step,lr,val_loss\n1,0.1,2.5\n2,0.1,2.4\n{row}\n4,0.1,2.2\n")
    with pytest.raises(InputError, match=message) as caught:
        logs.read(path)
    assert "\n" not in str(caught.value)
