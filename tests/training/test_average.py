"""Averages of the weights along a run: their definitions, their column of the record, and resume."""

import pandas as pd
import pytest
import torch

from losslaws.curves import InputError
from training import config
from training.average import PARTS, Average
from training.loop import train

pytestmark = pytest.mark.slow


class Moving(torch.nn.Module):
    """A model whose weights after step t are t."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))

    def go(self, step):
        with torch.no_grad():
            self.weight.fill_(float(step))


def averages(kind, length, steps):
    model = Moving()
    average, found = Average(model, kind, length), []
    for step in range(1, steps + 1):
        model.go(step)
        average.update()
        with average.in_place():
            found.append(float(model.weight[0]))
        assert float(model.weight[0]) == step
    return found


def test_an_exponential_average_is_a_mean_first_and_then_forgets():
    found = averages("ema", 4, 12)
    expected = [1.0]
    for step in range(2, 13):
        expected.append(expected[-1] + (step - expected[-1]) / min(step, 4))
    assert found == pytest.approx(expected)
    assert found[3] == pytest.approx(2.5)


def test_a_window_is_the_mean_of_its_last_whole_parts():
    part, steps = 3, 100
    found = averages("window", part * PARTS, steps)
    for step, value in enumerate(found, start=1):
        whole = step // part * part or step
        inside = range(max(0, whole - part * PARTS) + 1, whole + 1)
        assert value == pytest.approx(sum(inside) / len(inside)), step


@pytest.mark.parametrize("kind", ["ema", "window"])
def test_the_record_has_its_loss_and_a_resumed_run_the_same(overrides, tmp_path, kind):
    asked = [*overrides, f"eval.average={kind}", "eval.average_steps=12", "schedule=constant", "schedule.peak=2e-2"]
    whole = train(config.load([*asked, f"runs={tmp_path / 'whole'}"]))
    part = train(config.load(asked), until=24)
    assert part.complete is None
    assert train(config.load(asked)).record.read_bytes() == whole.record.read_bytes()
    table = pd.read_csv(whole.record)
    assert table["val_loss_average"].notna().tolist() == table["val_loss"].notna().tolist()
    assert whole.curve("x").also["average"].size == 4
    plain = train(config.load([line for line in asked if "average" not in line]))
    assert "val_loss_average" not in pd.read_csv(plain.record)
    pd.testing.assert_series_equal(pd.read_csv(plain.record)["val_loss"], table["val_loss"])
    assert plain.path.name != whole.path.name


def test_a_branch_needs_the_average_of_what_it_branches_from(overrides):
    plain = train(config.load([*overrides, "steps=10"]))
    with pytest.raises(InputError, match="has no average"):
        train(config.load([*overrides, "eval.average=ema", f"init_from={plain.path}@10", "steps=12"]))
