"""What every law keeps: exact derivatives, and parameters that a fit finds again."""

from pathlib import Path

import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError, LossCurve
from losslaws.curves.schedules import build
from losslaws.fitting import fit
from tests.losslaws.laws.test_laws_more import LAWS as MORE

BATCH = 2048
SIZES = (1_000_000, 4_000_000, 20_000_000)
TRUE = {
    "annealing": {"L0": 2.1, "A": 0.9, "alpha": 0.45, "C": 0.31, "lambda": 0.985},
    "annealing_zeta": {"L0": 2.1, "A": 0.9, "alpha": 0.45, "C": 0.31, "lambda": 0.985, "zeta": 1.13},
    "annealing_epsilon": {"L0": 2.1, "A": 0.9, "alpha": 0.45, "C": 0.31, "lambda": 0.985, "epsilon": 0.3},
    "annealing_size": {
        "L0": 1.2,
        "A": 0.9,
        "alpha": 0.45,
        "C": 0.31,
        "lambda": 0.985,
        "B": 1.4,
        "beta": 0.3,
        "gamma": 0.08,
    },
    "chinchilla": {"E": 1.8, "A": 480.0, "alpha": 0.35, "B": 2100.0, "beta": 0.37},
    "kaplan_entropy": {"E": 1.7, "log_A": 6.5, "alpha": 0.41, "log_B": 7.2, "beta": 0.45},
    "relaxation": {"L0": 2.1, "A": 30.0, "alpha": 0.45, "K": 0.2, "rho": 0.01},
    "steps_power": {"L0": 2.1, "A": 9.0, "alpha": 0.4},
}


def plans():
    """Four schedules at each of three sizes."""
    step = np.arange(100, 2401, 25)
    shapes = {"constant": {}, "cosine": {}, "wsd": {"decay": 0.3}, "two_stage": {}}
    return [
        laws.Planned(build(name, 2400, 3e-3, 60, **options), step, {"non_embedding": size}, BATCH, f"{name}-{size}")
        for name, options in shapes.items()
        for size in SIZES
    ]


def curves_of(law, params):
    return [
        LossCurve(p.name, p.schedule, p.step, law.loss(params, p), parameters=p.parameters, tokens_per_step=BATCH)
        for p in plans()
    ]


def test_every_law_is_named_after_its_file_and_has_a_test():
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_laws_*.py"))
    for name in laws.names():
        assert f'"{name}"' in tests
        law = laws.build(name)
        assert law.name == name and law.equation and law.source
        assert all(p.meaning and (p.linear or p.starts) for p in law.parameters)


def test_every_law_has_its_derivatives_and_its_recovery_tested():
    assert set(TRUE) | {name for name, *_ in MORE} == set(laws.names())


@pytest.mark.parametrize("name", TRUE)
def test_derivatives_are_exact(name):
    law = laws.build(name)
    theta, x = law.theta(TRUE[name]), law.features(plans())
    exact = law.jacobian(theta, x)
    for i, value in enumerate(theta):
        h = np.zeros_like(theta)
        h[i] = 1e-6 * abs(value)
        slope = (law.predict(theta + h, x) - law.predict(theta - h, x)) / (2 * h[i])
        np.testing.assert_allclose(exact[:, i], slope, rtol=1e-5, atol=1e-7 * np.abs(slope).max())


@pytest.mark.parametrize("name", TRUE)
def test_a_fit_finds_the_parameters_again(name):
    law = laws.build(name)
    found = fit(law, curves_of(law, TRUE[name]))
    assert found.converged and not found.warnings
    assert found.params == pytest.approx(TRUE[name], rel=1e-4)
    assert found.objective < 1e-12 and found.r2 > 1 - 1e-9


def test_a_law_predicts_any_schedule_at_any_step():
    law = laws.build("annealing")
    schedule = build("linear", 777, 2e-3, 50)
    every = law.loss(TRUE["annealing"], schedule)
    assert every.shape == (777,)
    np.testing.assert_allclose(law.loss(TRUE["annealing"], schedule, [3, 500, 777]), every[[2, 499, 776]], rtol=1e-12)
    curve = LossCurve("c", schedule, [10, 20], [3.0, 2.9])
    np.testing.assert_allclose(law.loss(TRUE["annealing"], curve), every[[9, 19]], rtol=1e-12)


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
