import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError
from losslaws.curves.schedules import build
from tests.losslaws.laws.cases import POWER, Case, converged, plans

DROP = {"B": 60.0, "C": 1.4, "beta": 0.6, "gamma": 0.5}


CASES = [
    Case(POWER | DROP),
    Case(POWER | DROP, {"warmup": "repository"}),
    Case(POWER | DROP | {"C": 0.003}, {"drop": "steps"}),
    Case(POWER | {"B": 60.0, "C": 1.4, "gamma": 0.5}, {"drop": "exponential"}),
    Case(POWER | {"B": 60.0}, {"drop": "linear"}),
    Case(POWER, {"drop": "none"}),
]


PUBLISHED = {
    "25M": (0.128, 0.9972, 0.0046, 0.0054, 0.00138, 0.0031),
    "100M": (0.023, 0.9968, 0.0053, 0.0068, 0.00175, 0.0053),
    "400M": (0.084, 0.9961, 0.0063, 0.0081, 0.00226, 0.0066),
}


@pytest.mark.parametrize("size", PUBLISHED)
def test_converged_fits_to_the_published_split(size):
    converged("multi_power", size, PUBLISHED[size])


def test_ablations_are_limits_of_the_law():
    plan = plans()[3]
    law = laws.build("multi_power")
    none = laws.build("multi_power", drop="none").loss(POWER, plan)
    np.testing.assert_allclose(law.loss(POWER | DROP | {"B": 0.0}, plan), none, rtol=1e-12)
    linear = laws.build("multi_power", drop="linear").loss(POWER | {"B": 60.0}, plan)
    np.testing.assert_allclose(law.loss(POWER | DROP | {"C": 1e5, "beta": 3.0}, plan), linear, rtol=1e-6)
    np.testing.assert_allclose(linear[-1], none[-1] - 60 * 3e-3, rtol=1e-9)  # the whole fall of the rate counts at once
    exponential = laws.build("multi_power", drop="exponential").loss(POWER | {"B": 60.0, "C": 1.4, "gamma": 0.5}, plan)
    nearly = law.loss(POWER | DROP | {"C": 1.4e-6, "beta": 1e6}, plan)  # (1 + u / beta)^-beta -> exp(-u)
    np.testing.assert_allclose(nearly, exponential, rtol=1e-6)


@pytest.mark.parametrize(
    "option, message",
    [
        ({"drop": "powr"}, "drop='powr' is unknown; did you mean 'power'"),
        ({"warmup": "tru"}, "warmup='tru' is unknown; did you mean 'true'"),
    ],
)
def test_unknown_options_are_refused(option, message):
    with pytest.raises(InputError, match=message):
        laws.build("multi_power", **option).features([laws.Planned(build("constant", 9))])
