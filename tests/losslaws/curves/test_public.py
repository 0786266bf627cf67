import hashlib
import os

import numpy as np
import pandas as pd
import pooch
import pytest

from losslaws.curves import InputError, public
from losslaws.curves.public import fetcher

MIRROR = os.environ.get("PUBLIC_DATA_MIRROR")
needs_mirror = pytest.mark.skipif(not MIRROR, reason="PUBLIC_DATA_MIRROR is not set")


@pytest.mark.parametrize("size", public.MULTI_POWER_SIZES)
def test_multi_power_schedules_give_the_logged_rates(size):
    logged = pd.read_csv(public.DATA / "multi_power" / f"{size}.csv")
    curves = public.multi_power(size)
    assert len(curves) == 9
    for name, curve in curves.items():
        rows = logged[logged["curve"] == name]
        assert np.array_equal(curve.step, rows["step"])
        np.testing.assert_allclose(curve.schedule.lr[curve.step - 1], rows["lr"], rtol=1e-12)
        assert curve.schedule.warmup == 2160 and curve.schedule.peak == pytest.approx(3e-4)


def test_multi_power_labels_slip_as_documented():
    curves = public.multi_power("400M")
    long, short = curves["constant_72000"], curves["constant_24000"]
    at = {step: loss for step, loss in zip(short.step, short.loss, strict=True)}
    same = np.array([(loss, at[step]) for step, loss in zip(long.step, long.loss, strict=True) if step in at])
    shifted = np.interp(long.step[:150] + 64, short.step, short.loss)
    assert np.abs(long.loss[:150] - shifted).mean() < 0.5 * np.abs(same[:150, 0] - same[:150, 1]).mean()


def test_multi_power_unknown_size():
    with pytest.raises(InputError, match="size '100' is unknown; did you mean '100M'"):
        public.multi_power("100")


def test_annealing_paper_points():
    fit = public.annealing_paper_fit()
    assert sorted(fit) == ["constant", "cosine"]
    for curve in fit.values():
        assert np.array_equal(curve.step, np.arange(1000, 20001, 1000)) and curve.schedule.warmup == 500
    assert fit["cosine"].final_loss == 2.8376071
    assert [c.step.size for c in public.annealing_paper_unseen().values()] == [60, 60, 60, 10, 49]
    sizes = public.annealing_paper_setup("sizes")
    finals = [curve.at(58000) for curve in sizes.values()]
    assert finals == sorted(finals, reverse=True) and sizes["84.95M"].parameters["non_embedding"] == 84_950_000
    with pytest.raises(InputError, match="set-up 'C'"):
        public.annealing_paper_setup("C")


DRAWN = {  # figure and panel in which the paper draws the rate of a curve, and how far ours may be, in units of the peak
    ("unseen", "wsd_50000"): ("3", 3, 1e-5),
    ("unseen", "cyclic_60000"): ("3", 4, 1e-5),
    ("unseen", "cosine_60000"): ("3", 1, 6e-3),
    ("unseen", "multistep_cosine_60000"): ("3", 2, 2e-3),
    ("B", "cosine_30000"): ("21-22", 0, 1e-5),
    ("B", "wsd_90000"): ("21-22", 7, 1e-5),
    ("B", "wsd_110000"): ("21-22", 8, 1e-5),
    ("D", "cosine_60000"): ("23-24", 0, 1e-5),
    ("D", "multistep_cosine_60000"): ("23-24", 6, 5e-3),
    ("D", "cyclic_60000"): ("23-24", 8, 1e-5),
    ("E", "cosine_30000"): ("25-27", 0, 1e-5),
    ("E", "wsd_350000"): ("25-27", 1, 1e-5),
}


