"""The watch of a run: silent while it follows its law, and what it says of one that does not."""

from dataclasses import replace

import numpy as np
import pytest

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.curves.runs import select
from losslaws.forecast import plans
from losslaws.forecast.look import Looker, departs
from losslaws.forecast.watch import RULE, Rule, Side, Watcher, noise_of
from tests.losslaws.forecast.made import PEAK, made, plan

STEPS = 20_000


@pytest.fixture(scope="module")
def watcher():
    return Watcher()


def harmed(run, size, begin=0.5, end=1.0):
    """The run with losses `size` higher, relative, between two shares of its losses."""
    loss, n = run.loss.copy(), run.loss.size
    loss[int(begin * n) : int(end * n)] *= 1 + size
    return replace(run, loss=loss)


@pytest.mark.parametrize(("name", "seed"), [("constant", 0), ("wsd", 1), ("cosine", 2)])
def test_a_run_that_follows_its_law_is_never_off(name, seed, watcher):
    watched = watcher.watch(made(plan(name, STEPS), seed=seed))
    assert not watched.episodes and watched.sound.all()
    assert np.mean(np.abs(watched.loss - watched.expected) <= watched.half) > 0.9


@pytest.mark.parametrize("size", [0.02, -0.02])
def test_losses_that_stay_off_are_noticed_soon_with_side_and_place(size, watcher):
    run = made(plan("constant", STEPS))
    begin = int(run.step[run.step.size // 2])
    (episode,) = watcher.watch(harmed(run, size)).episodes
    assert episode.side == ("above" if size > 0 else "below") and episode.until is None
    assert begin - 400 <= episode.since <= begin + 400 and begin < episode.noticed <= begin + 12 * 200


def test_a_single_loss_however_high_is_no_alarm(watcher):
    run = made(plan("constant", STEPS))
    loss = run.loss.copy()
    loss[60] *= 3
    assert not watcher.watch(replace(run, loss=loss)).episodes


def test_a_run_that_is_sound_again_is_said_to_be_and_its_bad_losses_teach_nothing(watcher):
    run = made(plan("constant", STEPS))
    watched = watcher.watch(harmed(run, 0.03, 0.4, 0.6))
    (episode,) = watched.episodes
    assert episode.until and watched.now is None
    assert (~watched.sound).sum() >= 0.15 * run.step.size
    whole = watcher.watch(run)
    assert watched.expected[-1] == pytest.approx(whole.expected[-1], rel=2e-3)


def test_one_look_at_the_end_says_what_a_watch_from_the_beginning_says(watcher):
    run = harmed(made(plan("wsd", STEPS)), 0.02)
    end = watcher.watch(run).episodes
    for n in (60, 70, 90):
        seen = select(run, slice(n))
        known = [one for one in end if one.noticed <= seen.step[-1]]
        now = watcher.watch(
            replace(seen, schedule=Schedule(run.schedule.lr[: seen.step[-1]], run.schedule.warmup))
        ).episodes
        assert [(one.side, one.since, one.noticed) for one in now] == [(o.side, o.since, o.noticed) for o in known]


def test_too_few_losses_are_refused(watcher):
    with pytest.raises(InputError, match=f"{RULE.first + 1} are needed"):
        watcher.watch(made(plan("constant", STEPS), upto=2400))


def test_the_sum_of_a_side_is_pages():
    rule = Rule(allowance=1.0, most=3.0, limit=5.0)
    run = made(plan("constant", STEPS))
    side, sound = Side("above", rule, run), np.ones(run.step.size, bool)
    sums = []
    for k, off in enumerate([0.5, 2.0, -3.0, 3.0, 9.0, 2.0, 1.0, -20.0]):
        side.add(k, off, sound)
        sums.append(side.sum)
    assert sums == [0, 1, 0, 2, 5, 6, 6, 0]
    (episode,) = side.episodes
    assert (episode.since, episode.noticed, episode.until) == tuple(run.step[[3, 5, 6]])
    assert list(np.flatnonzero(~sound)) == [3, 4, 5, 6]


@pytest.mark.parametrize(("alike", "factor"), [(0.0, 1.0), (0.6, 2.0)])
def test_the_noise_is_that_of_a_mean_of_losses_that_err_alike(alike, factor):
    rng = np.random.default_rng(0)
    step = np.arange(1, 8001)
    noise = np.zeros(step.size)
    for i, one in enumerate(rng.standard_normal(step.size) * np.sqrt(1 - alike**2)):
        noise[i] = alike * noise[i - 1] + one
    curve = LossCurve("flat", Schedule(np.full(8000, PEAK)), step, 3 * (1 + 1e-3 * noise))

    class Flat:
        def losses(self, schedule, at):
            return np.full(len(at), 3.0), None

    assert noise_of(curve, Flat()) == pytest.approx(1e-3 * factor, rel=0.15)
    spiky = replace(curve, loss=np.where(step % 50 == 0, 9.0, curve.loss))
    assert noise_of(spiky, Flat()) == pytest.approx(1e-3 * factor, rel=0.25)


def test_rates_that_leave_the_plan_are_told_from_rounded_ones():
    run = made(plan("constant", STEPS))
    rounded = Schedule(run.schedule.lr * 1.01, run.schedule.warmup)
    assert departs(run, run.schedule) == 0 and departs(run, rounded) == 0
    assert departs(run, plan("wsd", STEPS, decay=0.4)) == 12_200  # 2.5 % of the decay from step 12,000
    assert departs(run, plan("constant", STEPS, peak=2 * PEAK)) == 400


class Read:
    """What a look needs of a reading."""

    def __init__(self, curve, diverged=None):
        self.curve, self.diverged, self.last = curve, diverged or {}, int(curve.step[-1])

    def whole(self):
        return self.curve


def looker(**options):
    return Looker(lambda seen: plans.planned(seen, ["wsd"], 25_000, options={"decay": 0.2}), **options)


def test_a_look_says_what_was_expected_and_where_the_run_is_heading():
    run = made(plan("constant", STEPS))
    look = looker().look(Read(run))
    assert not look.off and look.last == STEPS and look.steps == 25_000
    assert "as expected" in str(look) and "wsd decay=0.2: " in str(look)
    assert look.as_dict()["forecasts"][0]["steps"] == 25_000
    bad = looker().look(Read(harmed(run, 0.03)))
    assert set(bad.off) == {"above"} and "above since step" in str(bad)
    assert bad.forecasts["wsd decay=0.2"].final[0] == pytest.approx(look.forecasts["wsd decay=0.2"].final[0], rel=5e-3)
    off = looker().look(Read(run, {"loss": 20_200}))
    assert off.off == {"nan": "'loss' is NaN or inf since step 20,200"}


def test_a_look_at_too_little_says_what_is_wanting():
    look = looker().look(Read(made(plan("constant", STEPS), upto=1600)))
    assert look.watched is None and not look.forecasts and len(look.doubts) == 2
    assert "nothing is expected yet" in str(look)
