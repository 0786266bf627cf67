from dataclasses import replace

import numpy as np
import pytest

from analysis.papers.annealing.experiment import Experiment, full_cosines
from losslaws.curves import InputError, LossCurve, schedules
from losslaws.curves.runs import settled
from tests.analysis.papers import synthetic


@pytest.fixture(scope="module")
def clean():
    """Every kind of the night sweep without noise."""
    return Experiment.of("clean", [synthetic.curve(name, noise=0) for name in synthetic.CELLS])


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    return Experiment.load(synthetic.write_experiment(tmp_path_factory.mktemp("cpu"), seeds=4))


def test_the_fit_finds_the_law_behind_the_curves(clean):
    found, law = clean.fit.params, synthetic.LAW
    size = (synthetic.BASE / 1e6) ** -law["beta"]
    assert found["L0"] == pytest.approx(law["L0"] + law["B"] * size, abs=1e-3)
    for name in ("A", "alpha", "lambda"):
        assert found[name] == pytest.approx(law[name], rel=1e-3)
    assert clean.paper_fit.params["lambda"] == 0.999
    assert clean.paper_fit.objective > clean.fit.objective
    assert clean.fitted["annealing-N"].params["beta"] == pytest.approx(law["beta"], rel=0.02)


def test_unseen_curves_do_not_touch_the_fit(clean):
    spoilt = {
        name: replace(curve, loss=1.1 * curve.loss) if curve.role == "unseen" else curve
        for name, curve in clean.curves.items()
    }
    other = Experiment("spoilt", spoilt)
    assert other.fit.params == clean.fit.params
    assert other.score("cosine-3x").mean_error == pytest.approx(1 - 1 / 1.1, rel=1e-3)


def test_noise_is_what_another_seed_changes_at_an_annealed_end():
    def run(name, schedule, loss, seed):
        return LossCurve(name, schedules.build(schedule, 100, 1e-3), [50, 100], [3.0, loss], role="fit", seed=seed)

    annealed = [run("a-seed0", "cosine", 2.0, 0), run("a-seed1", "cosine", 2.02, 1)]
    constant = [run("b-seed0", "constant", 4.0, 0), run("b-seed1", "constant", 4.4, 1)]
    noise = Experiment.of("pairs", annealed + constant).noise
    assert (noise.sd, noise.freedom, noise.pairs) == (pytest.approx(0.02 / np.sqrt(2)), 1, ("a",))
    assert Experiment.of("alone", annealed[:1] + constant).noise is None


def test_predictions_tell_new_points_from_shared_ones(clean):
    table = clean.predictions().set_index(["fit", "curve"])
    trunk, whole = table.loc[("annealing", "wsd20-linear-1x")], table.loc[("annealing", "cosine-3x")]
    steps = clean.curves["wsd20-linear-1x"].step
    assert trunk["new_points"] == np.sum(steps > 0.8 * steps[-1])
    assert whole["new_points"] == whole["points"]
    assert clean.common_steps(clean.curves["constant-1x"]) == synthetic.WARMUP
    assert np.all(table.loc["annealing", "mean_error"] < 1e-5)
    roles = {clean.curves[name].role for name in table.loc["annealing"].index}
    assert roles == {"fit", "unseen", "length", "claim"}


def test_tables_have_the_same_columns_in_every_profile(noisy):
    smoke = Experiment("smoke", {name: synthetic.curve(name) for name in synthetic.SMOKE})
    assert list(smoke.predictions().columns) == list(noisy.predictions().columns)
    assert list(smoke.fits().columns) == list(noisy.fits().columns)
    assert set(smoke.fits()["fit"]) == {"annealing", "annealing-.999"}
    assert set(noisy.fits()["fit"]) == {"annealing", "annealing-.999", "annealing-N", "chinchilla-steps", "chinchilla"}


def test_points_of_the_warm_up_do_not_count():
    curve = synthetic.curve("cosine-1x")
    assert settled(curve).step[0] == 2 * synthetic.WARMUP
    early = replace(curve, step=curve.step[:2], loss=curve.loss[:2])
    with pytest.raises(InputError, match="no loss after 2 times its warm-up of 40 steps"):
        settled(early)


def test_full_cosines_leave_out_every_other_cosine(clean):
    found = [c.name for c in full_cosines(clean.curves.values(), like=clean.curves["constant-1x"])]
    assert found[0] == "cosine-025x" and found[-1] == "cosine-3x"
    lengths = {f"cosine-{x}" for x in ("05x", "075x", "1x", "15x", "2x")}
    assert set(found[1:-1]) == lengths | {f"cosine-1x-{size}" for size in synthetic.SIZES}


def test_an_experiment_without_fit_curves_says_so():
    lonely = Experiment("lonely", {"cosine-05x": synthetic.curve("cosine-05x")})
    with pytest.raises(InputError, match="no curve has the role 'fit'"):
        _ = lonely.fit


def test_laws_are_fitted_to_one_half_of_the_seeds_and_asked_about_the_other():
    made = synthetic.experiment(cells=("constant-1x", "cosine-1x", "cosine-3x"), noise=20)
    runs = made.runs["cosine-3x"]
    assert list(runs) == made.seeds == [0, 1, 2, 3]
    np.testing.assert_allclose(made.seen("cosine-3x").loss, (runs[0].loss + runs[1].loss) / 2)
    np.testing.assert_allclose(made.asked("cosine-3x").loss, (runs[2].loss + runs[3].loss) / 2)
    np.testing.assert_allclose(made.curves["cosine-3x"].loss, np.mean([run.loss for run in runs.values()], axis=0))
    other = settled(made.asked("cosine-3x"))
    assert made.score("cosine-3x").final_error == pytest.approx(abs(made.fit.predict(other)[-1] / other.loss[-1] - 1))
    alone = synthetic.experiment(cells=("constant-1x", "cosine-1x"), seeds=1)
    assert alone.seen("cosine-1x").loss.tolist() == alone.asked("cosine-1x").loss.tolist()
