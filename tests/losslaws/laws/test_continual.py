import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError
from losslaws.curves.schedules import build
from tests.losslaws.laws.cases import POWER, Case, plans

CASES = [
    Case(
        POWER | {"C1": 0.31, "C2": 0.25, "lambda": 0.985, "B": -0.4, "E": 30.0, "beta": 0.4},
        {"start": 1500},
        held=("lambda",),
    )
]


def test_continual_is_the_annealing_law_up_to_the_change_of_data():
    schedule = build("polyline", 1000, 3e-3, 20, points=((0, 1), (0.3, 1), (0.5, 0.1), (0.55, 0.8), (1, 0.0)))
    params = POWER | {"C": 0.3, "lambda": 0.98}
    law = laws.build("continual", start=500)
    shift = {"C1": 0.3, "C2": 0.3, "B": 0.5, "E": 40.0, "beta": 0.3}
    plain = laws.build("annealing").loss(params, schedule)
    both = law.loss(POWER | {"lambda": 0.98} | shift, schedule)
    np.testing.assert_allclose(both[:500], plain[:500], rtol=1e-12)
    later = np.cumsum(schedule.lr[500:])
    np.testing.assert_allclose(both[500:] - plain[500:], 0.5 * (1 - (1 + 40 * later) ** -0.3), rtol=1e-9, atol=1e-12)


def test_the_start_must_be_given():
    with pytest.raises(InputError, match="start=0 of 'continual' must be the last step of pre-training"):
        laws.build("continual").features(plans())
