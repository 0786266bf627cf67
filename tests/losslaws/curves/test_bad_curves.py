"""Every way in which a record can be bad gets one line that names the file, and exit status 2 at the door."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.curves.schedules import build
from losslaws.fitting import fit

ROOT = Path(__file__).parents[3]
HEADER = "step,lr,val_loss"
GOOD = ["1,.1,3.2", "2,.1,", "3,.1,3.0", "4,.1,2.9"]
BAD = {
    "unsorted": (
        [*GOOD[:2], GOOD[3], GOOD[2]],
        "column 'step' must count 1, 2, 3, ... without a gap, but row 3 holds 4",
    ),
    "repeated": ([*GOOD[:2], *GOOD[1:]], "but row 3 holds 2; sort the rows and keep one for every step"),
    "step missing": (["1,.1,3.2", ",.1,3.1"], "but row 2 holds nan"),
    "not a number": ([*GOOD[:3], "4,.1,oops"], "column 'val_loss' holds something that is not a number"),
    "infinite": ([*GOOD[:3], "4,.1,inf"], "the loss at step 4 is not a finite positive number"),
    "zero": ([*GOOD[:3], "4,.1,0"], "the loss at step 4 is not a finite positive number"),
    "negative": ([*GOOD[:3], "4,.1,-2.9"], "the loss at step 4 is not a finite positive number"),
    "no loss at all": (["1,.1,", "2,.1,nan"], "needs one loss per step and at least one point"),
    "rate missing": ([*GOOD[:3], "4,,2.9"], "the rate of step 4 is nan; rates must be finite and >= 0"),
    "rate negative": ([*GOOD[:3], "4,-.1,2.9"], "the rate of step 4 is -0.1; rates must be finite and >= 0"),
    "no rows": ([], "has no rows; write one for every step"),
}


def record(folder: Path, rows: list[str]) -> Path:
    """Write a good description with these rows, and return the CSV."""
    path = LossCurve("c", Schedule(np.full(4, 0.1), 1, "constant"), [2, 4], [3.0, 2.9], tokens_per_step=8).save(folder)
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_record_gets_one_line_that_names_the_file(kind, tmp_path):
    rows, message = BAD[kind]
    path = record(tmp_path, rows)
    with pytest.raises(InputError, match=message.replace("...", r"\.\.\.")) as caught:
        LossCurve.load(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_a_record_without_the_rate_column_is_named(tmp_path):
    path = record(tmp_path, GOOD)
    path.write_text("step,val_loss\n1,3.0\n")
    with pytest.raises(InputError, match="has no column 'lr'"):
        LossCurve.load(path)


def test_rates_that_end_before_the_run_are_named(tmp_path):
    rates = tmp_path / "rates.csv"
    rates.write_text("lr\n.1\n.1\n")
    with pytest.raises(InputError, match=r"rates\.csv: has 2 rows but the run has 3 steps; add rows or set steps=2"):
        build("file", 3, path=str(rates))
    with pytest.raises(InputError, match="step 4 lies beyond the 3 steps whose learning rate is known"):
        LossCurve("c", Schedule(np.full(3, 0.1)), [2, 4], [3.0, 2.9])


def test_one_point_is_not_fitted_in_silence():
    curve = LossCurve("one", Schedule(np.full(50, 0.1)), [50], [3.0])
    found = fit(laws.build("annealing"), [curve], fixed={"lambda": 0.999})
    assert any(
        line.startswith("too few points: 1 for 4 free parameters; at least 7 are needed") for line in found.warnings
    )
    assert found.predict(curve) == pytest.approx([3.0], rel=1e-3)


def test_the_door_exits_with_status_2(tmp_path):
    path = record(tmp_path / "curves", BAD["negative"][0])
    done = subprocess.run(
        [sys.executable, "-m", "analysis", "paper", "annealing", "--profile", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert (
        done.stderr.splitlines()[-1] == f"error: {path}: curve 'c': the loss at step 4 is not a finite positive number"
    )
    assert "Traceback" not in done.stderr
