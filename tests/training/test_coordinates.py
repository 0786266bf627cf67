import numpy as np
import pytest
import torch

import models
from training import corpus, sweep
from training.coordinates import measure
from training.corpus.batches import train_batch

CELLS = {
    "mup": "mup | model=mup model.base_width=32 model.zero_readout=false schedule.peak=0.001,0.002",
    "standard": "standard | model=llama",
}


pytestmark = pytest.mark.slow


def test_each_role_of_a_sweep_is_checked_on_its_text(write_sweep):
    planned = sweep.load(write_sweep(CELLS, extra=["model.d_model=64"]))
    table = measure(planned, [32, 64], rate=0.01, steps=3, seeds=2)
    assert table.groupby(["role", "width"]).ngroups == 4
    assert set(table["step"]) == {1, 2, 3}
    assert (table.query("role == 'mup' and activation == 'logits'").groupby("step")["size"].max() > 0).tolist() == [
        False,
        True,
        True,
    ]
    row = table.query("role == 'standard' and width == 64 and activation == 'logits' and step == 1")
    settings = planned.cells["standard"].settings
    assert row["size"].item() == pytest.approx(np.mean([first_logits(settings, seed) for seed in (0, 1)]), rel=1e-5)


def first_logits(settings, seed):
    """Mean |x| of the logits of the untrained model on the first batch."""
    text = corpus.prepare(settings["data"], settings["corpora"])
    module = models.build(settings["model"], text.vocab_size, settings["batch"]["length"], seed)
    rows = train_batch(text.train, 1, seed, settings["batch"]["sequences"], settings["batch"]["length"])
    return module(torch.from_numpy(rows[:, :-1])).abs().mean().item()
