import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import Schedule
from tests.losslaws.laws.cases import Case

CASES = [Case({"log_Nc": 13.8, "alpha_N": 0.076, "log_Dc": 13.3, "alpha_D": 0.103})]


def test_without_a_limit_of_data_the_law_of_size_is_left():
    """With the published constants and 10^18 tokens."""
    params = {"log_Nc": np.log10(6.4e13), "alpha_N": 0.076, "log_Dc": np.log10(1.8e13), "alpha_D": 0.103}
    planned = laws.Planned(Schedule(np.ones(1000)), [1000], {"non_embedding": 10**6}, 10**15)
    assert laws.build("kaplan_data").loss(params, planned) == pytest.approx([(6.4e13 / 1e6) ** 0.076], rel=1e-6)
