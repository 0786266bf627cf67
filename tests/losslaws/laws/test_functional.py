import pytest

from losslaws import laws
from losslaws.curves import InputError
from tests.losslaws.laws.cases import Case, converged

CASES = [Case({"L0": 2.1, "c1": 0.9, "s": 0.45, "c23": 40.0, "c2": 15.0, "c4": 6.0, "gamma": 0.7})]


PUBLISHED = {
    "25M": (0.156, 0.9980, 0.0044, 0.0051, 0.00130, 0.0031),
    "100M": (0.099, 0.9979, 0.0043, 0.0061, 0.00142, 0.0060),
    "400M": (0.120, 0.9965, 0.0060, 0.0081, 0.00216, 0.0073),
}


@pytest.mark.parametrize("size", PUBLISHED)
def test_converged_fits_to_the_published_split(size):
    converged("functional", size, PUBLISHED[size])


def test_the_rises_of_a_warm_up_are_not_for_it():
    with pytest.raises(InputError, match="warmup='full' is not for 'functional'"):
        laws.build("functional", warmup="full")
