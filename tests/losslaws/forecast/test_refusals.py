"""Logs from which nothing is forecast, and healthy ones from which something is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from losslaws.__main__ import parser
from losslaws.curves import InputError, LossCurve, logs, public, schedules
from losslaws.curves.runs import select
from losslaws.curves.store import load_folder
from losslaws.forecast.predict import Forecaster
from losslaws.forecast.refusals import doubts, one_run
from tests.losslaws.forecast.made import in_another_unit, made, plan

ROOT = Path(__file__).parents[3]


def blown_up():
    run = made(plan("constant", 20_000))
    loss = run.loss.copy()
    loss[-8:] += np.linspace(0.5, 3, 8)
    return replace(run, loss=loss)


def jumped():
    run = made(plan("constant", 20_000))
    loss = run.loss.copy()
    loss[60:] *= 1.07
    return replace(run, loss=loss)


def fell(factor):
    run = made(plan("constant", 20_000))
    return replace(run, loss=np.where(np.arange(run.loss.size) < 60, 1, factor) * run.loss)


def rising(share):
    run = made(plan("constant", 20_000))
    return replace(run, loss=run.loss * (1 + share * np.clip(run.step / 5000 - 3, 0, 1)))


def ends_high(count, factor=1.2):
    run = made(plan("constant", 20_000))
    loss = run.loss.copy()
    loss[-count:] *= factor
    return replace(run, loss=loss)


def late():
    run = made(plan("constant", 20_000))
    return select(run, run.step > 12_000)


def in_warmup():
    schedule = schedules.build("constant", 1000, peak=1e-3, warmup=800)
    return LossCurve("short", schedule, np.arange(50, 1001, 50), np.linspace(9, 5, 20))


def flat():
    run = made(plan("constant", 20_000))
    return replace(run, loss=np.full_like(run.loss, 3.0))


def noise():
    rng, step = np.random.default_rng(1), np.arange(1000, 20_001, 1000)
    return LossCurve("noise", plan("constant", 20_000), step, 3 + 0.1 * rng.standard_normal(step.size))


@pytest.mark.parametrize(
    ("run", "optimiser", "message"),
    [
        (blown_up, None, "made: has blown up: its last losses are about"),
        (jumped, None, "made: its loss jumps up at step 1"),
        (lambda: fell(0.93), None, "made: its loss jumps down at step 12200 though the rate stays"),
        (lambda: fell(0.7), None, "made: its loss jumps down at step 12200"),
        (lambda: rising(0.03), None, "made: its last losses are about .* so nothing is forecast"),
        (lambda: rising(-0.05), None, "where the law fitted to all of them says .*, so nothing is forecast"),
        (lambda: ends_high(1, 1.08), None, "where the law fitted to all of them says .*, so nothing is forecast"),
        (lambda: ends_high(2), None, "made: (its last losses are|the law explains only)"),
        (late, None, "made: its losses begin at step 12200 of 20000"),
        (in_warmup, None, "short: has no loss after 2 times its warm-up of 800 steps"),
        (
            lambda: in_another_unit(made(plan("constant", 20_000)), 3000),
            "adamw",
            "its peak rate is 3, which adamw does not",
        ),
        (flat, None, "made: its losses are all the same"),
        (noise, None, "noise: the law explains only"),
    ],
)
def test_such_logs_are_refused_in_one_line(run, optimiser, message):
    with pytest.raises(InputError, match=message) as caught:
        Forecaster([run()], optimiser).forecast(plan("wsd", 25_000))
    assert "\n" not in str(caught.value)


def written(path, rate, loss):
    """A log of `rate` and `loss`, a row every 100 steps."""
    rows = [f"{100 * (i + 1)},{a!r},{b!r}" for i, (a, b) in enumerate(zip(rate.tolist(), loss.tolist(), strict=True))]
    path.write_text("\n".join(["step,lr,val_loss", *rows]) + "\n")
    return path


def refused(path, *more):
    """What `losslaws predict` says of a log that it refuses."""
    args = parser().parse_args(["predict", str(path), *more])
    with pytest.raises(InputError) as caught:
        args.run(args)
    return str(caught.value)


@pytest.mark.parametrize(
    "asked", [("--until", "8000"), ("--schedule", "wsd"), ("--schedule", "wsd", "--steps", "9000"), ()]
)
@pytest.mark.parametrize("warmup", [2000, 4000])
def test_a_log_within_its_warmup_is_named_by_its_file_whatever_is_asked(tmp_path, asked, warmup):
    rate = 1e-3 * np.minimum(np.arange(100, 3801, 100) / warmup, 1)
    path = written(tmp_path / "early.csv", rate, np.linspace(6, 4, rate.size))
    seen = min(warmup, 3800)
    assert refused(path, *asked) == f"{path}: has no loss after 2 times its warm-up of {seen} steps; log on"


def test_what_was_noted_of_a_log_that_the_law_does_not_describe_is_said(tmp_path):
    rate = np.full(60, 1e-3)
    rate[54] = 1
    path = written(tmp_path / "run.csv", rate, np.linspace(4, 3.5, 60))
    said = refused(path, "--until", "8000")
    assert said.startswith(f"{path}: the law explains only ") and "\n" not in said
    assert "noted when it was read: the learning rate 1 at step 5500 stands out from its neighbours" in said
    loss = made(plan("constant", 20_000)).loss.copy()
    loss[-6:] *= 1.045
    path = written(tmp_path / "end.csv", np.where(np.arange(loss.size) == 54, 1, np.full(loss.size, 1e-3)), loss)
    said = refused(path, "--until", "25000")
    assert said.startswith(f"{path}: its last losses") and "1 at step 5500 stands out" in said


@pytest.mark.parametrize("seed", range(12))
def test_losses_that_differ_from_one_to_the_next_do_not_end_off_the_law(seed):
    """Losses of single batches: the median of the last five lies off by half of what one of them does."""
    run = made(plan("cosine", 20_000), noise=0.01, seed=seed)
    assert Forecaster([run]).forecast(plan("wsd", 25_000)).final[0] > 0


def test_equal_logs_are_refused():
    run = made(plan("constant", 20_000))
    with pytest.raises(InputError, match="again: holds the losses of made, step by step; give each run once"):
        Forecaster([run, replace(run, name="again")])


@pytest.mark.parametrize(
    "other",
    [
        lambda run: select(run, run.step <= 12_000),
        lambda run: select(run, np.arange(2, run.step.size, 3)),
        lambda run: replace(run, loss=run.loss.round(3)),
        lambda run: in_another_unit(run, 2.0),
    ],
    ids=["up to a step", "another cadence", "rounded", "another unit"],
)
def test_a_run_given_twice_in_another_form_is_refused(other):
    run = made(plan("constant", 20_000))
    for pair in ([run, replace(other(run), name="again")], [replace(other(run), name="again"), run]):
        with pytest.raises(InputError, match="step by step; give each run once"):
            Forecaster(pair)


def test_branches_of_a_trunk_and_seeds_are_runs_of_their_own():
    trunk, branch = made(plan("constant", 20_000)), made(plan("wsd", 20_000, decay=0.1))
    assert np.all(trunk.loss[:80] == branch.loss[:80])
    assert not one_run(trunk, branch) and not one_run(branch, trunk)
    assert not one_run(trunk, made(plan("constant", 20_000), seed=1))


def test_a_rate_that_adam_cannot_have_is_taken_as_another_unit_where_nobody_says_adam():
    run = in_another_unit(made(plan("constant", 20_000)), 3000)
    assert Forecaster([run]).known_optimiser == "unknown"


def test_a_log_that_begins_a_little_late_is_forecast_and_says_so():
    run = made(plan("constant", 20_000))
    some = Forecaster([select(run, run.step > 4000)])
    assert "its losses begin at step 4200 of 20000" in " | ".join(some.warnings)
    assert not any("begin" in line for line in Forecaster([run]).warnings)


def test_healthy_public_runs_are_not_refused():
    refused = []
    for group in public.groups():
        for curve in group.curves.values():
            optimiser = "adamw" if group.rate == "absolute" else "unknown"
            if curve.step[0] <= 0.1 * curve.step[-1] and curve.step.size > 12:
                refused += [f"{group.name} {curve.name}: {line}" for line in doubts(curve, optimiser)]
    assert refused == []


@pytest.mark.parametrize("room", ["mup", "loss_to_loss"])
def test_small_runs_of_noisy_losses_are_not_refused(room, tmp_path):
    """Where a log has few validation losses the loss of each batch is read, which scatters by 2 to 7 %."""
    curves = [*load_folder(ROOT / "results" / room).values()][::3]
    assert len(curves) > 10
    for curve in curves:
        rows = np.column_stack([np.arange(1, curve.schedule.steps + 1), curve.schedule.lr, curve.train_loss])
        np.savetxt(tmp_path / "log.csv", rows, delimiter=",", header="step,lr,train_loss", comments="")
        assert [*doubts(logs.read(tmp_path / "log.csv"), "unknown")] == [], curve.name  # some rates no Adam would take


@pytest.mark.parametrize("scatter", [0.0, 0.01, 0.03])
def test_a_break_is_told_from_scatter(scatter):
    rng = np.random.default_rng(0)
    for _ in range(20):
        run = made(plan("constant", 20_000))
        loss = run.loss * np.exp(scatter * rng.standard_normal(run.loss.size))
        assert [*doubts(replace(run, loss=loss), "adamw")] == []
        broken = np.where(np.arange(loss.size) < 60, 1, max(1.07, np.exp(14 * scatter))) * loss
        assert "jumps up at step 1" in " ".join(doubts(replace(run, loss=broken), "adamw"))
        lower = np.where(np.arange(loss.size) < 60, 1, min(0.92, np.exp(-14 * scatter))) * loss
        assert "jumps down at step 1" in " ".join(doubts(replace(run, loss=lower), "adamw"))


@pytest.mark.parametrize("name", ["slimpajama-124m 124M", "mpl 25M"])
def test_the_law_holds_how_healthy_public_runs_end(name):
    (group,) = (group for group in public.groups() if group.name == name)
    for curve in list(group.curves.values())[::8]:
        assert Forecaster([curve], group.optimiser).explained > 0.9
