"""Curves of a results folder: what comes back from the one file is what was saved."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losslaws.curves import InputError, LossCurve, schedules
from losslaws.curves.store import FILE, holds_curves, kept_names, load_folder, save_folder

pytest.importorskip("pyarrow")


def run(name, seed=0, fork=30, steps=60, end=False):
    """A run whose first `fork` steps are those of every other of its seed."""
    shared, own = np.random.default_rng(seed), np.random.default_rng([seed, *name.encode()])
    values = np.concatenate([shared.random((fork, 3)), own.random((steps - fork, 3))]).astype(np.float32)
    step = np.arange(5, steps + 1, 5)
    also = {"end": np.where(step == steps, 1.5, np.nan)} if end else {}
    lr = np.where(np.arange(steps) < fork, 0.1, np.linspace(0.1, 0, steps))
    schedule = replace(schedules.build("constant", steps, 0.1, 0), lr=lr)
    return LossCurve(
        name,
        schedule,
        step,
        2 + values[step - 1, 2].astype(float),
        train_loss=values[:, 0],
        grad_norm=values[:, 1],
        tokens_per_step=512,
        parameters={"total": 7},
        flops_per_token=4.5,
        seed=seed,
        role="fit",
        source={"corpus": "a", "config": {"seed": seed}},
        also=also,
    )


def same(a, b):
    assert a.about() == b.about()
    np.testing.assert_array_equal(a.schedule.lr, b.schedule.lr)
    for field in ("step", "loss", "train_loss", "grad_norm"):
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field))
    assert set(a.also) == set(b.also)
    for name in a.also:
        np.testing.assert_array_equal(a.also[name], b.also[name])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 59), st.booleans()), min_size=1, max_size=5))
def test_what_was_saved_comes_back(tmp_path_factory, about):
    folder = tmp_path_factory.mktemp("store")
    curves = [run(f"r{i}", seed, fork, end=end) for i, (seed, fork, end) in enumerate(about)]
    save_folder(folder, curves)
    found = load_folder(folder)
    assert list(found) == [curve.name for curve in curves]
    for curve in curves:
        same(found[curve.name], curve)


def test_what_runs_share_is_kept_once(tmp_path):
    import pyarrow.parquet as pq

    save_folder(tmp_path, [run("a"), run("b"), run("c", seed=1)])
    assert pq.read_metadata(tmp_path / FILE).num_rows == 60 + 30 + 60


def test_a_run_that_equals_another_comes_back(tmp_path):
    save_folder(tmp_path, [run("a"), run("b")])
    same(load_folder(tmp_path)["b"], run("b"))
    save_folder(tmp_path, [run("a", fork=60), run("b", fork=60)])
    same(load_folder(tmp_path)["b"], run("b", fork=60))


def test_a_folder_of_csv_files_reads_alike(tmp_path):
    curve = run("a", end=True)
    assert not holds_curves(tmp_path)
    curve.save(tmp_path / "curves")
    assert holds_curves(tmp_path)
    same(load_folder(tmp_path)["a"], curve)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\0" * 40 + b"PAR1"])
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(InputError, match=r"curves\.parquet: is not a file of loss curves"):
        load_folder(tmp_path)


@pytest.mark.parametrize(
    "known", ["[]", "3", '{"a": 3}', '{"a": {"begins": "b"}}', '{"a": {"begins": ["a", "x"]}}', "[" * 9999]
)
def test_metadata_that_are_not_what_was_written_are_named(tmp_path, known):
    import pyarrow.parquet as pq

    save_folder(tmp_path, [run("a")])
    table = pq.read_table(tmp_path / FILE).replace_schema_metadata({"losslaws.curves": known})
    pq.write_table(table, tmp_path / FILE)
    for read in (load_folder, kept_names):
        with pytest.raises(InputError, match=r"curves\.parquet: is not a file of loss curves"):
            read(tmp_path)


def test_names_are_read_without_the_curves(tmp_path):
    assert kept_names(tmp_path) == set()
    save_folder(tmp_path, [run("a"), run("b")])
    assert kept_names(tmp_path) == {"a", "b"}


def test_another_table_is_named(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), tmp_path / FILE)
    with pytest.raises(InputError, match=r"curves\.parquet: is not a file of loss curves"):
        load_folder(tmp_path)
