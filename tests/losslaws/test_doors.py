"""The doors under odd command lines; `python -m tests.fuzz_doors 5000` tries more."""

from tests.fuzz_doors import fuzz


def test_odd_command_lines_end_well_and_touch_nothing(tmp_path):
    assert 20 < fuzz(150, 0, tmp_path) < 130
