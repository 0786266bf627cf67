"""The relaxation law over sizes: one size is the relaxation law, a ladder's parameters are found again."""

import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError, LossCurve
from losslaws.curves.schedules import build
from losslaws.fitting import fit
from tests.losslaws.laws.cases import Case

TRUE = {"B": 3.0, "A": 20.0, "alpha": 0.48, "K": 0.18, "rho": 0.01, "beta": 0.075, "gamma": 0.25}
CASES = [Case(TRUE)]


def plan(size, tokens, steps=3000, peak=1e-3):
    step = np.arange(200, steps + 1, 50)
    return laws.Planned(build("cosine", steps, peak, 60, final=0.1), step, {"non_embedding": size}, tokens)


def test_for_one_size_and_batch_it_is_the_relaxation_law():
    ladder, single = laws.build("relaxation_size"), laws.build("relaxation")
    params = {"L0": TRUE["B"], **{name: TRUE[name] for name in ("A", "alpha", "K", "rho")}}
    at_one = plan(100_000_000, 500_000)
    np.testing.assert_allclose(ladder.loss(TRUE, at_one), single.loss(params, at_one), rtol=1e-12)


def test_size_and_batch_enter_as_stated():
    law = laws.build("relaxation_size", saturation=0.0)
    small, large = law.read_run(plan(100_000_000, 500_000)), law.read_run(plan(400_000_000, 2_000_000))
    np.testing.assert_allclose(large[0], 4 * small[0])
    np.testing.assert_allclose(large[1], 4**0.12 * 4**-0.125 * small[1])
    np.testing.assert_allclose(large[2], small[2] / 2)


def test_larger_models_saturate_at_lower_rates_as_the_law_of_one_size_says():
    ladder, size = laws.build("relaxation_size"), 1_600_000_000
    gain, _, _ = ladder.read_run(plan(size, 500_000))
    single = laws.build("relaxation").of_model(size, adam=True)
    np.testing.assert_allclose(gain, single.read_run(plan(size, 500_000))[0], rtol=1e-12)


def test_two_sizes_of_several_lengths_tell_the_parameters():
    law = laws.build("relaxation_size")
    runs = [plan(size, 500_000, steps) for size in (50_000_000, 200_000_000) for steps in (1500, 3000, 9000)]
    curves = [
        LossCurve(f"{i}", p.schedule, p.step, law.loss(TRUE, p), parameters=p.parameters, tokens_per_step=500_000)
        for i, p in enumerate(runs)
    ]
    found = fit(law, curves, fixed={"rho": TRUE["rho"]})
    assert found.params == pytest.approx(TRUE, rel=1e-3) and not found.warnings


def test_a_run_of_unknown_size_or_batch_is_refused():
    law = laws.build("relaxation_size")
    for lacking, word in ((plan(None, 500_000), "size"), (plan(1_000_000, None), "tokens")):
        with pytest.raises(InputError, match=word):
            law.loss(TRUE, lacking)
