"""`losslaws read LOG` says what a log is read as, and `predict` prints its notes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.losslaws.curves.logs.sample_logs import RUN, csv

ROOT = Path(__file__).parents[4]


def losslaws(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "losslaws", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )


@pytest.fixture
def resumed(tmp_path):
    """A log with a column that could be the loss too, and a branch that was given up."""
    lines = csv(tmp_path).read_text().splitlines()
    lines = [f"{line},{'test_loss' if i == 0 else 9}" for i, line in enumerate(lines)]
    lines[281:281] = [line.replace(",", ",9", 1) for line in lines[281:301]]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "log.csv"


def test_read_says_what_was_read(resumed):
    said = losslaws("read", resumed).stdout
    for line in (
        f"{resumed}\n",
        "format      csv, 420 rows",
        "lr          'lr'",
        "train_loss  'train_loss'; 400 values",
        "val_loss    'val_loss'; 20 values (also possible: test_loss)",
        "steps       1 to 400",
        "restarts    from 300 back to 281",
        "used        20 validation losses, steps 20 to 400",
        "note: the step goes back from 300 to 281",
    ):
        assert line in said, (line, said)


def test_read_writes_json(resumed):
    (answer,) = json.loads(losslaws("read", resumed, "--json").stdout)
    assert answer["format"] == "csv" and answer["restarts"] == [[300, 281]] and answer["last"] == 400
    assert answer["columns"]["val_loss"] == "val_loss" and answer["others"] == {"val_loss": ["test_loss"]}
    assert answer["peak"] == pytest.approx(RUN.schedule.peak) and answer["notes"]


def test_predict_prints_the_notes_and_takes_the_same_options(resumed):
    done = losslaws("predict", resumed, "--until", 500)
    assert done.returncode == 0 and ": the step goes back from 300 to 281" in done.stdout, done.stderr
    done = losslaws("predict", resumed, "--until", 4500, "--step-unit", "10", "--unit", "nats")
    assert "up to step 4000" in done.stdout, done.stderr


def test_a_log_without_rates_is_read_and_says_what_a_forecast_wants(tmp_path):
    (tmp_path / "log.txt").write_text("".join(f"{t} train {3 + 1 / t:.4f}\n" for t in range(1, 50)))
    done = losslaws("read", tmp_path / "log.txt")
    assert (
        done.returncode == 0
        and "wanting     " in done.stdout
        and "give the schedule that was applied (--ran)" in done.stdout
    )
    done = losslaws("predict", tmp_path / "log.txt", "--until", 99)
    assert (
        done.returncode == 2 and done.stderr.startswith("error: ") and "no column for the learning rate" in done.stderr
    )


@pytest.mark.parametrize("unit", ["0", "-1", "x", "1/0", "nan", "inf"])
def test_odd_units_are_refused(unit, resumed):
    done = losslaws("read", resumed, f"--step-unit={unit}")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "--step-unit" in done.stderr
