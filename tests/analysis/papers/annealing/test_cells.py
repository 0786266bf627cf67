"""Every cell that a claim or a figure asks for is one of the sweep: a misspelt name would read "not run"."""

from pathlib import Path

import pytest
import yaml

from analysis.pages import figure as figures
from analysis.papers import claim as claims
from analysis.papers.annealing import PROFILES
from analysis.papers.annealing.evidence import Evidence, tuning
from analysis.papers.annealing.experiment import Experiment
from losslaws.curves.schedules import names as schedule_names
from tests.analysis.papers import synthetic

SWEEPS = Path(__file__).parents[4] / "conf" / "sweep"


def cells(sweep):
    """The cells of a sweep: name -> role and overrides."""
    content = yaml.safe_load((SWEEPS / f"{sweep}.yaml").read_text(encoding="utf-8"))
    return {name: line.split("|", 1) for name, line in content["cells"].items()}


class Recorder(dict):
    """Curves by name that remember every name they were asked for."""

    def __init__(self, curves):
        super().__init__(curves)
        self.asked = set()

    def __contains__(self, name):
        self.asked.add(name)
        return super().__contains__(name)

    def __getitem__(self, name):
        self.asked.add(name)
        return super().__getitem__(name)


def test_every_cell_that_is_asked_for_is_in_the_sweep():
    made = synthetic.experiment()
    asked = Recorder(made.curves)
    e = Evidence(Experiment("night", asked, runs=made.runs))
    claims.gather("annealing", e)
    for show in figures.registered("analysis.papers.annealing.figures").values():
        show(e)
    list(e.benchmark)
    known = cells("night")
    assert len(asked.asked) > 20 and asked.asked <= set(known), asked.asked - set(known)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_role_of_a_profile_is_one_that_the_paper_reads(profile):
    found = {role.strip() for role, _ in cells(profile).values()}
    assert found <= {"fit", "unseen", "length", "claim", "noise", "size"}


def test_the_cpu_profile_is_a_part_of_the_night():
    """So that what is trained for one is there for the other, and every kind reads alike in both."""
    night = cells("night")
    for name, (role, overrides) in cells("cpu").items():
        assert night[name][0] == role, name
        assert overrides.split("seed=")[0] == night[name][1].split("seed=")[0], name


def test_the_made_experiment_has_the_cells_of_the_sweep():
    known = cells("night")
    assert synthetic.CELLS.keys() == known.keys()
    for name, (role, _, family, _) in synthetic.CELLS.items():
        said, overrides = known[name]
        assert said.strip() == role and family in schedule_names()
        assert f"schedule={family}" in overrides.split(), name


@pytest.mark.parametrize("profile", ["cpu", "night", "trial"])
def test_a_profile_trains_at_the_rate_that_the_tuning_chose(profile):
    """The rule by hand: 1.6e-2 has the lowest mean, noise hides what 8e-3 lies above it, and its seeds differ least of those."""
    table = tuning().set_index("peak")
    assert table["mean"].idxmin() == 0.016
    among = table[table["above"] <= table["above_95"]]
    assert set(among.index) == {0.008, 0.016, 0.032} and among["sd_over_seeds"].idxmin() == 0.008
    assert list(table.index[table["chosen"]]) == [0.008]
    common = yaml.safe_load((SWEEPS / f"{profile}.yaml").read_text())["common"]
    assert "schedule.peak=0.008 " in common
