import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError, Schedule
from losslaws.curves.schedules import build
from tests.losslaws.laws.cases import Case

CASES = [Case({"A": 3.0, "alpha": 0.076, "B": 60.0, "beta": 0.76}, {"critical_batch": 3000.0})]


def test_steps_at_the_critical_batch_count_half():
    at_batch = laws.Planned(Schedule(np.ones(1000)), [1000], {"non_embedding": 10**6}, 2_000_000)
    params = {"A": 0.0, "alpha": 0.077, "B": 2.1e3**0.76, "beta": 0.76}
    halved = laws.build("kaplan_steps", critical_batch=2e6).loss(params, at_batch)
    assert halved == pytest.approx([(2.1e3 / 500) ** 0.76])


def test_what_it_needs_is_named():
    with pytest.raises(InputError, match="critical_batch=-1.0 of 'kaplan_steps'"):
        laws.build("kaplan_steps", critical_batch=-1.0)
    with pytest.raises(InputError, match="give tokens_per_step"):
        planned = laws.Planned(build("constant", 9), parameters={"non_embedding": 5})
        laws.build("kaplan_steps", critical_batch=5.0).features([planned])
