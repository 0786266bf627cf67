"""Priors, widths of intervals, cases and the table of the benchmark."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.calibration import calibrate
from analysis.calibration.benchmark import GRID, OURS, baseline, described, summary
from analysis.calibration.cases import Case, constant_cases, decayed_cases, models
from losslaws.curves import LossCurve, schedules
from losslaws.curves.public import Group
from losslaws.curves.runs import fork_of
from losslaws.forecast.calibration import PRIOR, learned, widening
from losslaws.forecast.fitted import fit_runs
from losslaws.forecast.prior import FORMS, LAW, learn, likelihood, prior_for


@pytest.fixture(scope="module")
def public():
    return models()


def test_the_committed_priors_are_those_of_the_public_curves(public):
    found, kept = learn(public), json.loads(PRIOR.read_text())
    assert kept.keys() == FORMS.keys()
    assert sum(values["weight"] for values in kept.values()) == pytest.approx(1, abs=1e-3)
    for form, values in kept.items():
        assert found[form].pop("weight") == pytest.approx(values.pop("weight"), abs=2e-3)
        for key, numbers in values.items():
            for name, value in numbers.items():
                assert found[form][key][name] == pytest.approx(value, abs=2e-3), (form, key, name)


def test_forms_that_fit_better_weigh_more_and_more_so_for_more_points():
    def made(objective, points):
        return SimpleNamespace(objective=objective, measurements=lambda each: points / each)

    few, many = (likelihood([made(1e-4, points), made(2e-4, points)]) for points in (200, 800))
    assert few == pytest.approx([2 / 3, 1 / 3]) and many == pytest.approx([16 / 17, 1 / 17])


def test_a_prior_follows_rate_and_batch():
    known = learned()
    step, loss = np.arange(100, 1001, 100), np.full(10, 3.0)

    def expected(peak, tokens):
        run = LossCurve("r", schedules.build("constant", 1000, peak=peak), step, loss, tokens_per_step=tokens)
        return prior_for(run, known["memory 100"])

    few, many, unknown = expected(1e-3, 50_000), expected(1e-3, 5_000_000), expected(1e-3, None)
    assert few.mean["K"] > many.mean["K"]
    assert expected(2e-3, 50_000).mean["K"] + np.log(LAW.level(2e-3)) > few.mean["K"]
    assert unknown.scale["K"] > few.scale["K"]
    # a whole decay removes 5 to 10 % of the loss at these rates, as in the public curves
    assert 0.05 < np.exp(few.mean["K"]) / 3 < 0.1


def test_cases_see_nothing_of_what_they_ask_for(public):
    for group in public:
        for case in constant_cases(group):
            fork = fork_of(case.target.schedule)
            assert case.seen.step[-1] <= fork < case.target.step[-1]
            seen = case.seen.schedule.lr[case.seen.schedule.warmup : case.seen.step[-1]]
            assert np.all(seen == case.target.schedule.peak)
        for case in decayed_cases(group):
            assert case.seen.name != case.target.name
            assert case.target.schedule.lr[-1] < case.target.schedule.peak


def errors(sizes, scale=1.0):
    rng = np.random.default_rng(0)
    rows = [
        {
            "dataset": name,
            "kind": "constant",
            "horizon": horizon,
            "error": scale * 0.01 * rng.standard_normal(),
            "spread": 0.01,
        }
        for name, size in sizes.items()
        for horizon in (1.1, 3.0)
        for _ in range(size)
    ]
    return pd.DataFrame(rows)


def test_the_width_is_the_quantile_of_errors_and_covers_others():
    table = errors({"a": 2000, "b": 500, "c": 500})
    assert calibrate.width(table) == pytest.approx(1.645, rel=0.08)
    assert calibrate.widths(table)["coverage"].to_numpy() == pytest.approx(90, abs=3)
    wild = pd.concat([table, errors({"d": 500}, 3.0)], ignore_index=True)
    assert 1.1 * calibrate.width(table) < calibrate.width(wild) < 3 * calibrate.width(table)
    assert not calibrate.covered(wild)[wild["dataset"] == "d"].mean() > 0.6


def test_families_count_alike_whatever_their_number_of_cases():
    widths = [calibrate.width(pd.concat([errors({"a": 2000}), errors({"b": size}, 3.0)])) for size in (100, 2000)]
    assert widths[0] == pytest.approx(widths[1], rel=0.1)


def test_a_family_of_few_cases_has_no_say():
    table = pd.concat([errors({"a": 500}), errors({"b": 2}, 50.0)], ignore_index=True)
    assert calibrate.width(table) < 2


def test_committed_intervals_are_wider_for_what_is_known_less():
    step = np.arange(200, 20_001, 200)
    run = LossCurve(
        "r", schedules.build("constant", 20_000, peak=1e-3), step, 2.9 + 2 * step**-0.4, tokens_per_step=51200
    )
    fitted = fit_runs([run], learned())
    target = schedules.build("wsd", 80_000, peak=1e-3, decay=0.2)
    _, spread = fitted.losses(target, [20_000, 60_000, 80_000])
    assert spread[0] < spread[1] < spread[2]
    assert 1 < widening(False) < 4 and 1 < widening(True) < 4


def test_a_held_out_run_of_the_grid_is_forecast_within_a_per_cent(public):
    others = learn([group for group in public if group.dataset != GRID])
    group = next(g for g in public if g.dataset == GRID and g.at_peak(1e-3).curves)
    cases = [c for c in constant_cases(group) if c.target.name in ("linear10_0.001_25000", "linear20_0.001_50000")]
    rows = pd.DataFrame(calibrate.forecast(cases, others))
    assert len(rows) == 2 and rows["error"].abs().max() < 0.01
    power = [row["error"] for row in baseline("power law", cases)]
    assert rows["error"].abs().max() < np.abs(power).min()


def test_the_summary_counts_errors_and_coverage():
    schedule = schedules.build("constant", 100)
    run = LossCurve("r", schedule, [50, 100], [3.0, 2.0])
    case = Case("constant", Group("g", "1M", "f", {"r": run}), run, run)
    rows = [described(case, OURS, 0.01, True), described(case, OURS, -0.03, False), described(case, "persistence", 0.5)]
    table = summary(pd.DataFrame(rows)).set_index("method")
    assert table.loc[OURS, ["cases", "mean_error", "worst_error", "coverage"]].tolist() == pytest.approx(
        [2, 2.0, 3.0, 50.0]
    )
    assert np.isnan(table.loc["persistence", "coverage"])
