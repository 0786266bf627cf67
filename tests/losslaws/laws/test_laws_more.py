"""The laws beyond the annealing paper: derivatives, recovery, and each against its definition or its published numbers."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.published.numbers import CONFIG
from analysis.published.table import PARAMETERS
from losslaws import laws
from losslaws.curves import InputError, LossCurve, Schedule, public
from losslaws.curves.runs import final
from losslaws.curves.schedules import build
from losslaws.fitting import Prior, bootstrap, fit, learn_prior
from losslaws.fitting.metrics import average, score
from losslaws.laws._blocks import counted
from losslaws.laws.convex_bound import last_iterate
from losslaws.laws.forward_momentum import annealing_momentum

BATCH = 2048
SIZES = (1_000_000, 4_000_000, 20_000_000)
POWER = {"L0": 2.1, "A": 0.9, "alpha": 0.45}
DROP = {"B": 60.0, "C": 1.4, "beta": 0.6, "gamma": 0.5}
# name, options, parameters, and what is held in the recovery
LAWS = [
    ("multi_power", {}, POWER | DROP, ()),
    ("multi_power", {"warmup": "repository"}, POWER | DROP, ()),
    ("multi_power", {"drop": "steps"}, POWER | DROP | {"C": 0.003}, ()),
    ("multi_power", {"drop": "exponential"}, POWER | {"B": 60.0, "C": 1.4, "gamma": 0.5}, ()),
    ("multi_power", {"drop": "linear"}, POWER | {"B": 60.0}, ()),
    ("multi_power", {"drop": "none"}, POWER, ()),
    ("functional", {}, {"L0": 2.1, "c1": 0.9, "s": 0.45, "c23": 40.0, "c2": 15.0, "c4": 6.0, "gamma": 0.7}, ()),
    ("forward_momentum", {}, POWER | {"C": 0.02}, ()),
    ("forward_momentum", {"size": True, "spacing": 25}, POWER | {"C": 0.4, "B": 1.4, "beta": 0.3}, ()),
    ("convex_bound", {}, {"L0": 2.1, "D2": 1.2, "G2": 40.0}, ()),
    ("annealing_progress", {}, POWER | {"C": 0.31, "lambda": 0.985, "p": 0.7}, ()),
    (
        "continual",
        {"start": 1500},
        POWER | {"C1": 0.31, "C2": 0.25, "lambda": 0.985, "B": -0.4, "E": 30.0, "beta": 0.4},
        ("lambda",),
    ),
    ("kaplan_power", {"of": "compute"}, {"A": 90.0, "alpha": 0.09}, ()),
    ("kaplan_steps", {"critical_batch": 3000.0}, {"A": 3.0, "alpha": 0.076, "B": 60.0, "beta": 0.76}, ()),
    ("kaplan_data", {}, {"log_Nc": 13.8, "alpha_N": 0.076, "log_Dc": 13.3, "alpha_D": 0.103}, ()),
]
IDS = [" ".join([name, *map(str, options.values())]) for name, options, _, _ in LAWS]
REWARM = ((0, 1), (0.3, 1), (0.6, 0.1), (0.65, 0.9), (0.8, 0.9), (1, 0.05))


def plans():
    """Schedules that decay early and late, fast and slowly, and rise again, at three sizes."""
    step = np.arange(100, 2401, 25)
    shapes = {
        "constant": {},
        "cosine": {},
        "wsd": {"decay": 0.3},
        "two_stage": {"switch": 0.2},
        "polyline": {"points": REWARM},
    }
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


@pytest.mark.parametrize("name, options, params, _", LAWS, ids=IDS)
def test_derivatives_are_exact(name, options, params, _):
    law = laws.build(name, **options)
    theta, x = law.theta(params), law.features(plans())
    exact = law.jacobian(theta, x)
    for i, value in enumerate(theta):
        h = np.zeros_like(theta)
        h[i] = 1e-5 * abs(value)
        slope = (law.predict(theta + h, x) - law.predict(theta - h, x)) / (2 * h[i])
        np.testing.assert_allclose(exact[:, i], slope, rtol=1e-5, atol=1e-6 * np.abs(slope).max())


@pytest.mark.parametrize("name, options, params, held", LAWS, ids=IDS)
def test_a_fit_finds_the_parameters_again(name, options, params, held):
    law = laws.build(name, **options)
    found = fit(law, curves_of(law, params), fixed={key: params[key] for key in held})
    assert found.converged and not found.warnings
    assert found.params == pytest.approx(params, rel=2e-3)
    assert found.objective < 1e-10 and found.r2 > 1 - 1e-8


def multi_power_params(size):
    return dict(zip(PARAMETERS, CONFIG[size], strict=True))


# objective x 1e3, R2, MAE, RMSE, PredE, WorstE of converged fits to the published three curves
CONVERGED = {
    ("multi_power", "25M"): (0.128, 0.9972, 0.0046, 0.0054, 0.00138, 0.0031),
    ("multi_power", "100M"): (0.023, 0.9968, 0.0053, 0.0068, 0.00175, 0.0053),
    ("multi_power", "400M"): (0.084, 0.9961, 0.0063, 0.0081, 0.00226, 0.0066),
    ("functional", "25M"): (0.156, 0.9980, 0.0044, 0.0051, 0.00130, 0.0031),
    ("functional", "100M"): (0.099, 0.9979, 0.0043, 0.0061, 0.00142, 0.0060),
    ("functional", "400M"): (0.120, 0.9965, 0.0060, 0.0081, 0.00216, 0.0073),
    ("forward_momentum", "25M"): (1.122, 0.9713, 0.0134, 0.0182, 0.00393, 0.0099),
}


@pytest.mark.parametrize("name, size", CONVERGED)
def test_converged_fits_to_the_published_split(name, size):
    curves = public.multi_power(size)
    seen = [curves.pop(key) for key in public.MULTI_POWER_FIT]
    found = fit(laws.build(name), seen)
    mean = average(score(found.predict(curve), curve.loss) for curve in curves.values())
    objective, *metrics = CONVERGED[name, size]
    assert found.converged and 1e3 * found.objective == pytest.approx(objective, abs=1e-3)
    measured = (mean.r2, mean.mae, mean.rmse, mean.mean_error, mean.worst_error)
    assert measured == pytest.approx(metrics, abs=1e-4)


@pytest.mark.parametrize("name, fixed, most", [("annealing", {"lambda": 0.999}, 10), ("multi_power", {}, 25)])
def test_a_fit_asks_for_few_bases_and_a_draw_for_fewer(name, fixed, most, monkeypatch):
    """What a fit costs: how often it evaluates the law's basis, which is where the time goes."""
    law, asked = laws.build(name), []
    basis = type(law).basis
    monkeypatch.setattr(type(law), "basis", lambda *arguments: asked.append(1) or basis(*arguments))
    found = fit(law, [public.multi_power("100M")[key] for key in public.MULTI_POWER_FIT], fixed=fixed)
    starts = np.prod([1 if p.name in fixed else len(p.starts) for p in law.parameters if not p.linear])
    assert len(asked) - starts <= most
    asked.clear()
    bootstrap(found, n=10)
    assert len(asked) <= 10 * most


