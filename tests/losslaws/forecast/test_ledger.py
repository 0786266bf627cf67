"""Forecasts that are registered, and how they came out."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from losslaws.curves import InputError
from losslaws.forecast import ledger
from losslaws.forecast.ladder import Model
from losslaws.forecast.predict import Forecaster
from tests.losslaws.forecast.made import made, plan

ROOT = Path(__file__).parents[3]


@pytest.fixture
def registered(tmp_path):
    forecaster = Forecaster([made(plan("constant", 10_000))])
    targets = {"wsd": plan("wsd", 15_000, decay=0.2), "cosine": plan("cosine", 15_000)}
    path = tmp_path / "ledger.jsonl"
    forecasts = {name: forecaster.forecast(schedule) for name, schedule in targets.items()}
    assert ledger.register(path, forecaster, {"wsd": forecasts["wsd"]}) == 1
    assert ledger.register(path, forecaster, {"cosine": forecasts["cosine"]}) == 1
    return path, targets


def test_lines_are_dated_and_chained(registered):
    first, second = ledger.entries(registered[0])
    assert first["before"] == "" and second["before"] == first["sha256"] and first["time"].endswith("+00:00")
    assert first["logs"][0]["last_step"] == 10_000 and len(first["logs"][0]["sha256"]) == 64


def test_what_was_changed_or_taken_out_is_found(registered):
    path, _ = registered
    first, second = path.read_text().splitlines()
    changed = json.loads(first) | {"final_loss": 1.0}
    path.write_text(json.dumps(changed) + "\n" + second + "\n")
    with pytest.raises(InputError, match="line 1 is not as it was registered"):
        ledger.entries(path)
    path.write_text(second + "\n")
    with pytest.raises(InputError, match="line 1 is not as it was registered, or a line before it is missing"):
        ledger.entries(path)
    path.write_text("step,loss\n")
    with pytest.raises(InputError, match="line 1 is no registered forecast"):
        ledger.entries(path)


def test_outcomes_are_those_of_the_runs_that_followed_the_schedule_to_its_end(registered):
    path, targets = registered
    wsd = made(targets["wsd"], seed=3, name="wsd")
    unfinished = made(targets["cosine"], upto=9000, name="half")
    other = made(plan("cosine", 15_000, final=0.5), name="other")
    first, second = ledger.scored(ledger.entries(path), [other, unfinished, wsd])
    assert (first.run, second.run) == ("wsd", "")
    assert first.loss == wsd.final_loss and first.error == pytest.approx(first.entry["final_loss"] / wsd.final_loss - 1)
    low, high = first.entry["interval_90"]
    assert first.inside == (low <= wsd.final_loss <= high)


def test_what_is_over_is_not_registered(tmp_path):
    run = made(plan("wsd", 10_000, decay=0.2))
    forecaster = Forecaster([run])
    with pytest.raises(InputError, match="the log holds its end already, step 10000"):
        ledger.register(tmp_path / "l.jsonl", forecaster, {"same": forecaster.forecast(run.schedule)})


def test_processes_that_register_at_once_lose_nothing(registered):
    path, targets = registered
    forecaster = Forecaster([made(plan("constant", 10_000))])
    forecasts = {"wsd": forecaster.forecast(targets["wsd"])}
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: ledger.register(path, forecaster, forecasts), range(16)))
    assert counts == 16 * [1] and len(ledger.entries(path)) == 18


def test_a_log_that_was_seen_is_no_outcome_nor_is_a_run_of_another_size(tmp_path):
    path, target = tmp_path / "l.jsonl", plan("cosine", 10_000)

    def sized(size, seed):
        return replace(made(target, seed=seed, name=f"{size}"), parameters={"non_embedding": size})

    seen = [sized(20_000_000, 1), sized(80_000_000, 2)]
    forecaster = Forecaster(seen, "adamw", Model(160_000_000, 51_200))
    ledger.register(path, forecaster, {"cosine": forecaster.forecast(target)})
    (entry,) = ledger.entries(path)
    assert entry["model"] == {"size": 160_000_000, "batch": 51_200}
    for runs, found in [(seen, ""), ([sized(40_000_000, 3)], ""), ([*seen, sized(160_000_000, 4)], "160000000")]:
        assert ledger.scored([entry], runs)[0].run == found


def door(*arguments):
    command = [sys.executable, "-m", "losslaws", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_the_doors_register_and_score(tmp_path):
    log, path = tmp_path / "run.csv", tmp_path / "ledger.jsonl"
    target = plan("wsd", 12_000, decay=0.2)
    for upto in (8000, 12_000):
        run = made(target, upto=upto)
        table = np.column_stack([run.step, target.lr[run.step - 1], run.loss])
        np.savetxt(log, table, "%.10g", ",", header="step,lr,val_loss", comments="")
        if upto == 8000:
            asked = ("--schedule", "wsd", "--decay", 0.2, "--steps", 12_000, "--warmup", 300)
            done = door("predict", log, *asked, "--register", path)
            assert done.returncode == 0 and f"registered 1 in {path}" in done.stderr, done.stderr
            assert "no log of this run is over" in door("score", path, log, "--warmup", 300).stdout
    done = door("score", path, log, "--warmup", 300)
    assert done.returncode == 0 and "1 of 1 are over: mean error" in done.stdout, done.stderr
    assert door("score", tmp_path / "none.jsonl", log).returncode == 2
