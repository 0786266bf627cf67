"""The doors of training hold; thousands of inputs: python -m tests.training.fuzz_doors 5000"""

import pytest

from tests.training.fuzz_doors import fuzz


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_odd_inputs_end_in_one_line_and_touch_nothing_else(seed, tmp_path):
    counts = fuzz(60 if seed == 0 else 200, seed, tmp_path)
    assert set(counts) == {"override", "sweep", "metadata", "engine", "text", "origin"}