@pytest.mark.parametrize("experiment, name", DRAWN)
def test_annealing_paper_schedules_lie_on_the_drawn_rates(experiment, name):
    curves = public.annealing_paper_unseen() if experiment == "unseen" else public.annealing_paper_setup(experiment)
    schedule = curves[name].schedule
    figure, panel, tolerance = DRAWN[experiment, name]
    lines = public.annealing_paper_lines()
    line = lines[(lines["figure"] == figure) & (lines["panel"] == panel) & (lines["color"] == "#0000ff")]
    x, y = line["x"].to_numpy(), line["y"].to_numpy()
    some = (x > 1000) & (x <= schedule.steps)
    assert some.sum() > 10
    rate = schedule.lr[np.round(x[some]).astype(int) - 1]
    np.testing.assert_allclose(rate / schedule.peak, y[some] * 1e-4 / schedule.peak, atol=tolerance)


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A public file of our own, listed with its SHA-256; its mirror is not yet in use."""
    monkeypatch.delenv("PUBLIC_DATA_MIRROR", raising=False)
    name, content = "someone/something/c0ffee/data/losses.csv", b"step,loss\n1,2.5\n"
    file = tmp_path / "mirror" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    sources = tmp_path / "sources.sha256"
    sources.write_text(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    monkeypatch.setattr(fetcher, "SOURCES", sources)
    return name, file


def test_fetch_reads_the_mirror_and_checks_it(source, tmp_path, monkeypatch):
    name, file = source
    monkeypatch.setenv("PUBLIC_DATA_MIRROR", str(tmp_path / "mirror"))
    assert public.fetch(name) == file
    file.write_text("step,loss\n1,9.9\n")
    with pytest.raises(InputError, match=r"losses\.csv: its SHA-256 is not"):
        public.fetch(name)
    file.unlink()
    with pytest.raises(InputError, match=r"losses\.csv: no such file; PUBLIC_DATA_MIRROR"):
        public.fetch(name)
    with pytest.raises(InputError, match="is not listed"):
        public.fetch("someone/something/c0ffee/data/other.csv")


def test_fetch_downloads_by_url_and_digest(source, tmp_path, monkeypatch):
    name, file = source
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    retrieve, asked = pooch.retrieve, []

    def copy(url, output, _):
        asked.append(url)
        with open(output, "wb") as out:
            out.write(file.read_bytes())

    monkeypatch.setattr(pooch, "retrieve", lambda *a, **kw: retrieve(*a, downloader=copy, **kw))
    assert public.fetch(name).read_bytes() == file.read_bytes()
    public.fetch(name)
    assert asked == [f"https://raw.githubusercontent.com/{name}"]  # the second call finds it in the cache


def test_fetch_without_network_is_one_line(source, monkeypatch):
    def fail(*_, **__):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(pooch, "retrieve", fail)
    with pytest.raises(
        InputError, match=r"^https://raw.*could not be fetched \(no route to host\); set PUBLIC_DATA_MIRROR"
    ):
        public.fetch(source[0])


@needs_mirror
def test_rebuild_gives_the_committed_files(tmp_path):
    committed = {path: path.read_bytes() for name in public.DISTILLED for path in (public.DATA / name).iterdir()}
    assert len(committed) == 11
    for name in public.DISTILLED:
        (tmp_path / name).mkdir()
    public.rebuild(tmp_path)
    assert {path: (tmp_path / path.relative_to(public.DATA)).read_bytes() for path in committed} == committed


@needs_mirror
def test_chinchilla_points():
    points = public.chinchilla_points()
    ratio = [p.tokens_per_step / p.parameters["total"] for p in points]
    assert len(points) == 245 and ratio == sorted(ratio) and ratio[4] < 0.45 < ratio[5]


def test_the_gemstones_are_complete():
    found = public.gemstones()
    assert len(found) == 22 and sum(len(runs) - 1 for runs in found.values()) == 198  # of 199 cooldowns one is suspect
    for model, runs in found.items():
        width, depth = map(int, model.split("x"))
        constant = runs["constant"]
        assert constant.step.size == 175 and constant.step[-1] == 83_475
        # embeddings and norms aside, a layer has about 7.5 width^2 to 16 width^2 parameters
        assert 7 < constant.parameters["non_embedding"] / (depth * width**2) < 20
        for run in runs.values():
            assert run.schedule.peak == 1 and run.tokens_per_step == 2**22


def test_a_cooldown_shares_its_trunk_and_falls_to_zero():
    runs = public.gemstones()["1024x28"]
    branch, constant = runs["cooldown_2622"], runs["constant"]
    assert branch.step.tolist() == [477, 954, 1431, 1908, 2385, 2622]
    np.testing.assert_allclose(branch.loss[:5], constant.loss[:5], atol=1e-6)
    assert branch.loss[-1] < branch.loss[-2] - 0.05
    assert branch.schedule.lr[2384] == 1 and branch.schedule.lr[-1] == 0
    assert public.gemstones()["2560x8"]["cooldown_2622"].step.tolist() == [2385, 2622]


def test_rates_of_the_olmo_ladder_are_the_logged_ones():
    logged = pd.read_csv(public.DATA / "olmo_ladder" / "losses.csv")
    for size, runs in public.olmo_ladder().items():
        assert list(runs) == ["0.5xC", "1xC", "1xC-rerun", "2xC", "5xC", "10xC"]
        for name, run in runs.items():
            rows = logged[logged["run"] == f"{size}-{name}"]
            np.testing.assert_allclose(run.schedule.lr[run.step - 1], rows["lr"], rtol=1e-11)
            assert len(run.also) == 10 and run.on("pile").final_loss == rows["pile"].iloc[-1]


def test_the_recipes_of_modded_nanogpt():
    found = public.modded_nanogpt()
    seeds = {size.removeprefix("162M "): len(runs) for size, runs in found.items()}
    assert seeds == {
        "muon-3350": 20,
        "adamh-4875": 5,
        "normuon-3300": 20,
        "shampoo-4150": 4,
        "muon-8500": 4,
        "muon-3500": 1,
        "muon-3150": 8,
        "muon-3375": 20,
        "muon-3600": 1,
        "adamw-5625": 1,
    }
    muon = found["162M muon-3350"]["muon-3350-01"]
    # held for 30 % of 3350 steps, then (3351 - step) / 2345 of the peak
    assert muon.schedule.lr[[0, 1005, 2000, 3349]] == pytest.approx(
        np.array([1, 1, 1350 / 2345, 1 / 2345]) * 0.035, rel=1e-6
    )
    assert all(3.27 < run.final_loss < 3.29 for runs in found.values() for run in runs.values())
    adamh = next(iter(found["162M adamh-4875"].values())).schedule
    assert adamh.lr[249] > 1.04 * adamh.lr[250] and adamh.warmup == 250
