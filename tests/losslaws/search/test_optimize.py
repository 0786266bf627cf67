import numpy as np
import pandas as pd
import pytest

from analysis.trial.regret import PEAKS, SEEN, chosen, fall_time
from losslaws import laws
from losslaws.__main__ import parser
from losslaws.curves import InputError, Schedule, public, schedules
from losslaws.curves.runs import settled
from losslaws.fitting import fit
from losslaws.search.gradient import final_loss
from losslaws.search.optimize import LEAST_RATE, Search, save, table
from tests.analysis.papers.synthetic import CELLS, SMOKE, curve, write_experiment

LOGS = ("constant-1x", "cosine-1x", "wsd20-linear-1x", "wsd40-linear-1x")


@pytest.fixture(scope="module")
def paper():
    """The fitted runs of the Multi-Power paper's 25M model."""
    curves = public.multi_power("25M")
    return [curves[name] for name in public.MULTI_POWER_FIT]


@pytest.fixture(scope="module")
def search():
    return Search.of([*(curve(name) for name in LOGS), curve("cosine-1x", seed=1)], 400)


@pytest.mark.parametrize("name", ["annealing", "annealing_progress", "multi_power"])
def test_derivatives_are_exact_and_the_loss_is_the_law_s(paper, name):
    fitted = fit(laws.build(name), map(settled, paper), fixed={"p": 0.7} if name == "annealing_progress" else None)
    schedule = schedules.build("wsd", 3000, peak=3e-4, warmup=200, decay=0.4, final=0.05)
    loss, slope = final_loss(fitted, schedule)
    assert loss == pytest.approx(fitted.predict(schedule, [3000])[0], abs=1e-5)
    way = np.where(np.arange(3000) >= 1900, np.random.default_rng(0).standard_normal(3000), 0.0)
    h = 1e-9
    up, down = (final_loss(fitted, Schedule(schedule.lr + sign * h * way, 200))[0] for sign in (1, -1))
    assert (up - down) / (2 * h) == pytest.approx(slope @ way, rel=1e-5)
    assert not slope[:200].any()


def test_a_law_without_derivatives_is_refused(paper):
    with pytest.raises(InputError, match="cannot be optimised over schedules"):
        final_loss(fit(laws.build("annealing_zeta"), paper), paper[0].schedule)


def test_the_free_schedule_stays_within_the_fences_and_beats_every_family(search):
    free = search.free()
    after = free.schedule.lr[40:]
    assert free.schedule.peak == pytest.approx(3e-3)
    assert np.all(np.diff(after) <= 0) and after[-1] >= 0.99 * LEAST_RATE * 3e-3
    assert search.fall(free.schedule)[0] <= search.steepest[0] * (1 + 1e-6)
    others = [one for family in ("constant", "linear", "cosine") if (one := search.family(family))]
    assert free.loss < min(one.loss for one in others)
    assert free.loss <= search.family("wsd").loss + 1e-3


def test_families_that_fall_faster_than_any_log_are_left_out(search):
    assert search.family("two_stage") is None
    gentle = Search.of([curve("constant-1x"), curve("cosine-1x")], 400)
    assert gentle.family("wsd").options["decay"] > 0.5
    assert any("falls as fast as any log" in line for line in gentle.warnings(gentle.free()))


@pytest.mark.slow
def test_the_annealing_law_wants_a_cliff_and_the_fence_holds_it():
    curves = list(public.multi_power("25M").values())
    laws_ = {name: Search.of(curves, 8000, law=name).free(fenced=False) for name in ("annealing", "multi_power")}
    falls = {name: fall_time(found.schedule) for name, found in laws_.items()}
    assert falls["annealing"] < 0.03 < falls["multi_power"]


def test_a_refined_family_is_no_worse_than_its_grid(search):
    found = search.family("wsd")
    assert all(
        found.loss <= search.cost("wsd", {"decay": d, "shape": "linear", "final": 0.0}) for d in (0.2, 0.35, 0.5)
    )


def test_the_noise_comes_from_seeds(search):
    pair = [curve("cosine-1x").final_loss, curve("cosine-1x", seed=1).final_loss]
    assert search.noise == pytest.approx(np.std(pair, ddof=1))
    assert Search.of([curve("cosine-1x")], 400).noise is None


def test_the_terminal_shows_gains_and_warnings(search):
    text = table(search, [search.build("cosine"), search.family("wsd")])
    assert "in seed std" in text and "wsd decay=" in text.splitlines()[-1 - text.count("warning:")]


def test_what_is_written_is_what_training_applies(search, tmp_path):
    found = search.free()
    path = save(found, tmp_path / "found.csv")
    assert list(pd.read_csv(path)) == ["step", "lr"]
    assert np.array_equal(schedules.build("file", 400, path=str(path)).lr, found.schedule.lr)


@pytest.mark.parametrize(
    ("names", "arguments", "message"),
    [
        (("constant-1x", "cosine-1x-0.06m"), {}, "of different models"),
        (("constant-1x",), {}, "no log decays"),
        (("cosine-1x",), {"peak": 1.0}, "no log has the peak rate 1; the logs have 0.003"),
        (("cosine-1x",), {"steps": 10}, "give at least 120"),
    ],
)
def test_what_no_law_can_answer_is_refused(names, arguments, message):
    with pytest.raises(InputError, match=message):
        Search.of([curve(name) for name in names], **({"steps": 400} | arguments))


def test_curves_of_another_peak_are_left_out():
    assert "peak4-05x" in CELLS
    assert len(Search.of([curve("cosine-1x"), curve("wsd20-linear-1x"), curve("peak4-05x")], 400).curves) == 2


def test_the_multi_power_law_chooses_better_than_the_annealing_law():
    runs = public.slimpajama_124m()
    lost = {law: [r for r, _ in chosen(runs, law, {}, SEEN[1], PEAKS[2])] for law in ("multi_power", "annealing")}
    assert len(lost["annealing"]) == 4
    assert np.mean(lost["multi_power"]) < 0.5 * np.mean(lost["annealing"])


def test_the_command_reads_a_folder_and_writes_the_schedule(tmp_path, capsys):
    folder, out = write_experiment(tmp_path / "smoke", SMOKE), tmp_path / "found.csv"
    args = parser().parse_args(["optimize", str(folder), "--steps", "400", "--family", "free", "--out", str(out)])
    args.run(args)
    text = capsys.readouterr().out
    assert "multi_power on 4 logs" in text and "free knots=32" in text
    assert f"train it with schedule=file schedule.path={out} steps=400" in text
    assert len(pd.read_csv(out)) == 400


def test_the_command_reads_single_logs_and_names_an_unknown_family(tmp_path):
    folder = write_experiment(tmp_path, SMOKE) / "curves"
    paths = [str(folder / f"{name}.csv") for name in ("cosine-1x", "wsd20-linear-1x")]
    args = parser().parse_args(["optimize", *paths, "--steps", "400", "--family", "wds"])
    with pytest.raises(InputError, match="family 'wds' is unknown; did you mean 'wsd'"):
        args.run(args)