def exact_loss_drop(plan, warmup, C, beta, gamma):
    """The Multi-Power loss drop / B as the double sum over all steps."""
    rate, drop, at = counted(plan, warmup)
    total, steps = np.cumsum(rate), np.flatnonzero(drop)
    out = []
    for t in at:
        k = steps[steps <= t]
        S = total[t] - total[k] + rate[k]
        u = C * np.maximum(rate[k], 1e-6 * rate.max()) ** -gamma * np.maximum(S, 0)
        out.append(np.sum(drop[k] * (1 - (1 + u) ** -beta)))
    return np.array(out)


def exact_functional_drop(plan, s, c4, gamma, c3):
    """The Functional law's sum over the drops / c2, step by step."""
    rate, drop, at = counted(plan, "true")
    T, steps = np.cumsum(rate), np.flatnonzero(drop)
    out = []
    for t in at:
        i = steps[steps <= t]
        out.append(np.sum(drop[i] * (c3 + T[i] ** -s) * (1 - (1 + c4 * (T[t] - T[i])) ** -gamma)))
    return np.array(out)


LONG = {
    "cosine": ("cosine", 24000, {"final": 0.1}),
    "wsd": ("wsd", 24000, {"decay": 0.1}),
    "wsd 1-sqrt": ("wsd", 24000, {"decay": 0.2, "shape": "1-sqrt"}),
    "exponential": ("wsd", 24000, {"decay": 4000, "shape": "exponential", "final": 0.1}),
    "two stage": ("two_stage", 16000, {}),
    "multistep cosine": ("multistep_cosine", 24000, {}),
    "cyclic": ("cyclic", 12000, {}),
    "short": ("wsd", 400, {"decay": 0.2}),
}


