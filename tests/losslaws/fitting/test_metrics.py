import math

import pytest

from losslaws.curves import InputError
from losslaws.fitting.metrics import average, score


def test_score_by_hand():
    s = score([4.1, 3.0, 1.9], [4.0, 3.0, 2.0])
    assert s.r2 == pytest.approx(1 - 0.02 / 2)
    assert s.mae == pytest.approx(0.2 / 3) and s.rmse == pytest.approx(math.sqrt(0.02 / 3))
    assert s.mean_error == pytest.approx((0.025 + 0.05) / 3)
    assert s.worst_error == pytest.approx(0.05) and s.final_error == pytest.approx(0.05)


def test_one_point_has_no_variance_to_explain():
    s = score([2.1], [2.0])
    assert math.isnan(s.r2) and s.final_error == pytest.approx(0.05)


def test_average_is_over_curves_not_points():
    mean = average([score([2.2, 2.2], [2.0, 2.0]), score([1.0], [1.0])])
    assert mean.mae == pytest.approx(0.1) and mean.mean_error == pytest.approx(0.05)


@pytest.mark.parametrize(
    "predicted, measured", [([1.0], [1.0, 2.0]), ([1.0, 2.0], [1.0]), ([], []), ([[1.0]], [[1.0]])]
)
def test_bad_input(predicted, measured):
    with pytest.raises(InputError, match="one predicted loss per measured one"):
        score(predicted, measured)
    with pytest.raises(InputError, match="no curve"):
        average([])
