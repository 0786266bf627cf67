"""Cases, widths of intervals, the choice of settings and the table of the benchmark."""

import numpy as np
import pandas as pd
import pytest

from analysis import RESULTS
from analysis.calibration import calibrate, selection
from analysis.calibration.benchmark import OURS, baseline, described, summary
from analysis.calibration.cases import KINDS, Case, cases, constant_cases, models, rivals
from losslaws.curves import LossCurve, schedules
from losslaws.curves.public import Group, groups
from losslaws.curves.runs import fork_of
from losslaws.forecast.calibration import UNRELATED, learned, spreads, widening
from losslaws.forecast.fitted import fit_runs
from losslaws.forecast.prior import EARLY, FALLEN, STIFFNESS, learn, tell


@pytest.fixture(scope="module")
def public():
    return models()


def test_cases_see_nothing_of_what_they_ask_for(public):
    for group in (group for group in public if len(group.curves) < 20):
        for case in cases(group, 6):
            seen, target = case.seen, case.target
            assert target.schedule.lr[-1] < target.schedule.peak
            if case.kind == "constant":
                fork = fork_of(target.schedule)
                assert seen.step[-1] <= fork < target.step[-1]
                assert np.all(seen.schedule.lr[seen.schedule.warmup : seen.step[-1]] == target.schedule.peak)
            elif case.kind == "under way":
                assert seen.name == target.name and fork_of(target.schedule) < seen.step[-1] < target.step[-1]
            else:
                assert seen.name != target.name
                assert (seen.schedule.peak == target.schedule.peak) == (case.kind == "decayed")
            for rival in rivals(case):
                assert rival.schedule.steps == target.schedule.steps and rival.name not in (seen.name, target.name)


def test_every_kind_has_cases_and_a_width(public):
    kinds = {case.kind for group in public if group.dataset == "slimpajama-scaling" for case in cases(group)}
    assert kinds == set(KINDS)
    assert spreads().keys() == {"early", "decayed", "difference", "ladder"}


@pytest.mark.slow
def test_the_committed_priors_are_those_of_the_public_curves():
    def compare(found, kept, where=""):
        if isinstance(kept, dict):
            assert found.keys() == kept.keys()
            for key in kept:
                compare(found[key], kept[key], f"{where}/{key}")
        else:
            assert np.asarray(found) == pytest.approx(np.asarray(kept), abs=5e-3, rel=5e-3), where

    compare(learn(calibrate.taught()), learned())


def test_where_the_unit_is_not_known_a_forecast_is_not_told_the_optimiser():
    told = {
        group.dataset: next(iter(constant_cases(group))).optimiser
        for group in (groups("gemstones")[0], groups("mpl")[0])
    }
    assert told == {"gemstones": "adamw-relative", "mpl": "adamw"}


def errors(sizes, scale=1.0, kind="constant", adam=True):
    """A table of errors as of `calibrate.errors`: with their own authors left out, and with each other group too."""
    rng, rows = np.random.default_rng(0), []
    for name, size in sizes.items():
        error = scale * 0.01 * rng.standard_normal(size)
        for also in ("", *(other for other in sizes if other != name)):
            rows += [
                {"authors": name, "also": also, "kind": kind, "stage": kind, "adam": adam, "error": e, "spread": 0.01}
                for e in error
            ]
    return pd.DataFrame(rows)


def once(table):
    return table[table["also"] == ""]


def test_a_group_of_many_cases_may_ask_for_a_width_of_its_own():
    # one of twenty cases does, one of nineteen does not
    others = [once(errors({"a": 4000})), once(errors({"b": 4000}))]
    wild = {n: pd.concat([*others, once(errors({"c": n}, 3.0))]) for n in (19, 20)}
    need = np.sort(once(errors({"c": 20}, 3.0))["error"].abs())[17] / 0.01  # the eighteenth of twenty
    assert calibrate.width(wild[20]) == pytest.approx(need) and calibrate.width(wild[19]) < 0.8 * need


def test_the_width_is_what_groups_of_authors_need_that_count_alike(monkeypatch):
    monkeypatch.setattr(calibrate, "MANY", 10**6)
    assert calibrate.width(once(errors({"a": 4000, "b": 4000}))) == pytest.approx(1.645, rel=0.05)
    # 90 % of the mixture of a normal and one three times as wide lie within 3.83, whatever the number of cases
    both = pd.concat([once(errors({"a": 4000})), once(errors({"b": 1000}, 3.0))])
    assert calibrate.width(both) == pytest.approx(3.83, rel=0.07)
    ten = pd.DataFrame({"authors": "a", "error": np.arange(1, 11) / 100, "spread": 0.01, "adam": True})
    assert calibrate.width(ten) == pytest.approx(9)  # nine of the ten lie within


def test_errors_of_unrelated_runs_have_their_extra_width_already():
    assert calibrate.width(once(errors({"a": 4000}, adam=False))) == pytest.approx(1.645 / UNRELATED, rel=0.05)


