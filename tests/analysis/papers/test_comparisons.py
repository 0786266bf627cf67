"""Comparisons behind verdicts: within the noise nothing is decided, and neither is anything by fewer than six pairs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from analysis.papers.claim import holm, verdict
from analysis.papers.comparisons import at_most, margin, near, probability, signs


@given(st.integers(0, 60))
def test_the_margin_is_the_last_that_chance_gives_too_often(pairs):
    chance = margin(pairs)
    assert probability(chance, pairs) > 0.05
    assert chance == pairs or probability(chance + 2, pairs) <= 0.05


def test_fewer_than_six_pairs_decide_nothing_whatever_they_say():
    for pairs in range(6):
        test = signs("errs less", [-1.0] * pairs)
        assert (test.passed, test.p, test.runs) == (None, None, pairs)
    assert signs("errs less", [-1.0] * 6).passed is True
    assert signs("errs less", [1.0] * 6).passed is False
    assert signs("errs less", [-1.0] * 5 + [1.0]).passed is None
    assert verdict(signs("errs less", [-1.0] * 5)) == "undecided"


def test_signs_count_wins_and_leave_out_what_is_equal_or_unknown():
    test = signs("errs less", [-3, -2, -1, -1, -1, -1, -1, -1, -1, 5, 0, np.nan])
    assert (test.difference, test.noise, test.runs, test.passed) == ("+8 (9 to 1)", "6", 10, True)
    assert test.p == pytest.approx(2 * (1 + 10) / 2**10)


def test_pairs_that_can_decide_nothing_cost_the_others_nothing():
    tests = [signs("a", [-1.0] * 6), *(signs(f"b{i}", [-1.0] * 3) for i in range(20))]
    assert holm(tests)[0].passed is True


@pytest.mark.parametrize("expected", [True, False])
def test_within_its_noise_of_the_limit_nothing_can_be_told(expected):
    def outcome(found, half=0.3):
        return at_most("error", found, 1.0, half=half, freedom=4, expected=expected).passed

    assert outcome(0.69) is expected and outcome(1.31) is not expected
    assert outcome(0.71) is None and outcome(1.29) is None and outcome(0.0, math.inf) is None
    assert at_most("error", 0.9, 1.0, expected=expected).passed is expected  # published points


def test_the_chance_of_a_limit_is_that_of_students_t():
    test = at_most("error", 1.6, 1.0, half=0.3, freedom=4)
    assert test.p == pytest.approx(2 * student.sf(0.6 / (0.3 / student.ppf(0.975, 4)), 4))
    assert at_most("error", 1.3 + 1e-9, 1.0, half=0.3, freedom=4).p == pytest.approx(0.05)
    assert at_most("error", 1.6, 1.0, half=0.0, freedom=4).p == 0


def test_near_shows_the_farthest_of_several():
    test = near("constants", [1.0, 2.003, 2.999], (1, 2, 3), 0.002)
    assert (test.passed, test.difference) == (False, "+0.0030")
    assert test.rule == "constants within 0.002 of the printed"
    assert near("exponent", 0.731, 0.73, 0.002, law=True).law
    assert "within 0.02 of 1" in near("ratios", [1.01, 0.99], 1, 0.02).rule