@pytest.mark.parametrize("warmup", ["true", "full", "repository"])
@pytest.mark.parametrize("shape", LONG)
def test_blocks_of_drops_are_within_1e_5_of_the_double_sum(shape, warmup):
    family, steps, options = LONG[shape]
    schedule = build(family, steps, 3e-4, steps // 12, **options)
    step = np.unique(np.linspace(steps // 12 + 16, steps, 60).astype(int))  # multiples of nothing
    plan = laws.Planned(schedule, step)
    for params in (CONFIG["400M"], (0, 0, 0.5, 400.0, 20.0, 0.5, 0.8), (0, 0, 0.5, 5000.0, 5.0, 0.02, 0.3)):
        _, _, alpha, B, C, beta, gamma = params
        law = laws.build("multi_power", warmup=warmup)
        phi, _ = law.basis(np.array([alpha, C, beta, gamma]), law.features([plan]))
        np.testing.assert_allclose(-B * phi[:, 2], B * exact_loss_drop(plan, warmup, C, beta, gamma), atol=1e-5)
    if warmup == "true":
        law = laws.build("functional")
        phi, _ = law.basis(np.array([0.45, 175.0, 0.6]), law.features([plan]))
        exact = 207 * exact_functional_drop(plan, 0.45, 175.0, 0.6, 1.7)
        np.testing.assert_allclose(-207 * (1.7 * phi[:, 2] + phi[:, 3]), exact, atol=1e-5)


def test_many_points_come_in_chunks_and_agree(monkeypatch):
    schedule = build("cosine", 3000, 3e-4, 100)
    law, params = laws.build("multi_power"), multi_power_params("25M")
    every = law.loss(params, schedule)
    monkeypatch.setattr("losslaws.laws._blocks.CHUNK", 5000)
    np.testing.assert_allclose(law.loss(params, schedule), every, rtol=1e-12)
    np.testing.assert_allclose(law.loss(params, schedule, [7, 500, 3000]), every[[6, 499, 2999]], rtol=1e-12)


def test_ablations_are_limits_of_the_law():
    plan = plans()[3]
    law = laws.build("multi_power")
    none = laws.build("multi_power", drop="none").loss(POWER, plan)
    np.testing.assert_allclose(law.loss(POWER | DROP | {"B": 0.0}, plan), none, rtol=1e-12)
    linear = laws.build("multi_power", drop="linear").loss(POWER | {"B": 60.0}, plan)
    np.testing.assert_allclose(law.loss(POWER | DROP | {"C": 1e5, "beta": 3.0}, plan), linear, rtol=1e-6)
    np.testing.assert_allclose(linear[-1], none[-1] - 60 * 3e-3, rtol=1e-9)  # the whole fall of the rate counts at once
    exponential = laws.build("multi_power", drop="exponential").loss(POWER | {"B": 60.0, "C": 1.4, "gamma": 0.5}, plan)
    nearly = law.loss(POWER | DROP | {"C": 1.4e-6, "beta": 1e6}, plan)  # (1 + u / beta)^-beta -> exp(-u)
    np.testing.assert_allclose(nearly, exponential, rtol=1e-6)


def bound(rate, T, D2, G2):
    """The bound at step T as its source writes it: three terms, the last a double sum."""
    eta = rate[:T]
    S = np.append(np.cumsum(eta[::-1])[::-1], 0.0)
    Q = np.append(np.cumsum(eta[::-1] ** 2)[::-1], 0.0)
    k = np.arange(T - 1)
    return D2 / (2 * S[0]) + G2 * Q[0] / (2 * S[0]) + G2 / 2 * np.sum(eta[k] / S[k + 1] * Q[k] / S[k])


@pytest.mark.parametrize("family", ["constant", "cosine", "linear", "two_stage", "cyclic", "polyline"])
def test_the_convex_bound_telescopes(family):
    options = {"points": REWARM} if family == "polyline" else {}
    schedule = build(family, 3000, 1e-3, 100, **options)
    moves = schedule.lr[schedule.lr > 0]
    step = [1, 2, 40, 150, 900, 2100, 2951, moves.size]
    law = laws.build("convex_bound")
    exact = [bound(moves, T, 3.0, 50.0) for T in np.cumsum(schedule.lr > 0)[np.array(step) - 1]]
    np.testing.assert_allclose(law.loss({"L0": 0.0, "D2": 3.0, "G2": 50.0}, schedule, step), exact, rtol=1e-4)
    every = last_iterate(moves, np.arange(moves.size))
    np.testing.assert_allclose(last_iterate(moves, np.array([900, 2100])), every[[900, 2100]], rtol=1e-12)


def test_steps_at_rate_zero_do_nothing_in_the_convex_bound():
    law, params = laws.build("convex_bound"), {"L0": 2.0, "D2": 1.0, "G2": 30.0}
    tail = Schedule(np.append(np.full(50, 0.01), np.zeros(30)))
    losses = law.loss(params, tail)
    assert np.all(losses[50:] == losses[49])
    with pytest.raises(InputError, match="run 'idle': the rates up to step 1 are all 0"):
        law.features([laws.Planned(Schedule(np.array([0.0, 1.0])), name="idle")])


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


def test_progress_exponent_one_is_the_annealing_law_and_constant_rates_know_none():
    params = POWER | {"C": 0.3, "lambda": 0.98}
    wsd, constant = build("wsd", 600, 0.01, 30, decay=0.3), build("constant", 600, 0.01, 30)
    law, plain = laws.build("annealing_progress"), laws.build("annealing")
    np.testing.assert_allclose(law.loss(params | {"p": 1.0}, wsd), plain.loss(params, wsd), rtol=1e-12)
    np.testing.assert_allclose(law.loss(params | {"p": 0.5}, constant), plain.loss(params, constant), rtol=1e-12)
    assert law.loss(params | {"p": 0.7}, wsd)[-1] < plain.loss(params, wsd)[-1]


def test_kaplan_forms():
    """The published constants: N and D without limit leave the other's law, steps at the critical batch count half."""
    data = laws.build("kaplan_data")
    params = {"log_Nc": np.log10(6.4e13), "alpha_N": 0.076, "log_Dc": np.log10(1.8e13), "alpha_D": 0.103}
    plan = laws.Planned(Schedule(np.ones(1000)), [1000], {"non_embedding": 10**6}, 10**15)
    assert data.loss(params, plan) == pytest.approx([(6.4e13 / 1e6) ** 0.076], rel=1e-6)
    at_batch = laws.Planned(Schedule(np.ones(1000)), [1000], {"non_embedding": 10**6}, 2_000_000)
    params = {"A": 0.0, "alpha": 0.077, "B": 2.1e3**0.76, "beta": 0.76}
    halved = laws.build("kaplan_steps", critical_batch=2e6).loss(params, at_batch)
    assert halved == pytest.approx([(2.1e3 / 500) ** 0.76])
    tokens = laws.build("kaplan_power", of="tokens").loss({"A": 5.4e13**0.095, "alpha": 0.095}, at_batch)
    assert tokens == pytest.approx([(5.4e13 / 2e9) ** 0.095])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: laws.build("multi_power", drop="powr"), "drop='powr' is unknown; did you mean 'power'"),
        (lambda: laws.build("functional", warmup="full"), "warmup='full' is not for 'functional'"),
        (lambda: laws.build("forward_momentum", spacing=0), "spacing=0 of 'forward_momentum' must be at least 1"),
        (
            lambda: laws.build("continual").features(plans()),
            "start=0 of 'continual' must be the last step of pre-training",
        ),
        (lambda: laws.build("kaplan_power", of="data"), "of='data' is unknown"),
        (lambda: laws.build("kaplan_steps", critical_batch=-1.0), "critical_batch=-1.0 of 'kaplan_steps'"),
        (
            lambda: laws.build("kaplan_steps", critical_batch=5.0).features(
                [laws.Planned(build("constant", 9), parameters={"non_embedding": 5})]
            ),
            "give tokens_per_step",
        ),
        (
            lambda: laws.build("multi_power", warmup="tru").features([laws.Planned(build("constant", 9))]),
            "warmup='tru' is unknown; did you mean 'true'",
        ),
        (lambda: Prior({"C": 1.0}, {"B": 1.0}), "mean and scale must name the same parameters"),
        (lambda: Prior({"C": 1.0}, {"C": 0.0}), "C must have a finite mean and a positive scale"),
        (lambda: learn_prior([]), "at least two fits"),
    ],
)
def test_bad_input_is_one_line(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


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
    silent = replace(fits[0], warnings=("C is on its bound, 0",))
    assert learn_prior([silent, *fits[1:]], ("C", "lambda")).mean["C"] == pytest.approx(np.log(C[1:]).mean())
    assert learn_prior([silent, silent, fits[1]], ("C", "lambda")).mean.keys() == {"lambda"}
    other = fit(laws.build("annealing", warmup="true"), [public.multi_power("25M")[name] for name in names])
    with pytest.raises(InputError, match="all of one law with the same options"):
        learn_prior([fits[0], other])