def test_coverage_is_checked_with_widths_that_others_give():
    sizes = {"a": 1000, "b": 1000, "c": 1000}
    alike = calibrate.coverage(errors(sizes))
    assert alike["coverage"].to_numpy() == pytest.approx(90, abs=4) and set(alike["cases"]) == {1000}
    table = errors(sizes)
    table.loc[table["authors"] == "c", "error"] *= 4
    found = calibrate.coverage(table).set_index("authors")["coverage"]
    assert found["c"] < 50 and found["a"] > 99  # c is never asked for its own width


def test_settings_are_chosen_by_others_than_those_they_are_scored_on():
    rows = [
        {"setting": setting, "authors": authors, "kind": "constant", "error": error}
        for authors, by in {"a": (0.01, 0.03), "b": (0.02, 0.01), "c": (0.02, 0.01)}.items()
        for setting, error in enumerate(by)
    ]
    table = pd.DataFrame(rows)
    assert selection.choose(table) == 0 or selection.means(table)[0] >= selection.means(table)[1]
    found = selection.looked(table).set_index("authors")
    assert found.loc["a", "mean_error"] == 0.03 and found.loc["a", "best_error"] == 0.01


def test_the_errors_of_the_form_are_chosen_by_interval_score():
    rng = np.random.default_rng(0)
    table = pd.concat([errors({name: 4000}) for name in ("a", "b")] + [errors({"c": 4000})], ignore_index=True)
    table = pd.concat([table[table["also"] == ""].assign(also=also) for also in ("", "a", "b", "c")])
    table = table[table["authors"] != table["also"]].reset_index(drop=True)
    table["reach"], table["unlike"] = rng.uniform(0, 2, len(table)), rng.uniform(0, 1, len(table))

    def spread(form, unlike):
        return np.sqrt(0.002**2 + (form * table["reach"]) ** 2 + (unlike * table["unlike"]) ** 2)

    table["error"] = rng.standard_normal(len(table)) * spread(0.005, 0.016)
    table["spread"] = spread(selection.FORM, selection.UNLIKE)
    found = selection.forms(table).set_index(["form", "unlike"])["all"]
    assert found.idxmin() in ((0.005, 0.012), (0.005, 0.016), (0.005, 0.024)) and found[0, 0] > 1.1 * found.min()


def test_what_is_set_is_what_the_rules_say():
    """But for the size, which stays whatever they say."""
    forms = pd.read_csv(RESULTS / "calibration" / "forms.csv").set_index(["form", "unlike"])
    assert forms["all"].idxmin() == (selection.FORM, selection.UNLIKE)
    settings = (
        pd.read_csv(RESULTS / "calibration" / "settings.csv").query("size").set_index(["points", "early", "fallen"])
    )
    assert settings["mean_error"].idxmin() == (STIFFNESS, EARLY, FALLEN)
    assert [learned()[name] for name in ("points", "early", "fallen")] == [STIFFNESS, EARLY, FALLEN]


def test_a_setting_without_the_size_says_the_same_of_every_size():
    blind = selection.changed(learned(), size=False)["forms"]["memory 100"]["share"]
    assert blind["noise size"]["coefficients"] == [*blind["noise"]["coefficients"], 0.0]
    assert blind["rate size"]["scale"] == blind["rate"]["scale"]
    assert selection.changed(learned(), size=True, early=7.0) == learned() | {"early": 7.0}


def test_committed_intervals_are_wider_for_what_is_known_less():
    step = np.arange(200, 20_001, 200)
    run = LossCurve(
        "r", schedules.build("constant", 20_000, peak=1e-3), step, 2.9 + 2 * step**-0.4, tokens_per_step=51200
    )
    fitted = fit_runs([run], learned())
    target = schedules.build("wsd", 80_000, peak=1e-3, decay=0.2)
    _, spread = fitted.losses(target, [20_000, 60_000, 80_000])
    assert spread[0] < spread[1] < spread[2]
    assert all(0.5 < widening(kind) < 5 for kind in spreads())
    assert widening("early", UNRELATED) == UNRELATED * widening("early")


def test_a_run_of_the_grid_is_forecast_within_a_per_cent_by_what_others_authors_say():
    others = [group for group in models() if group.dataset in ("annealing-paper", "mpl")]
    told = tell(part for group in others for part in group.at_each_peak())
    (group,) = groups("slimpajama-124m")
    wanted = ("linear10_0.001_25000", "linear20_0.001_50000")
    asked = [case for case in constant_cases(group) if case.target.name in wanted]
    rows = pd.DataFrame(calibrate.forecast(asked, calibrate.without(told, group.authors), most=0))
    assert len(rows) == 2 and rows["error"].abs().max() < 0.01
    power = [row["error"] for row in baseline("power law", asked)]
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
