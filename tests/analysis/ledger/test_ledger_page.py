"""The registered forecasts of our own runs, as committed: what the page says is what ledger and curves say."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

from analysis import RESULTS
from analysis.ledger.ledger import REGISTERED, again, factors, outcomes, write_ledger
from losslaws.curves import InputError
from losslaws.curves.store import load_folder
from losslaws.forecast import ledger
from losslaws.forecast.calibration import STRANGE
from losslaws.forecast.predict import Forecaster
from training.sweep import SWEEPS


@pytest.fixture(scope="module")
def table():
    return outcomes(ledger.entries(RESULTS / "ledger" / "ledger.jsonl"))


def test_every_forecast_is_held_against_a_run_of_its_own_model_and_seed(table):
    assert dict(table.groupby("sweep").size()) == {"forecasts": 27, "night": 26}
    over = table[table["run"] != ""]
    assert len(over) == len(table)
    curves = {one.sweep: (load_folder(RESULTS / one.logs), load_folder(RESULTS / one.runs)) for one in REGISTERED}
    for row in over.itertuples():
        logs, runs = curves[row.sweep]
        log, run = logs[row.log], runs[row.run]
        assert (log.seed, log.parameters, log.schedule.peak) == (run.seed, run.parameters, run.schedule.peak)
        assert run.schedule.steps == row.steps and run.final_loss == row.came_to
    assert np.allclose(over["error"], over["forecast"] / over["came_to"] - 1)
    assert (over["inside"] == over["came_to"].between(over["low"], over["high"])).all()


@pytest.mark.slow
def test_today_is_asked_from_the_log_alone_about_the_run_that_followed(table):
    asked = again(table)
    assert asked[table.columns].equals(table)
    row = asked[(asked["sweep"] == "night") & (asked["schedule"] == "cosine")].iloc[0]
    log, run = load_folder(RESULTS / "annealing" / "tuning")[row["log"]], load_folder(RESULTS / "annealing" / "night")
    loss, low, high = Forecaster([log], "adamw").forecast(run[row["run"]].schedule).final
    assert row["again_error"] == pytest.approx(loss / row["came_to"] - 1)
    assert row["again_factor"] == pytest.approx(STRANGE * abs(row["came_to"] - loss) / (high - low) * 2)
    assert (asked["again_inside"] == (asked["again_factor"] <= STRANGE)).all()
    inside = dict(re.findall(r"\| ([\d.]+) \| (\d+) \| 53 \|", factors(asked)))
    assert int(inside[f"{STRANGE:g}"]) == asked["again_inside"].sum() and int(inside["1"]) < int(inside["4"]) < 53
    factor = asked["again_factor"].dropna()
    assert (factor <= STRANGE).mean() >= 0.9 > (factor <= STRANGE - 0.5).mean()  # the rule by which the factor is set
    waiting = table.assign(run=table["run"].where(table["sweep"] == "night", ""))
    assert again(waiting)["again_error"].notna().sum() == 26


NUMBER = re.compile(r"\d+\.\d+")


@pytest.mark.slow
def test_the_page_is_of_the_committed_ledger_and_curves_and_of_todays_library(tmp_path, table):
    shutil.copy(RESULTS / "ledger" / "ledger.jsonl", tmp_path)
    write_ledger(tmp_path)
    for name in ("ledger.csv", "ledger.md", "ledger.html"):
        here, committed = ((folder / name).read_text() for folder in (tmp_path, RESULTS / "ledger"))
        assert NUMBER.split(here) == NUMBER.split(committed), f"run `python -m analysis ledger`: {name}"
        near = pytest.approx(np.array(NUMBER.findall(committed), float), abs=0.011)  # the last digit of a per cent
        assert np.array(NUMBER.findall(here), float) == near, f"run `python -m analysis ledger`: {name}"
    here, committed = (pd.read_csv(folder / "ledger.csv") for folder in (tmp_path, RESULTS / "ledger"))
    pd.testing.assert_frame_equal(here, committed, rtol=1e-3, atol=1e-5)  # processors round fits otherwise
    assert len(here) == len(table)


def test_a_forecast_that_was_changed_later_is_refused(tmp_path):
    text = (RESULTS / "ledger" / "ledger.jsonl").read_text()
    entry = ledger.entries(RESULTS / "ledger" / "ledger.jsonl")[-1]
    (tmp_path / "ledger.jsonl").write_text(text.replace(repr(entry["final_loss"]), "2.5"))
    with pytest.raises(InputError, match="not as it was registered"):
        write_ledger(tmp_path)


def test_the_forecast_runs_are_trained_as_the_cpu_profile_is_at_half_its_rate():
    cpu, forecasts = (yaml.safe_load((SWEEPS / f"{name}.yaml").read_text())["common"] for name in ("cpu", "forecasts"))
    assert forecasts == cpu.replace("schedule.peak=0.008", "schedule.peak=0.004") != cpu
