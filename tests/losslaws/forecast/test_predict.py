"""Forecasts of made runs, whose outcome is known, and the door."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from losslaws.curves import InputError, public, schedules
from losslaws.forecast import specs
from losslaws.forecast.calibration import STRANGE, UNRELATED, spreads, widening
from losslaws.forecast.fitted import FLOOR, FORM, UNLIKE
from losslaws.forecast.predict import NORMAL, SIZES, Forecaster, apart
from tests.losslaws.forecast.made import LAW, TRUTH, in_another_unit, made, plan

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "run.csv"


@pytest.fixture(scope="module")
def constant():
    return Forecaster([made(plan("constant", 20_000))])


@pytest.fixture(scope="module")
def decayed():
    return Forecaster([made(plan("wsd", 20_000, decay=0.2))])


@pytest.mark.parametrize("name, options", [("wsd", {"decay": 0.2}), ("wsd", {"decay": 0.5}), ("cosine", {})])
def test_from_a_decayed_run_others_are_forecast(decayed, name, options):
    schedule = plan(name, 25_000, **options)
    forecast = decayed.forecast(schedule)
    final, low, high = forecast.final
    truth = LAW.loss(TRUTH, schedule, [25_000])[0]
    # one decayed run does not tell the form that made it from the others, which differ by about this
    assert low < truth < high and final == pytest.approx(truth, rel=5e-3)
    assert forecast.step[-1] == 25_000 and forecast.step.size <= 400
    assert np.all(forecast.low < forecast.loss) and np.all(forecast.loss < forecast.high)
    assert decayed.explained > 0.999


def test_from_a_constant_rate_a_decay_is_forecast_with_a_wider_interval(constant, decayed):
    schedule = plan("wsd", 25_000, decay=0.2)
    (final, low, high), (_, closer, farther) = constant.forecast(schedule).final, decayed.forecast(schedule).final
    truth = LAW.loss(TRUTH, schedule, [25_000])[0]
    assert low < truth < high and final == pytest.approx(truth, rel=1.5e-2)
    assert high - low > farther - closer
    stays = constant.forecast(plan("constant", 25_000)).final
    assert stays[2] - stays[1] < high - low


@pytest.mark.parametrize("name, options", [("wsd", {"decay": 0.2}), ("constant", {})])
def test_the_interval_is_the_spread_of_the_fit_widened_as_calibrated(constant, decayed, name, options):
    for forecaster in (constant, decayed):
        schedule = plan(name, 22_000, **options)
        forecast = forecaster.forecast(schedule)
        loss, spread = forecaster.fitted.losses(schedule, forecast.step)
        half = spread * widening(forecaster.fitted.stage, forecaster.apart)
        np.testing.assert_allclose(forecast.high / loss - 1, half, rtol=1e-9)
        np.testing.assert_allclose(1 - forecast.low / loss, half, rtol=1e-9)


def warnings(forecaster, schedule):
    return " | ".join(forecaster.forecast(schedule).warnings)


def test_what_is_doubtful_is_said(constant, decayed):
    known = plan("wsd", 20_000, decay=0.2)
    assert warnings(decayed, known) == ""
    assert "no decay in the data" in warnings(constant, known)
    assert "no decay" not in warnings(constant, plan("constant", 20_000))
    assert "beyond the horizon seen: 40000 steps are 2 times the 20000" in warnings(decayed, plan("cosine", 40_000))
    assert "a peak rate never seen: 0.002, the log has 0.001" in warnings(decayed, plan("cosine", 20_000, peak=2e-3))
    fast = made(plan("wsd", 20_000, peak=0.02, decay=0.2))
    assert "the optimiser is taken as unknown" in warnings(Forecaster([fast]), known)
    assert "that say how much steps at lower rates gain" in warnings(Forecaster([fast], "adamw"), known)
    assert "lies outside" not in warnings(decayed, known)
    assert "no public run with rates like those of muon" in warnings(Forecaster([fast], "muon"), known)
    assert "far shorter than what was seen" in warnings(decayed, plan("cosine", 5000))


def test_notes_of_the_log_are_said():
    run = made(plan("constant", 20_000))
    noted = replace(run, source={"notes": ["odd"]})
    assert "made: odd" in Forecaster([noted]).warnings


def test_what_was_seen_has_its_width(constant, decayed):
    assert constant.widening(constant.fitted) == widening("early") and decayed.widening(decayed.fitted) == widening(
        "decayed"
    )
    # a linear decay has come down to three fifths of the peak after two fifths of its steps
    for upto, stage in ((7_000, "early"), (9_000, "decayed")):
        assert Forecaster([made(plan("linear", 20_000), upto)]).fitted.stage == stage
    assert spreads().keys() == {"early", "decayed", "difference", "ladder"}


def test_the_spread_grows_with_the_log_of_the_length_to_either_side(decayed):
    fitted = decayed.fitted
    for steps, reach in ((20_000, 0.0), (40_000, np.log(2)), (10_000, -np.log(2))):
        assert fitted.reach(plan("cosine", steps), [steps])[0] == pytest.approx(reach)
    # on the way to its end a longer run is known as well as what was seen, a shorter one nowhere
    assert fitted.reach(plan("cosine", 40_000), [5_000])[0] == 0
    assert fitted.reach(plan("cosine", 10_000), [5_000])[0] == pytest.approx(-np.log(2))
    schedule = plan("cosine", 40_000)
    each, slopes = fitted.by_form(schedule, [40_000])
    loss, spread = fitted.losses(schedule, [40_000])
    rest = fitted.variance(each, slopes) / loss**2 + FLOOR**2
    unlike = fitted.unlike(schedule, [40_000])[0]
    assert spread == pytest.approx(np.sqrt(rest + (FORM * np.log(2)) ** 2 + (UNLIKE * unlike) ** 2))


def test_the_spread_grows_with_how_unlike_the_mean_rate_is(constant, decayed):
    # without a warm-up a linear decay over the last fifth has a mean rate of .9 of the peak, one over the whole run .5
    bare = {"warmup": 0, "final": 0.0}
    seen = Forecaster([made(plan("wsd", 20_000, decay=0.2, **bare))]).fitted
    for steps in (10_000, 20_000, 40_000):  # the length does not matter
        assert seen.unlike(plan("wsd", steps, decay=0.2, **bare), [steps])[0] == pytest.approx(0, abs=1e-3)
        half = seen.unlike(plan("linear", steps, **bare), [steps])[0]
        assert half == pytest.approx(np.log(0.9 / 0.5), abs=2e-3)
    # while the rates are those that were seen nothing is unlike
    assert decayed.fitted.unlike(plan("wsd", 20_000, decay=0.2)).max() < 1e-12
    assert constant.fitted.unlike(plan("wsd", 40_000, decay=0.2), [5_000, 20_000]).max() < 1e-12
    # of several runs the nearest counts
    both = Forecaster([made(plan("constant", 20_000)), made(plan("cosine", 20_000))]).fitted
    assert both.unlike(plan("cosine", 20_000), [20_000])[0] == 0
    # the same for a difference between two schedules
    linear, wsd = (plan(name, 20_000, **bare, **more) for name, more in (("linear", {}), ("wsd", {"decay": 0.2})))
    forms = [seen.by_form(schedule, [20_000]) for schedule in (linear, wsd)]
    apart = [a - b for a, b in zip(forms[0][0], forms[1][0], strict=True)]
    slopes = [a - b for a, b in zip(forms[0][1], forms[1][1], strict=True)]
    rest = seen.variance(apart, slopes)[0] / seen.average(forms[1][0])[0] ** 2 + FLOOR**2
    off = UNLIKE * np.log(0.9 / 0.5)
    assert seen.difference(linear, wsd)[1] == pytest.approx(np.sqrt(rest + off**2), rel=1e-3)


def test_the_interval_is_as_many_spreads_wide_as_was_calibrated(decayed):
    schedule = plan("cosine", 25_000)
    loss, spread = decayed.fitted.losses(schedule, [25_000])
    final, low, high = decayed.forecast(schedule).final
    assert (high - low) / 2 / final == pytest.approx(spread[0] * widening("decayed"), rel=1e-9)
    assert final == pytest.approx(loss[0])


def test_of_another_optimiser_the_unit_does_not_count_and_intervals_are_wider():
    run, target = made(plan("wsd", 20_000, decay=0.2)), made(plan("cosine", 25_000))
    ends = [
        Forecaster([in_another_unit(run, factor)], "muon").forecast(in_another_unit(target, factor).schedule).final
        for factor in (1.0, 1000.0)
    ]
    assert ends[1] == pytest.approx(ends[0], rel=1e-6)
    known = Forecaster([run], "adamw").forecast(target.schedule).final
    assert ends[0][2] - ends[0][1] > 1.5 * (known[2] - known[1])


def test_where_no_public_model_is_of_about_that_size_intervals_are_wider():
    run = made(plan("wsd", 20_000, decay=0.2))
    for size, wide in ((100_000_000, 1), (1_400_000, 1), (1_300_000, STRANGE), (19_000_000_000, STRANGE)):
        forecaster = Forecaster([replace(run, parameters={"non_embedding": size})], "adamw")
        assert forecaster.widening(forecaster.fitted) == wide * spreads()["decayed"]
        said = "; ".join(forecaster.warnings)
        assert (f"no public model of about {size:,} parameters, theirs have 14,000,000 to" in said) == (wide > 1)


def test_public_models_are_of_the_sizes_that_forecasts_take_them_to_have():
    sizes = [group.parameters for group in public.groups()]
    assert SIZES[0] <= min(sizes) < 1.1 * SIZES[0] and SIZES[1] / 1.1 < max(sizes) <= SIZES[1]


def test_the_size_that_one_log_of_a_model_tells_holds_for_the_others():
    small = replace(made(plan("cosine", 8_000)), parameters={"non_embedding": 35_000})
    both = Forecaster([made(plan("wsd", 20_000, decay=0.2)), small], "adamw")
    assert {curve.parameters["non_embedding"] for curve in both.curves} == {35_000}
    assert {fit.law.model_size for fit in both.fitted.fits} == {35_000}


def test_a_ladder_is_asked_about_a_size_that_is_far_from_all_public_ones():
    assert apart([2e9, 4e9, 19e9], "adamw") == apart([19e9], "muon") == STRANGE > UNRELATED
    assert apart([2e9, 4e9], "adamw") == apart([], "adamw") == 1 and apart([], "muon") == UNRELATED


def test_adamw_in_a_unit_of_its_own_is_as_sure_of_a_decay_as_other_adamw_runs():
    run, target = made(plan("constant", 20_000)), made(plan("wsd", 25_000, decay=0.2))
    ends = {}
    for name in ("adamw-relative", "unknown"):
        for factor in (1.0, 1000.0):
            one = Forecaster([in_another_unit(run, factor)], name)
            ends[name, factor] = one.forecast(in_another_unit(target, factor).schedule).final
        assert ends[name, 1.0] == pytest.approx(ends[name, 1000.0], rel=1e-6)
    (_, low, high), (_, lower, higher) = ends["adamw-relative", 1.0], ends["unknown", 1.0]
    assert higher - lower == pytest.approx(UNRELATED * (high - low))


def test_the_size_narrows_what_a_decay_may_remove():
    run, target = made(plan("constant", 20_000)), plan("wsd", 25_000, decay=0.2)
    sized = replace(run, parameters={"non_embedding": 85_000_000})
    wide, narrow = (Forecaster([one]).forecast(target).final for one in (run, sized))
    assert narrow[2] - narrow[1] < wide[2] - wide[1]


def test_differences_leave_out_what_schedules_have_in_common(constant):
    plans = {
        "wsd": plan("wsd", 25_000, decay=0.2),
        "cosine": plan("cosine", 25_000),
        "constant": plan("constant", 25_000),
    }
    found = constant.compare(plans)
    lowest = min(found, key=lambda name: found[name].loss)
    assert found[lowest].loss == found[lowest].low == 0 and all(one.loss >= 0 for one in found.values())
    assert sum(one.wins for one in found.values()) == pytest.approx(1)
    ends = {name: constant.forecast(schedule).final for name, schedule in plans.items()}
    assert found["constant"].loss == pytest.approx(ends["constant"][0] - ends[lowest][0], rel=1e-6)
    other = next(name for name in ("wsd", "cosine") if name != lowest)
    alike = constant.compare({"shorter": plan("wsd", 25_000, decay=0.15), "longer": plans["wsd"]})["shorter"]
    width = found[other].high - found[other].low
    assert alike.high - alike.low < 0.5 * width and width < 0.8 * (ends[other][2] - ends[other][1])
    assert found["constant"].told and found["constant"].steps > 1.5 and found["constant"].wins < 0.01
    truth = [LAW.loss(TRUTH, plans[name], [25_000])[0] for name in (other, lowest)]
    assert found[other].low <= truth[0] - truth[1] <= found[other].high


@pytest.mark.parametrize(
    "pair", [("wsd:decay=0.2", "cosine"), ("wsd:decay=0.2", "wsd:decay=0.19"), ("wsd:decay=0.5", "linear")]
)
def test_the_share_of_draws_is_what_the_interval_says(constant, pair):
    found = constant.compare({word: specs.parse(word, {"steps": 25_000, "peak": 1e-3, "warmup": 300}) for word in pair})
    other = max(found.values(), key=lambda one: one.loss)
    spread = (other.high - other.low) / 2 / NORMAL  # of a normal distribution whose 90 % this is
    assert other.wins == pytest.approx(norm.cdf(-other.loss / spread), abs=0.03)


def test_schedules_that_are_alike_cannot_be_told(decayed):
    found = decayed.compare({"a": plan("wsd", 25_000, decay=0.2), "b": plan("wsd", 25_000, decay=0.21)})
    assert not any(one.told for one in found.values())


def test_a_file_is_taken_as_it_stands(tmp_path):
    rates = np.concatenate([np.linspace(1e-5, 4e-4, 100), np.linspace(4e-4, 0, 700)])
    path = tmp_path / "plan.csv"
    path.write_text("lr\n" + "\n".join(map(repr, rates.tolist())) + "\n")
    found = specs.parse(f"file:path={path}", {"steps": 50_000, "peak": 1e-3, "warmup": 300})
    assert found.lr == pytest.approx(rates, rel=1e-15) and found.steps == 800
    assert specs.parse("file", {"steps": 9, "peak": 1.0, "warmup": 0, "path": str(path)}).steps == 800
    assert specs.parse(f"file:path={path},steps=500,peak=2", {}).lr == pytest.approx(2 * rates[:500])
    with pytest.raises(InputError, match="there is no file"):
        specs.parse("file:path=none.csv", {})


def test_too_few_losses_are_refused():
    with pytest.raises(InputError, match="has only 5 losses after the warm-up; a forecast needs 8"):
        Forecaster([made(plan("constant", 1500), 1500)]).fitted  # noqa: B018


@pytest.mark.parametrize("peak", [1e-300, 1e-6, 1.0])
def test_a_peak_far_from_what_was_seen_is_refused(constant, peak):
    with pytest.raises(InputError, match=f"its peak rate is {peak:g}, the log's 0.001"):
        constant.forecast(plan("cosine", 25_000, peak=peak))


def test_a_plan_that_begins_like_the_log_continues_it(constant):
    assert constant.forecast(plan("wsd", 25_000, decay=0.2)).continues
    assert not constant.forecast(plan("wsd", 25_000, decay=0.5)).continues
    assert not constant.forecast(plan("cosine", 25_000)).continues


GIVEN = {"steps": 1000, "peak": 1e-3, "warmup": 10, "decay": 0.3}


@pytest.mark.parametrize(
    ("word", "same"),
    [
        ("wsd", {"name": "wsd", "decay": 0.3}),
        ("wsd:decay=.1,shape=1-sqrt", {"name": "wsd", "decay": 0.1, "shape": "1-sqrt"}),
        ("multistep:milestones=[0.8,0.9]", {"name": "multistep", "milestones": [0.8, 0.9]}),
        ("multistep:milestones=[0.5],values=[1,0.1],", {"name": "multistep", "milestones": [0.5], "values": [1, 0.1]}),
        (
            "polyline:points=[[0,1],[0.5,1],[1,0]],steps=90",
            {"name": "polyline", "points": [[0, 1], [0.5, 1], [1, 0]], "steps": 90},
        ),
        ("cosine:steps=500,peak=2e-3,warmup=5", {"name": "cosine", "steps": 500, "peak": 2e-3, "warmup": 5}),
    ],
)
def test_schedules_are_read_from_words(word, same):
    expected = schedules.build(**({"steps": 1000, "peak": 1e-3, "warmup": 10} | same))
    assert np.array_equal(specs.parse(word, GIVEN).lr, expected.lr)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("wds", "schedule 'wds' is unknown; did you mean 'wsd'"),
        ("wsd:decy=0.1", "has no option 'decy'; did you mean 'decay'"),
        ("wsd:decay", "'decay' is no option; write NAME:option=value"),
        ("wsd:decay=0.1,decay=0.2", "decay is given twice"),
        ("wsd:decay=much", "decay is 'much'; it must be a finite number"),
        ("wsd:steps=9.5", "steps is 9.5; give a whole number"),
        ("wsd:peak=-1", "peak is -1; give a positive rate"),
        (
            "wsd:decay=2.5",
            "decay 2.5 is neither a share of all steps, at most 1, nor a whole number of them; a quarter of them is",
        ),
        ("wsd:decay=inf", "decay is inf; it must be a finite number"),
        ("cosine:steps=300000000", "steps is 300000000; it must lie between 1 and 20,000,000"),
        ("cyclic:cycles=1000000000", "cycles is 1000000000; it must lie between 1 and the 1000 steps"),
        ("multistep:milestones=[0.8", "it must be a list of numbers"),
        ("polyline:points=" + 100_000 * "[", "it must be a list of pairs of numbers"),
        ("wsd:shape=power,power=-1", "rates must be finite and >= 0"),
    ],
)
def test_words_that_are_no_schedule_are_refused(word, message):
    with pytest.raises(InputError, match=message):
        specs.parse(word, GIVEN)


def test_a_list_stays_together_in_a_label():
    assert specs.label("multistep:milestones=[0.8,0.9],steps=90", {}) == "multistep milestones=[0.8,0.9]"


def door(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "losslaws", "predict", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.slow
def test_the_door_answers_in_text_json_csv_and_pictures(tmp_path):
    asked = (EXAMPLE, "--batch", 51200, "--schedule", "wsd", "cosine", "--steps", 25000, "--decay", 0.2)
    done = door(*asked, "--csv", tmp_path / "o.csv", "--figure", tmp_path / "o", "--until", 30000)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[4:7]] == ["wsd", "cosine", "as"]
    assert "continues the log" in done.stdout and "warning: no decay in the data" in done.stdout
    assert (tmp_path / "o.csv").read_text().startswith("schedule,step,loss,low,high\nwsd decay=0.2,601,")
    assert (tmp_path / "o.svg").stat().st_size > 5000 and (tmp_path / "o.pdf").exists()
    assert done.stderr.splitlines() == [f"wrote {tmp_path / 'o.pdf'}", f"wrote {tmp_path / 'o.svg'}"]
    answer = json.loads(door(*asked, "--json").stdout)
    assert [f["schedule"] for f in answer["forecasts"]] == ["wsd decay=0.2", "cosine"]
    first = answer["forecasts"][0]
    assert first["interval_90"][0] < first["final_loss"] < first["interval_90"][1]
    assert answer["logs"][0]["last_step"] == 20000 and answer["law"]["r2"] > 0.999


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((EXAMPLE,), "no schedule is asked for; give --schedule NAME"),
        (("none.csv", "--until", "9"), "none.csv: no such file"),
        ((EXAMPLE, "--until", "9"), "lies before the last step of the log, 20000"),
        ((EXAMPLE, "--columns", "lr", "--until", "30000"), "write ROLE=COLUMN"),
        ((EXAMPLE, "--until", "300000000"), "argument --until: 300000000: give a whole number from 1 to 20,000,000"),
        ((EXAMPLE, "--until", "30000", "--batch", "0"), "argument --batch: 0: give a whole number from 1 up"),
        ((EXAMPLE, "--until", "30000", "--peak", "nan"), "argument --peak: nan: give a finite number above 0"),
        ((EXAMPLE, "--until", "30000", "--cvs", "x.csv"), "unrecognized arguments: --cvs x.csv (`losslaws"),
        ((EXAMPLE, "--until", "30000", "--csv", "mistyped/x.csv"), "mistyped/x.csv: there is no folder"),
        ((EXAMPLE, "--until", "30000", "--csv", "docs"), "docs: is a folder; give the name of a file"),
        ((EXAMPLE, "--until", "30000", "--figure", "x.gif"), "x.gif: a figure ends in .pdf, .svg, .png; without"),
        ((EXAMPLE, "--until", "30000", "--csv", "/dev/full"), "/dev/full: No space left on device; free some space"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message):
    done = door(*arguments)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and message in done.stderr


@pytest.mark.slow
def test_a_figure_is_what_its_ending_says_and_a_name_is_no_formula(tmp_path):
    odd = tmp_path / "loss$\\bad$.csv"
    odd.write_bytes(EXAMPLE.read_bytes())
    done = door(odd, "--until", 25000, "--figure", tmp_path / "o.png")
    assert done.returncode == 0 and done.stderr == f"wrote {tmp_path / 'o.png'}\n"
    assert (tmp_path / "o.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loss$\\bad$.csv", "o.png"]


def test_a_pipe_is_written_into_and_standard_output_holds_the_table(tmp_path):
    done = door(EXAMPLE, "--until", 20002, "--json", "--csv", "/dev/stdout")
    answer, sign, table = done.stdout.partition("\nschedule,step,")
    assert json.loads(answer)["forecasts"] and sign and table.count("\n") > 100


def test_an_answer_imports_nothing_heavy():
    code = f"""
