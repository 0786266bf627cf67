"""The registry of public data sets, and the two steps from a curve to the points that are fitted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losslaws.curves import InputError, LossCurve, public
from losslaws.curves.public.groups import FALLBACK, noise, written
from losslaws.curves.runs import decays, fork_of, settled, shape, thinned
from losslaws.curves.schedules import build


@pytest.fixture(scope="module")
def every():
    return public.groups()


def test_every_data_set_is_listed_once_with_who_made_it_and_how(every):
    assert {group.dataset for group in every} == set(public.DATA_SETS)
    assert len({group.name for group in every}) == len(every)
    for name, data in public.DATA_SETS.items():
        assert data.name == name and data.authors and data.source and data.optimiser
        assert data.rate in ("absolute", "relative", "other")
    for group in every:
        assert all(set(names) <= set(group.curves) for names in group.published)
        assert all(curve.name == name for name, curve in group.curves.items())
        assert all(curve.role != "noise" for curve in group.curves.values())
        assert 1e-5 < group.noise < 0.01
        assert {curve.parameters["non_embedding"] for curve in group.curves.values()} == {group.parameters}


def test_every_folder_of_data_says_where_it_comes_from():
    told = (public.DATA / "README.md").read_text(encoding="utf-8")
    for folder in public.DATA.iterdir():
        if folder.is_dir():
            assert f"\n## {folder.name}/ (" in told, (
                f"{public.DATA.name}/README.md: add '## {folder.name}/ (LICENCE)' with source, licence and what is odd"
            )


def test_all_of_slimpajama_has_one_group_of_authors(every):
    ours = {group.authors for group in every if group.dataset.startswith(("slimpajama", "openwebtext2"))}
    assert len(ours) == 1


def test_splits_are_published_only_where_somebody_published_them(every):
    assert {group.dataset for group in every if group.published} == {"mpl", "annealing-paper"}


def test_optimisers_and_units_are_told(every):
    told = {(group.optimiser, group.rate) for group in every}
    assert {("adamw", "absolute"), ("adamw", "relative"), ("muon", "other"), ("shampoo", "other")} <= told


def test_an_unknown_data_set_is_one_line():
    with pytest.raises(InputError, match=r"data set 'mlp' is unknown; did you mean 'mpl'"):
        public.groups("mlp")


def test_parts_of_one_peak_rate_hold_all_curves_once():
    (group,) = public.groups("slimpajama-124m")
    parts = group.at_each_peak()
    assert [next(iter(part.curves.values())).schedule.peak for part in parts] == [1e-4, 5e-4, 1e-3, 2e-3, 3e-3]
    assert sorted(name for part in parts for name in part.curves) == sorted(group.curves)


def test_sizes_are_written_as_in_the_tables():
    assert [written(n) for n in (25_000_000, 1_704_000_000, 150_976)] == ["25M", "1704M", "0.15M"]


def test_the_noise_of_runs_that_repeat_is_found():
    schedule, step, rng = build("constant", 2000, 1e-3), np.arange(10, 2001, 10), np.random.default_rng(0)
    runs = [LossCurve(f"r{i}", schedule, step, 3 * (1 + 1e-3 * rng.standard_normal(step.size))) for i in range(4)]
    assert noise(runs) == pytest.approx(1e-3, rel=0.1)
    assert noise([runs[0], runs[0]]) == FALLBACK


@given(points=st.integers(1, 400), most=st.integers(1, 200), warmup=st.integers(0, 40), share=st.floats(0, 0.5))
def test_settled_and_thinned_points(points, most, warmup, share):
    run = LossCurve("r", build("constant", 400, warmup=warmup), np.arange(1, points + 1), np.full(points, 3.0))
    first = max(2 * warmup, share * points)
    if points < first:
        with pytest.raises(InputError, match="has no loss after 2 times its warm-up"):
            settled(run, share)
        return
    late = settled(run, share)
    assert late.step[0] == max(1, np.ceil(first)) and late.step[-1] == points
    few = thinned(late, most)
    assert few.step.size <= min(most, late.step.size) and few.step[0] == late.step[0]
    assert most == 1 or few.step[-1] == points
    assert np.ptp(np.diff(few.step)) <= 1 if few.step.size > 2 else True


def test_shapes_and_forks():
    assert fork_of(build("wsd", 1000, warmup=100, decay=0.2)) == 800
    assert fork_of(build("constant", 1000, warmup=100)) == fork_of(build("cosine", 1000, warmup=100)) == 0
    short, long = (build("wsd", steps, warmup=100, decay=0.2) for steps in (1000, 5000))
    assert shape(short) == shape(long) == ("wsd", 0.8, 0.5, 0.0)
    assert shape(build("cosine", 1000, final=0.1)) == ("cosine", 0.0, 0.5, 0.1)
    curves = [LossCurve("r", build(name, 100), [100], [3.0]) for name in ("constant", "cosine")]
    assert [decays(curve) for curve in curves] == [False, True]
