from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from analysis.trial import trial
from losslaws.curves import InputError
from losslaws.search.optimize import Search
from tests.analysis.papers.synthetic import curve

RUNS = {"cosine": "cosine-1x", "wsd20": "wsd20-linear-1x", "found": "wsd10-linear-1x"}
SHIFTS = (0.0, 0.01, -0.02)  # nats, by seed


@pytest.fixture(scope="module")
def search():
    return Search.of([curve(name) for name in ("constant-1x", "cosine-1x", "wsd20-linear-1x")], 400)


@pytest.fixture(scope="module")
def curves():
    made = {}
    for name, run in RUNS.items():
        for seed, shift in enumerate(SHIFTS):
            one = curve(run, noise=0.0)
            made[f"{name}-seed{seed}"] = replace(
                one, name=f"{name}-seed{seed}", loss=one.loss + shift, seed=seed, source={"line": name}
            )
    return made


def test_gains_are_counted_in_the_spread_over_seeds(curves, search):
    table = trial.trial(curves, search).set_index("schedule")
    spread = np.std(SHIFTS, ddof=1)
    gain = curve("cosine-1x", noise=0.0).final_loss - curve("wsd10-linear-1x", noise=0.0).final_loss
    assert table["seed_std"].to_list() == pytest.approx([spread] * 3)
    row = table.loc["found"]
    assert (row["gain"], row["gain_in_std"], row["least_gain"]) == pytest.approx((gain, gain / spread, gain))
    assert table.loc["cosine", "gain"] == 0
    assert table["mean_loss"].is_monotonic_increasing


def test_the_baseline_and_seeds_are_needed(curves, search):
    with pytest.raises(InputError, match="at least two seeds of every schedule"):
        trial.trial({name: one for name, one in curves.items() if "cosine" not in name}, search)
    with pytest.raises(InputError, match="at least two seeds of every schedule"):
        trial.trial(
            {name: one for name, one in curves.items() if name != "found-seed0" and name != "found-seed1"}, search
        )


def test_the_pages_say_whether_it_won(curves, search, tmp_path, monkeypatch):
    choice = {"law": ["multi_power"], "fitted_to": ["constant"], "choices": [14], "mean_regret": [0.001]}
    choice |= {"worst_regret": [0.005], "rank_correlation": [0.9], "cliff": [0.1]}
    monkeypatch.setattr(trial, "choice_of_law", lambda: pd.DataFrame(choice))
    for one in curves.values():
        one.save(tmp_path / "curves")
    written = trial.write_trial(tmp_path, search)
    assert [path.name for path in written] == ["trial.md", "trial.html"]
    text = written[0].read_text()
    won = trial.trial(curves, search).set_index("schedule").loc["found", "gain_in_std"] > trial.ENOUGH
    assert ("**beats**" if won else "**does not beat**") in text
    assert (tmp_path / "figures" / "schedules_and_losses.svg").stat().st_size > 10_000
    assert not any(word in text for word in ("nan", "None", "{{"))


def test_the_trial_trains_as_the_cpu_profile_does():
    folder = Path(__file__).parents[3] / "conf" / "sweep"
    read = [yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in ("cpu", "trial")]
    assert read[0]["common"] == read[1]["common"]
