import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError, Schedule
from tests.losslaws.laws.cases import Case

CASES = [Case({"A": 90.0, "alpha": 0.09}, {"of": "compute"})]


def test_the_published_constants_of_data():
    at = laws.Planned(Schedule(np.ones(1000)), [1000], {"non_embedding": 10**6}, 2_000_000)
    tokens = laws.build("kaplan_power", of="tokens").loss({"A": 5.4e13**0.095, "alpha": 0.095}, at)
    assert tokens == pytest.approx([(5.4e13 / 2e9) ** 0.095])


def test_an_unknown_resource_is_refused():
    with pytest.raises(InputError, match="of='data' is unknown"):
        laws.build("kaplan_power", of="data")
