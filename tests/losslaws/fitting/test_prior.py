from dataclasses import replace

import numpy as np
import pytest

from losslaws import laws
from losslaws.curves import InputError, LossCurve, public
from losslaws.curves.runs import final
from losslaws.curves.schedules import build
from losslaws.fitting import Doubt, Prior, fit, learn_prior
from losslaws.fitting.fits import ALIKE
from losslaws.fitting.metrics import score
from tests.losslaws.laws.cases import POWER

DECAYED = ("cosine_72000", "wsd_20000_24000", "wsdld_20000_24000", "wsdcon_3", "wsdcon_9", "wsdcon_18")


def test_one_cosine_and_a_prior_from_other_sizes_predict_decayed_schedules():
    """Each size in turn: its 24K cosine alone, with what all curves of the other two sizes say of the shared parameters."""
    law, shared = laws.build("annealing_progress", warmup="true"), ("alpha", "C", "lambda", "p")
    sizes = {size: public.multi_power(size) for size in public.MULTI_POWER_SIZES}
    fits = {size: fit(law, curves.values()) for size, curves in sizes.items()}
    for size, curves in sizes.items():
        prior = learn_prior([found for other, found in fits.items() if other != size], shared)
        one = fit(law, [curves["cosine_24000"]], prior=prior)
        alone = fit(law, [curves["cosine_24000"]])
        worst, without = (
            max(score(f.predict(final(curves[name])), final(curves[name]).loss).final_error for name in DECAYED)
            for f in (one, alone)
        )
        assert one.converged and worst < 0.005 < without


def test_a_prior_decides_what_the_data_leave_open_and_little_else():
    law, params = laws.build("annealing"), POWER | {"C": 0.3, "lambda": 0.985}
    rng = np.random.default_rng(0)
    schedule, step = build("constant", 2400, 3e-3, 60), np.arange(100, 2401, 25)
    curve = LossCurve(
        "one", schedule, step, law.loss(params, schedule, step) * np.exp(1e-4 * rng.normal(size=step.size))
    )
    prior = Prior(
        {"C": np.log(0.4), "lambda": 0.99, "A": np.log(1.5)}, {"C": 0.1, "lambda": 0.002, "A": 1.0}, ("C", "A")
    )
    found = fit(law, [curve], prior=prior)
    assert found.params["C"] == pytest.approx(0.4) and found.params["lambda"] == pytest.approx(0.99)
    assert found.params["A"] == pytest.approx(0.9, rel=0.02)  # the data know better
    assert not found.warnings  # what no data say, the prior does
    held = fit(law, [curve], prior=prior, fixed={"C": 0.2})
    assert held.params["C"] == 0.2
    with pytest.raises(InputError, match="no parameter 'beta'"):
        fit(law, [curve], prior=Prior({"beta": 0.5}, {"beta": 0.1}))


def test_priors_are_learned_in_the_units_of_the_parameters():
    law = laws.build("annealing")
    names = ("cosine_24000", "constant_24000", "wsdcon_9")
    fits = [fit(law, [public.multi_power(size)[name] for name in names]) for size in ("25M", "100M", "400M")]
    prior = learn_prior(fits, ("C", "lambda"))
    C, decay = (np.array([f.params[name] for f in fits]) for name in ("C", "lambda"))
    assert prior.mean == pytest.approx({"C": np.log(C).mean(), "lambda": decay.mean()}) and prior.log == ("C",)
    assert prior.scale["lambda"] == pytest.approx(decay.std(ddof=1) * np.sqrt(4 / 3))
    twins = learn_prior([fits[0], fits[0]], ("C", "lambda"))  # no spread at all is not believed
    assert twins.scale == pytest.approx({"C": 0.02 * abs(np.log(C[0])), "lambda": 0.02 * (0.99999 - decay[0])})
    silent = replace(fits[0], warnings=(Doubt("C is on its bound, 0", "on its bound", "C"),))
    assert learn_prior([silent, *fits[1:]], ("C", "lambda")).mean["C"] == pytest.approx(np.log(C[1:]).mean())
    assert learn_prior([silent, silent, fits[1]], ("C", "lambda")).mean.keys() == {"lambda"}
    other = fit(laws.build("annealing", warmup="true"), [public.multi_power("25M")[name] for name in names])
    with pytest.raises(InputError, match="all of one law with the same options"):
        learn_prior([fits[0], other])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Prior({"C": 1.0}, {"B": 1.0}), "mean and scale must name the same parameters"),
        (lambda: Prior({"C": 1.0}, {"C": 0.0}), "C must have a finite mean and a positive scale"),
        (lambda: learn_prior([]), "at least two fits"),
    ],
)
def test_bad_input_is_one_line(call, message):
    with pytest.raises(InputError, match=message):
        call()


class Known:
    """A fit of which only the parameters are of interest."""

    law = laws.build("annealing")

    def __init__(self, **params):
        self.params = POWER | {"C": 0.3, "lambda": 0.985} | params

    def doubts(self, name):
        return []


def test_the_scale_of_a_prior_is_that_of_one_more_value_like_those_seen():
    values = np.array([0.2, 0.5, 0.8])  # of alpha; their logarithms are learned where a parameter ranges over decades
    prior = learn_prior([Known(alpha=value) for value in values], ["alpha"])
    seen = np.log(values) if "alpha" in prior.log else values
    assert prior.mean["alpha"] == pytest.approx(seen.mean())
    assert prior.scale["alpha"] == pytest.approx(seen.std(ddof=1) * np.sqrt(1 + 1 / 3))


def test_a_prior_learned_from_models_that_agree_claims_to_know_no_more_than_its_share():
    held = {"C": 0.3, "lambda": 0.985}
    prior = learn_prior([Known(**held), Known(**held)], ["C", "lambda"])
    assert prior.mean["C"] == pytest.approx(np.log(0.3)) and prior.scale["C"] == pytest.approx(
        ALIKE
    )  # less than |log .3|
    assert prior.scale["lambda"] == pytest.approx(ALIKE * min(0.985, 1 - 0.985), rel=0.01)


def test_distances_from_a_prior_have_their_derivatives():
    prior = Prior({"C": np.log(0.4), "lambda": 0.99}, {"C": 0.1, "lambda": 0.002}, ("C",), 30.0)
    theta, names = np.array([0.9, 0.3, 0.985]), ["A", "C", "lambda"]
    distance, slopes = prior.rows(theta, names)
    assert distance == pytest.approx(np.sqrt(30) * np.array([np.log(0.3 / 0.4) / 0.1, -2.5]))
    for i, step in enumerate(1e-6 * theta):
        moved = np.where(np.arange(3) == i, theta + step, theta)
        assert slopes[:, i] == pytest.approx((prior.rows(moved, names)[0] - distance) / step, rel=1e-4)
