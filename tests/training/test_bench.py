import os

import pytest

from tests.training.conftest import CELLS
from training import sweep
from training.bench import loops, small, steps
from training.bench.sweep import scaled, train_cells
from training.peak import peak_of

pytestmark = pytest.mark.slow


def test_the_bench_times_three_loops_on_the_same_batches(overrides):
    rows = loops.measure("llama-0.1m", rounds=1, steps=2, overrides=overrides[1:])
    assert [row["loop"] for row in rows] == ["ours", "trainer", "plain"]
    for row in rows:
        assert row["tokens_per_second"] > 0
        assert row["tokens_per_step"] == 8 * 32
        assert 0 < row["peak_mib"] < 2000
    assert rows[1]["speed_over_trainer"] == 1.0


def test_a_larger_batch_takes_longer_a_step(overrides):
    rows = steps.measure(["llama-0.1m"], [2, 64], rounds=1, steps=4, overrides=overrides[1:])
    assert [row["sequences"] for row in rows] == [2, 64]
    assert rows[0]["ms_per_step"] < rows[1]["ms_per_step"]


def test_a_shorter_sweep_shares_as_the_whole_one_does(write_sweep):
    whole = sweep.load(write_sweep(CELLS), ["steps=400"])
    short = scaled(whole, 5, "elsewhere")
    for name, cell in short.cells.items():
        assert cell.parent == whole.cells[name].parent
        assert abs(cell.branch * 5 - whole.cells[name].branch) < 5  # rounded to a shorter step
        assert cell.settings["runs"] == "elsewhere"


def test_the_ways_of_small_models_are_timed_side_by_side(overrides):
    line = [entry for entry in overrides if not entry.startswith("model=")]
    rows = small.measure("llama-0.1m", [3], steps=2, rounds=1, overrides=line)
    assert [(row["way"], row["runs_at_a_time"]) for row in rows] == [
        ("loop", 1),
        ("stack", 3),
        ("processes", max(2, min(os.cpu_count(), 3))),
    ]
    assert all(row["tokens_per_second"] > 0 for row in rows)


def test_trainer_has_as_many_processes_as_the_sweep_has_workers(write_sweep, capfd):
    train_cells(sweep.load(write_sweep(CELLS, extra=["steps=60"])))


@pytest.mark.parametrize(
    ("device", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA H100 NVL", 835e12),
        ("NVIDIA GH200 480GB", 989e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA L40", None),
        ("NVIDIA GeForce RTX 4090", 165e12),
    ],
)
def test_a_gpu_has_the_peak_of_its_own_form(device, peak):
    """NVIDIA's data sheets: the H100 of a PCIe card is slower than that of an SXM board."""
    assert peak_of(device) == peak
