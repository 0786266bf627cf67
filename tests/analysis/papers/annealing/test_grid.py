"""The public grid of schedules: what a run was is read from its rates, and which shares of decay may be best."""

import numpy as np
import pytest

from analysis.papers.annealing.grid import Grid


@pytest.fixture(scope="module")
def grid():
    return Grid.load()


def test_every_run_has_a_place_of_its_own(grid):
    assert len(grid.finals) == len(grid.curves) == 130
    assert grid.final("linear", 20, 1e-3, 50_000) == grid.curves["linear20_0.001_50000"].final_loss
    assert grid.final("1-sqrt", 20, 2e-3, 25_000) == grid.curves["sqrt20_0.002_25000"].final_loss
    assert grid.final("cosine", 10, 5e-4, 25_000) == grid.curves["cosine10_0.0005_25000"].final_loss
    assert grid.final("linear", 33, 1e-3, 50_000) is None


def test_the_best_shares_are_those_that_noise_does_not_tell_from_the_lowest(grid):
    assert grid.best_shares(1e-4, 25_000) == [10, 20]
    assert grid.best_shares(2e-3, 15_000) == [60]
    assert grid.best_shares(3e-3, 50_000) == [60, 80, 90, 99]
    assert grid.below(3.0, 3.0 + 2 * grid.limit) is True and grid.below(3.0, 3.0 + grid.limit / 2) is None


def test_noise_alone_exceeds_the_limit_in_one_case_of_twenty(grid):
    rng, level = np.random.default_rng(0), np.mean(list(grid.finals.values()))
    apart = np.diff(grid.noise * level * rng.standard_normal((100_000, 2)))
    assert np.mean(np.abs(apart) > grid.limit) == pytest.approx(0.05, abs=0.004)
