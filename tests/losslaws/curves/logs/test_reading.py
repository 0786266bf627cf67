"""What is made of a log's columns: roles, resumes, rates, warm-up, smoothing."""

import numpy as np
import pytest

from losslaws.curves import InputError, logs, schedules
from losslaws.curves.logs.rates import end_of_warmup, without_spikes
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


def rated(folder, rate, header="step,lr,val_loss"):
    """A log of 40 rows, with the rates that are given, 500 steps apart."""
    rows = [(500 * (k + 1), repr(float(value)), 3 + 5 / (500 * (k + 1)) ** 0.5) for k, value in enumerate(rate)]
    return log(folder, header, rows)


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("cosine", {"final": 0.1}),
        ("linear", {}),
        ("wsd", {"decay": 0.4}),
        ("inverse_sqrt", {}),
        ("cyclic", {"cycles": 2}),
    ],
)
@pytest.mark.parametrize("wrong", [{20: 100}, {20: 0.005}, {20: 1, 21: 2}, {39: 1}, {38: 0.01}, {12: 100, 30: 1}])
def test_damaged_rates_are_left_out_where_the_rate_falls(tmp_path, family, options, wrong):
    rate = schedules.build(family, 20_000, peak=6e-4, warmup=1000, **options).lr[499::500]
    damaged = rate.copy()
    damaged[list(wrong)] = list(wrong.values())
    curve = logs.read(rated(tmp_path, damaged))
    said = [note for note in curve.source["notes"] if "stands out" in note]
    assert curve.schedule.peak == pytest.approx(6e-4, rel=0.02) and curve.schedule.warmup == 1000
    assert len(said) == len(wrong)
    assert all(
        f"{value:g} at step {500 * (k + 1)} " in note for (k, value), note in zip(wrong.items(), said, strict=True)
    )
    kept = np.setdiff1d(np.arange(40), list(wrong))
    np.testing.assert_allclose(curve.schedule.lr[500 * kept + 499], rate[kept])


def test_a_rate_that_fell_to_nothing_in_one_row_is_left_out():
    step, rate = np.arange(1, 41) * 500, schedules.build("cosine", 20_000, peak=6e-4, final=0.1).lr[499::500]
    damaged = np.where(step == 10_000, 0, rate)
    notes = []
    kept, _ = without_spikes(step, damaged, notes)
    assert np.setdiff1d(step, kept).tolist() == [10_000] and len(notes) == 1


def test_a_last_rate_of_nothing_behind_a_plateau_is_noted(tmp_path):
    said = (
        "the last rate, 0 at step 20000, lies far below the 0.0006 before it; if no step ran at it, leave that row out"
    )
    assert said in logs.read(rated(tmp_path, [*[6e-4] * 39, 0])).source["notes"]
    for sound in ("wsd", "cosine", "linear", "multistep"):
        rate = schedules.build(sound, 20_000, peak=6e-4).lr[499::500]
        assert not any("the last rate" in note for note in logs.read(rated(tmp_path, rate)).source["notes"])


def test_two_rates_that_slipped_by_one_power_of_ten_are_left_out():
    step, rate = np.arange(1, 41) * 500, schedules.build("cosine", 20_000, peak=6e-4, final=0.1).lr[499::500]
    kept, _ = without_spikes(step, np.where(np.isin(step, (10_000, 10_500)), 10 * rate, rate), [])
    assert np.setdiff1d(step, kept).tolist() == [10_000, 10_500]


def test_a_sound_rate_between_a_damaged_one_and_an_end_at_0_stays():
    step, rate = np.arange(1, 31) * 200, schedules.build("linear", 6000, peak=6e-4, final=0.0).lr[199::200]
    kept, _ = without_spikes(step, np.where(step == 5600, 0, rate), [])
    assert 5800 in kept


def test_two_damaged_rates_around_a_sound_one_are_left_out():
    step, rate = np.arange(1, 201) * 100, schedules.build("cosine", 20_000, peak=6e-4, final=0.1).lr[99::100]
    kept, _ = without_spikes(step, np.where(np.isin(step, (9000, 9200)), 100, rate), [])
    assert np.setdiff1d(step, kept).tolist() == [9000, 9200]


@pytest.mark.parametrize("row", [1, 20, 37, 38])
def test_a_constant_rate_with_one_that_is_nothing_is_constant(row):
    step, rate = np.arange(1, 41) * 500, np.full(40, 6e-4)
    rate[row] = 0
    assert np.all(without_spikes(step, rate, [])[1] == 6e-4)


def test_cycles_that_end_at_nothing_are_sound():
    step, notes = np.arange(1, 31) * 500, []
    without_spikes(step, 1e-4 * np.abs(np.arange(30) % 10 - 5), notes)
    for cycles, warmup, at in [(5, 100, np.arange(1, 11) * 2000), (2, 8000, np.linspace(1, 20_000, 20).astype(int))]:
        rate = schedules.build("cyclic", 20_000, peak=6e-4, warmup=warmup, cycles=cycles, rewarm=0).lr
        without_spikes(at, rate[at - 1], notes)
    assert notes == []


SOUND = {
    "restarts": ("cyclic", {"cycles": 4}),
    "restarts without a rise": ("cyclic", {"cycles": 4, "rewarm": 0}),
    "rising peaks": ("cyclic", {"cycles": 3, "peaks": [0.25, 0.5, 1.0]}),
    "short decay": ("wsd", {"decay": 0.02, "final": 0.01}),
    "two stages": ("two_stage", {"switch": 0.5, "ratio": 0.01}),
    "stairs": ("multistep", {"milestones": [0.1, 0.2, 0.5], "values": [1.0, 0.1, 0.01, 0.001]}),
    "cosine that ends early": ("cosine", {"cycle": 3000}),
    "inverse square root": ("inverse_sqrt", {"hold": 90}),
    "triangle": ("polyline", {"points": [[0, 0.04], [0.3, 1], [1, 0]]}),
}


@pytest.mark.parametrize("kind", SOUND)
@pytest.mark.parametrize("rows", [5, 8, 12, 15, 20, 50, 200, 2000])
def test_no_rate_of_a_sound_schedule_is_left_out(kind, rows):
    name, options = SOUND[kind]
    for warmup in (0, 100, 2000):
        rate = schedules.build(name, 20_000, peak=6e-4, warmup=warmup, **options).lr
        for last in (20_000, 15_000, 10_000, 7_000):
            step, notes = np.unique(np.linspace(last / rows, last, rows).round().astype(int)), []
            kept, _ = without_spikes(step, rate[step - 1], notes)
            assert (kept.size, notes) == (step.size, []), (warmup, last)


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
