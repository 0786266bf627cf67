import pytest

from losslaws import laws
from losslaws.curves import InputError
from losslaws.curves.schedules import build
from tests.losslaws.laws.cases import Case

CASES = [Case({"L0": 2.1, "A": 0.9, "alpha": 0.45, "C": 0.31, "lambda": 0.985, "zeta": 1.13}, rewarm=False)]


def test_zeta_is_not_defined_after_a_rewarm_up():
    schedule = build("polyline", 1000, points=((0, 0.2), (1, 1.0)))
    params = {"L0": 2.0, "A": 0.5, "alpha": 0.5, "C": 0.3, "lambda": 0.99, "zeta": 1.1}
    with pytest.raises(InputError, match=r"annealing_zeta.*S2 < 0"):
        laws.build("annealing_zeta").loss(params, schedule)
