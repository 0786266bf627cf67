import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError
from losslaws.curves.schedules import build
from losslaws.laws.forward_momentum import annealing_momentum
from tests.losslaws.laws.cases import POWER, Case, converged

CASES = [Case(POWER | {"C": 0.02}), Case(POWER | {"C": 0.4, "B": 1.4, "beta": 0.3}, {"size": True, "spacing": 25})]


PUBLISHED = {"25M": (1.122, 0.9713, 0.0134, 0.0182, 0.00393, 0.0099)}


@pytest.mark.parametrize("size", PUBLISHED)
def test_converged_fits_to_the_published_split(size):
    converged("forward_momentum", size, PUBLISHED[size])


def test_forward_momentum_is_adam_on_the_drops():
    drop = np.diff(build("cosine", 40, 0.1, 5).lr, prepend=0.1) * -1
    m = v = total = 0.0
    sums = [0.0]
    for i, fall in enumerate(drop, start=1):
        m, v = 0.9 * m + 0.1 * fall, 0.999 * v + 0.001 * fall**2
        total += m / (1 - 0.9 ** (i + 1)) / (np.sqrt(1e5 * v / (1 - 0.999 ** (i + 1)) + 1e-8) + 1e-8)
        sums.append(total)
    np.testing.assert_allclose(annealing_momentum(drop, 1), sums, rtol=1e-9)
    assert annealing_momentum(drop, 16).size == 4  # records at 0, 16, 32 and the first after the end
    assert not annealing_momentum(np.zeros(30), 7).any()


def test_a_spacing_of_nothing_is_refused():
    with pytest.raises(InputError, match="spacing=0 of 'forward_momentum' must be at least 1"):
        laws.build("forward_momentum", spacing=0)
