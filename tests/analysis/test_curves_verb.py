"""`python -m analysis curves`: what is kept in one file comes out as a CSV file a run."""

import numpy as np
import pytest

from analysis.__main__ import parser
from losslaws.curves import InputError
from losslaws.curves.store import load_folder, save_folder
from tests.analysis.papers import synthetic


def test_every_curve_becomes_a_file_that_reads_back(tmp_path, capsys):
    made = [synthetic.curve(name) for name in ("constant-1x", "wsd20-linear-1x")]
    save_folder(tmp_path / "kept", made)
    args = parser().parse_args(["curves", str(tmp_path / "kept"), "--into", str(tmp_path / "curves")])
    args.run(args)
    assert capsys.readouterr().out.startswith("2 curves in")
    for curve in made:
        again = load_folder(tmp_path)[curve.name]
        np.testing.assert_array_equal(again.loss, curve.loss)
        np.testing.assert_array_equal(again.schedule.lr, curve.schedule.lr)
        assert again.about() == curve.about()


@pytest.mark.parametrize(
    "verb", [["curves", "kept", "--into"], ["paper", "kaplan", "--into"], ["paper", "kaplan", "--folder"]]
)
def test_a_mistyped_folder_for_results_is_not_made(tmp_path, monkeypatch, verb):
    save_folder(tmp_path / "here" / "kept", [synthetic.curve("constant-1x")])
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "mistyped" / "x", tmp_path / "file", "/dev/null"):
        args = parser().parse_args([*verb, str(wrong)])
        with pytest.raises(InputError, match="folder"):
            args.run(args)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "here"]
