"""What every law keeps: exact derivatives, and parameters that a fit finds again. The true parameters are the CASES of its own test."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError, LossCurve
from losslaws.curves.schedules import build
from losslaws.fitting import fit
from tests.losslaws.laws.cases import curves_of, plans


def cases_of(name):
    """The CASES of tests/losslaws/laws/test_NAME.py."""
    module = f"tests.losslaws.laws.test_{name}"
    assert find_spec(module), (
        f"law '{name}' has no test: write tests/losslaws/laws/test_{name}.py with CASES = [Case({{parameter: value, ...}})], "
        "true parameters from which this file makes curves, checks the derivatives and fits the parameters again; "
        "test_steps_power.py is the shortest"
    )
    return import_module(module).CASES


ALL = [
    (name, case) for name in laws.names() if find_spec(f"tests.losslaws.laws.test_{name}") for case in cases_of(name)
]
IDS = [" ".join([name, *map(str, case.options.values())]) for name, case in ALL]


@pytest.mark.parametrize("name", laws.names())
def test_every_law_says_what_it_is_and_has_its_cases(name):
    law = laws.build(name, **cases_of(name)[0].options)
    assert law.name == name and law.equation and law.source
    assert all(p.meaning and (p.linear or p.starts) for p in law.parameters)
    assert all(set(case.params) == set(laws.build(name, **case.options).names) for case in cases_of(name))


@pytest.mark.parametrize("name, case", ALL, ids=IDS)
def test_derivatives_are_exact(name, case):
    law = laws.build(name, **case.options)
    theta, x = law.theta(case.params), law.features(plans(case.rewarm))
    exact = law.jacobian(theta, x)
    for i, value in enumerate(theta):
        h = np.zeros_like(theta)
        h[i] = 1e-5 * abs(value)
        slope = (law.predict(theta + h, x) - law.predict(theta - h, x)) / (2 * h[i])
        np.testing.assert_allclose(exact[:, i], slope, rtol=1e-5, atol=1e-6 * np.abs(slope).max())


@pytest.mark.parametrize("name, case", ALL, ids=IDS)
def test_a_fit_finds_the_parameters_again(name, case):
    law = laws.build(name, **case.options)
    found = fit(law, curves_of(law, case), fixed={key: case.params[key] for key in case.held})
    assert found.converged and not found.warnings
    assert found.params == pytest.approx(case.params, rel=1e-4)
    assert found.objective < 1e-12 and found.r2 > 1 - 1e-9


def test_a_law_predicts_any_schedule_at_any_step():
    law, params = laws.build("annealing"), cases_of("annealing")[0].params
    schedule = build("linear", 777, 2e-3, 50)
    every = law.loss(params, schedule)
    assert every.shape == (777,)
    np.testing.assert_allclose(law.loss(params, schedule, [3, 500, 777]), every[[2, 499, 776]], rtol=1e-12)
    curve = LossCurve("c", schedule, [10, 20], [3.0, 2.9])
    np.testing.assert_allclose(law.loss(params, curve), every[[9, 19]], rtol=1e-12)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: laws.build("anealing"), "law 'anealing' is unknown; did you mean 'annealing'"),
        (lambda: laws.build("annealing", warm="true"), "has no option 'warm'; did you mean 'warmup'"),
        (lambda: laws.build("steps_power").theta({"L0": 1, "A": 1}), "lacks a value for the parameter 'alpha'"),
        (
            lambda: laws.build("steps_power").theta({"L0": 1, "A": 1, "alfa": 1}),
            "no parameter 'alfa'; did you mean 'alpha'",
        ),
        (lambda: laws.Planned(build("constant", 9), [3, 10]), "whole numbers that rise within 1..9"),
        (lambda: laws.Planned(build("constant", 9), [3, 3]), "whole numbers that rise within 1..9"),
        (lambda: laws.Planned(build("constant", 9), []), "whole numbers that rise within 1..9"),
        (
            lambda: laws.build("chinchilla").features([laws.Planned(build("constant", 9))]),
            r"give parameters\['non_embedding'\]",
        ),
        (
            lambda: laws.build("chinchilla").features(
                [laws.Planned(build("constant", 9), parameters={"non_embedding": 5})]
            ),
            "give tokens_per_step",
        ),
    ],
)
def test_bad_input_is_one_line(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
