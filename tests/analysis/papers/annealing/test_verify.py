import json

import pytest

from analysis.papers.annealing.study import Study
from analysis.papers.annealing.verify import EXPECTED, compare, headline_numbers, refuse_drift, update
from losslaws.curves import InputError
from tests.analysis.papers.synthetic import SMOKE, write_experiment


@pytest.fixture
def study(tmp_path):
    return Study.load(write_experiment(tmp_path / "profile", (*SMOKE, "cosine-3x")))


def edit(study, change):
    path = study.folder / EXPECTED
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_what_was_just_written_is_found_again(study):
    assert update(study) == study.folder / EXPECTED
    table = compare(study)
    assert (table["verdict"] == "ok").all()
    refuse_drift(study, table)
    assert list(table["number"]) == list(headline_numbers(study))


def test_headline_numbers_are_those_of_the_paper_and_of_the_runs(study):
    numbers = headline_numbers(study)
    for name, printed in (("L0", 2.628), ("A", 0.429), ("alpha", 0.550), ("C", 0.411)):
        assert numbers[f"paper {name}"].value == pytest.approx(printed, abs=0.002)
    assert numbers["paper error constant_60000"].value == pytest.approx(0.146, abs=0.03)
    score = study.experiment.score("cosine-3x")
    assert numbers["error cosine-3x"].value == pytest.approx(100 * score.mean_error)
    assert numbers["final loss cosine-3x"].value == study.experiment.curves["cosine-3x"].final_loss
    assert all(number.tolerance > 0 and number.why for number in numbers.values())


def test_tolerances_of_own_runs_follow_the_seed_noise(study):
    numbers, noise = headline_numbers(study), study.experiment.noise.relative
    assert numbers["error cosine-3x"].tolerance == pytest.approx(300 * noise)
    assert numbers["paper L0"].tolerance == 1e-4


def test_drift_beyond_the_tolerance_is_refused_with_one_line(study):
    update(study)
    edit(study, lambda content: content["fit error"].update(value=9.0))
    table = compare(study)
    assert table.set_index("number")["verdict"].value_counts().to_dict() == {"ok": len(table) - 1, "drifted": 1}
    with pytest.raises(
        InputError, match=r"expected.json: 1 of \d+ numbers drifted: fit error .* \(expected 9 ±"
    ) as error:
        refuse_drift(study, table)
    assert "\n" not in str(error.value) and "--update" in str(error.value)


def test_drift_within_the_tolerance_passes(study):
    update(study)
    edit(study, lambda content: content["fit error"].update(value=content["fit error"]["value"] + 0.5, tolerance=0.6))
    refuse_drift(study, compare(study))


def test_a_number_that_can_no_longer_be_computed_is_drift(study):
    update(study)
    edit(study, lambda content: content.update({"error cyclic-2x": {"value": 0.2, "tolerance": 9.0}}))
    with pytest.raises(InputError, match="error cyclic-2x nan"):
        refuse_drift(study, compare(study))


def test_an_update_keeps_the_tolerances_that_were_set(study):
    update(study)
    edit(study, lambda content: content["fit error"].update(value=9.0, tolerance=0.123, why="agreed"))
    update(study)
    content = json.loads((study.folder / EXPECTED).read_text())
    assert content["fit error"]["tolerance"] == 0.12 and content["fit error"]["why"] == "agreed"
    assert content["fit error"]["value"] != 9.0


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"fit R2": {"value": "high", "tolerance": 1}}', "'fit R2' must hold the numbers"),
        ('{"fit R2": {"value": 1}}', "'fit R2' must hold the numbers"),
        ('{"fit R2": 1}', "'fit R2' must hold the numbers"),
        ("[1]", "must hold a JSON object"),
        ("{", "is not valid JSON"),
    ],
)
def test_a_damaged_file_gets_one_line(study, text, message):
    (study.folder / EXPECTED).write_text(text)
    with pytest.raises(InputError, match=message) as error:
        compare(study)
    assert EXPECTED in str(error.value) and "\n" not in str(error.value)
