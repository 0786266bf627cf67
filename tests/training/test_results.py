"""Collection: what is complete is collected, the rest is reported, and nothing of anybody else is touched."""

from dataclasses import replace

import pandas as pd
import pytest

from losslaws.curves import InputError
from losslaws.curves.store import FILE, load_folder, save_folder
from tests.training.conftest import CELLS
from training import config, sweep
from training.loop import train
from training.results import collect

pytestmark = pytest.mark.slow


def finish(planned, *names):
    for name in names:
        train(config.load(list(planned.cells[name].overrides)))


@pytest.fixture
def planned(write_sweep):
    return sweep.load(write_sweep(CELLS))


def test_what_is_complete_is_collected_and_the_rest_reported(planned, tmp_path):
    finish(planned, "trunk", "cosine")
    assert collect(planned, tmp_path) == {"wsd": "is not complete"}
    assert set(load_folder(tmp_path)) == {"trunk", "cosine"}
    assert set(pd.read_csv(tmp_path / "runs.csv")["cell"]) == {"trunk", "cosine"}
    (planned.cells["cosine"].folder.path / "run.json").write_text("{}")
    left = collect(planned, tmp_path)
    assert "run.json: lacks the key" in left["cosine"]


def test_only_what_an_earlier_table_of_the_sweep_lists_is_removed(planned, write_sweep, tmp_path, capsys):
    finish(planned, "trunk", "cosine")
    curves = tmp_path / "curves"
    curves.mkdir()
    (curves / "foreign.csv").write_text("step,lr,val_loss\n")
    (curves / "foreign.json").write_text("{}")
    (curves / "notes.csv").write_text("mine")
    collect(planned, tmp_path)
    assert set(load_folder(tmp_path)) == {"trunk", "cosine"}
    (curves / "trunk.csv").write_text("as curves were kept before")
    smaller = sweep.load(write_sweep({"trunk": CELLS["trunk"]}))
    assert not capsys.readouterr().err
    collect(smaller, tmp_path)
    assert capsys.readouterr().err.endswith("cells that sweep 'small' no longer has are removed (cosine)\n")
    assert set(load_folder(tmp_path)) == {"trunk"}
    assert {path.name for path in curves.iterdir()} == {"foreign.csv", "foreign.json", "notes.csv"}


@pytest.mark.parametrize(
    "table",
    [
        "cell,steps,sweep\ntrunk,60,kaplan\n",
        "cell,steps,sweep\n../../evil,60,other\n",
        "cell,steps\ntrunk,1400\ncosine-3x,4200\n",  # older tables do not say whose they are
        "cell,steps,sweep\ntrunk,1400,small\nother,60,small\n",  # of somebody else's small.yaml
        "a,b\n1,2\n",
        b"\xff\xfe\x00",
        "",
    ],
)
def test_the_results_of_another_sweep_are_left_alone(planned, write_sweep, command, tmp_path, table):
    finish(planned, "trunk")
    results = tmp_path / "results"
    (results / "curves").mkdir(parents=True)
    (results / "curves" / "trunk.csv").write_text("theirs")
    (results / "runs.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(InputError) as caught:
        collect(planned, results)
    assert str(results) in str(caught.value)
    assert (results / "curves" / "trunk.csv").read_text() == "theirs"
    assert not (tmp_path / "evil.csv").exists()


@pytest.mark.parametrize("whose", ["kaplan", "small"])
def test_a_sweep_is_not_trained_where_the_results_are_of_another(write_sweep, command, tmp_path, whose):
    results = tmp_path / "results"
    results.mkdir()
    (results / "runs.csv").write_text(f"cell,steps,sweep\nconstant-1x,1400,{whose}\n")
    done = command(["run", write_sweep(CELLS), "--results", str(results)], script=("-m", "training"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"error: {results}: holds the runs of another sweep (")
    assert done.stderr.endswith("choose another --results\n")
    assert not (tmp_path / "runs").exists()


def test_curves_without_a_table_are_not_lost(planned, tmp_path):
    finish(planned, "trunk")
    theirs = replace(planned.cells["trunk"].folder.curve("theirs"), name="theirs")
    save_folder(tmp_path, [theirs])
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(
        InputError, match=r"curves that no table of this sweep lists \(theirs\); choose another --results"
    ):
        collect(planned, tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


def test_results_that_cannot_be_written_are_refused_before_anything_is_trained(write_sweep, command, tmp_path):
    path = write_sweep(CELLS)
    (tmp_path / "file").touch()
    for results in (tmp_path / "file", tmp_path / "mistyped" / "x" / "y", "/dev/null"):
        for verb in ("plan", "run", "collect"):
            done = command([verb, path, f"--results={results}"], script=("-m", "training"))
            assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "folder" in done.stderr
    assert not (tmp_path / "mistyped").exists() and not (tmp_path / "runs").exists()


def test_an_older_table_of_the_same_sweep_is_replaced(planned, tmp_path):
    finish(planned, "trunk")
    (tmp_path / "runs.csv").write_text("cell,steps\ntrunk,60\nold,60\n../../x,60\n")
    (tmp_path / "curves").mkdir()
    (tmp_path / "curves" / "old.csv").write_text("old")
    collect(planned, tmp_path)
    assert not (tmp_path / "curves").exists()
    assert set(pd.read_csv(tmp_path / "runs.csv")["sweep"]) == {"small"}


def test_nothing_complete_is_an_error_and_writes_nothing(planned, tmp_path):
    with pytest.raises(InputError, match="is not complete, nor can any other"):
        collect(planned, tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_sweep_with_a_failing_cell_still_leaves_its_results(write_sweep, command, tmp_path):
    path = write_sweep({"trunk": CELLS["trunk"], "bad": "claim | schedule=constant eval.sequences=5000"})
    done = command(["run", path, "--results", str(tmp_path / "out")], script=("-m", "training"))
    assert done.returncode == 2
    assert "1 of 2 cells did not finish (bad)" in done.stderr
    assert "1 of 2 cells complete" in done.stdout
    assert "left out: cell 'bad' is not complete" in done.stdout
    assert load_folder(tmp_path / "out")["trunk"].role == "fit"
    done = command(["collect", path, "--results", str(tmp_path / "again")], script=("-m", "training"))
    assert done.returncode == 0
    assert (tmp_path / "again" / "runs.csv").exists()
