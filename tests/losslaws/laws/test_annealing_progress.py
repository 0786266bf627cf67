import numpy as np

from losslaws import laws
from losslaws.curves.schedules import build
from tests.losslaws.laws.cases import POWER, Case

CASES = [Case(POWER | {"C": 0.31, "lambda": 0.985, "p": 0.7})]


def test_progress_exponent_one_is_the_annealing_law_and_constant_rates_know_none():
    params = POWER | {"C": 0.3, "lambda": 0.98}
    wsd, constant = build("wsd", 600, 0.01, 30, decay=0.3), build("constant", 600, 0.01, 30)
    law, plain = laws.build("annealing_progress"), laws.build("annealing")
    np.testing.assert_allclose(law.loss(params | {"p": 1.0}, wsd), plain.loss(params, wsd), rtol=1e-12)
    np.testing.assert_allclose(law.loss(params | {"p": 0.5}, constant), plain.loss(params, constant), rtol=1e-12)
    assert law.loss(params | {"p": 0.7}, wsd)[-1] < plain.loss(params, wsd)[-1]
