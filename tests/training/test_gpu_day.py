"""The day on a GPU, taken on a CPU with tiny sizes: every part, over two sittings, and what is predicted meanwhile."""

import sys
from dataclasses import replace

import pandas as pd
import pytest

from losslaws.curves import InputError
from losslaws.curves.store import load_folder
from tests.training.conftest import CELLS
from training.bench import gpu_day

pytestmark = pytest.mark.slow


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["gpu_day", *map(str, arguments)])
    gpu_day.main()


def test_two_sittings_measure_every_part_once(monkeypatch, write_sweep, corpora, text, tmp_path, capfd):
    run = [*gpu_day.DRY.run, "data=local", f"data.paths=['{text}']", "data.vocab_size=384"]
    monkeypatch.setattr(gpu_day, "DRY", replace(gpu_day.DRY, run=run, sweep=[write_sweep(CELLS)]))
    results = tmp_path / "gpu"
    more = ["--results", results, "--runs", tmp_path / "runs", f"corpora={corpora}", "--dry"]
    call(monkeypatch, "--minutes", 0.08, *more)  # room for the parts of a few seconds alone
    assert "the same command goes on here" in capfd.readouterr().out
    first = {path.name for path in results.glob("*.csv")}
    assert "machine.csv" in first
    assert "small-llama-0.1m.csv" not in first
    call(monkeypatch, "--minutes", 10, *more)
    assert f"{results / 'machine.csv'}: is there already" in capfd.readouterr().out
    equal = pd.read_csv(results / "equal.csv")
    assert set(equal["run"]) == {"again", "resumed"}
    assert equal["equal_bit_for_bit"].all()
    assert pd.read_csv(results / "speed-llama-0.1m.csv")["tokens_per_second"].gt(0).all()
    assert set(pd.read_csv(results / "small-llama-0.1m.csv")["way"]) == {"loop", "stack", "processes"}
    assert set(load_folder(results / "profile")) == set(CELLS)


def test_without_a_gpu_it_says_what_it_can_do(monkeypatch, tmp_path):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="--dry takes the same way"):
        call(monkeypatch, "--results", tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_predicted_is_marked_so(monkeypatch, tmp_path):
    call(monkeypatch, "--predict", "--results", tmp_path)
    table = pd.read_csv(tmp_path / "predicted.csv").set_index("model")
    assert set(table["kind"]) == {"predicted, not measured"}
    assert table.loc["llama-125m", "mfu"] == pytest.approx(0.345, abs=0.02)  # findings: 33 to 36 %
    assert table["mfu"].is_monotonic_increasing