import sys
sys.argv = ["losslaws", "predict", {str(EXAMPLE)!r}, "--until", "30000"]
from losslaws.__main__ import main
main()
print([name for name in ("torch", "pandas", "matplotlib", "transformers", "tqdm") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(),
    reason="the peak of this process alone is read from /proc: ru_maxrss starts at its parent's",
)
def test_a_million_steps_take_seconds_and_less_than_a_gigabyte(tmp_path):
    steps = 1_000_000
    schedule = plan("wsd", steps, decay=0.2)
    loss = LAW.loss(TRUTH, schedule) + 0.05 * np.random.default_rng(0).standard_normal(steps)
    table = np.column_stack([np.arange(1, steps + 1), schedule.lr, loss])
    np.savetxt(tmp_path / "log.csv", table, "%.7g", ",", header="step,lr,loss", comments="")
    code = f"""
import re, resource, sys
from pathlib import Path
sys.argv = ["losslaws", "predict", {str(tmp_path / "log.csv")!r}, "--schedule", "wsd", "--decay", "0.1"]
from losslaws.__main__ import main
main()
used = resource.getrusage(resource.RUSAGE_SELF)
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(used.ru_utime + used.ru_stime, int(peak) / 2**20)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    seconds, gigabytes = map(float, done.stdout.splitlines()[-1].split())
    assert seconds < 5 and gigabytes < 1, done.stdout
