"""A run that is evaluated on the validation sets of other texts, and one tokenizer for several texts."""

import json
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from losslaws.curves import InputError, LossCurve
from losslaws.curves.store import load_folder
from tests.training.conftest import ROOT
from training import config, corpus, sweep, texts
from training.loop import train

ALSO = "eval.also=[twin,other]"


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def other_text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("[s-t]*.py")):
        (folder / f"{path.stem}.txt").write_bytes(path.read_bytes())
    return folder


@pytest.fixture(autouse=True)
def presets(text, other_text, monkeypatch):
    """Two files of conf/data: `twin`, the text that the runs are trained on, and `other`."""
    like = {"source": "local", "text": "text", "val_fraction": 0.1, "vocab_size": 2048, "tokenizer": None}
    known = {"twin": like | {"paths": [str(text)]}, "other": like | {"paths": [str(other_text)]}}
    monkeypatch.setattr(config, "preset", known.__getitem__)


def run(overrides, *more):
    return train(config.load([*overrides, *more]))


def table(folder):
    return np.genfromtxt(folder.record, delimiter=",", names=True, deletechars="")


def test_other_sets_are_columns_of_the_record_and_change_nothing_else(overrides, tmp_path):
    plain, crosswise = run(overrides), run(overrides, ALSO)
    one, two = table(plain), table(crosswise)
    assert two.dtype.names == (*one.dtype.names, "val_loss_twin", "val_loss_other")
    for column in one.dtype.names:
        np.testing.assert_array_equal(two[column], one[column])
    np.testing.assert_array_equal(two["val_loss_twin"], two["val_loss"])  # the same set, evaluated as another one
    assert (two["val_loss_other"] != two["val_loss"])[[9, 19, 29, 39]].all()
    curve = crosswise.curve("c")
    assert set(curve.source["also"]) == {"twin", "other"}
    again = LossCurve.load(curve.save(tmp_path))
    for name in ("twin", "other"):
        np.testing.assert_array_equal(again.on(name).loss, two[f"val_loss_{name}"][[9, 19, 29, 39]])
    with pytest.raises(InputError, match=r"was not evaluated on 'third' \(also: twin, other\)"):
        again.on("third")


def test_stopped_and_resumed_it_gives_the_same_record(overrides, tmp_path):
    whole = run(overrides, ALSO)
    cfg = config.load([*overrides, ALSO, f"runs={tmp_path / 'again'}"])
    for until in (9, 24, None):
        again = train(cfg, until=until)
    assert again.record.read_bytes() == whole.record.read_bytes()


def test_a_shared_stretch_keeps_the_other_sets(overrides, tmp_path):
    trunk = run(overrides, ALSO, "schedule=constant", "schedule.warmup=5", "checkpoint.keep=[20]", "name=trunk")
    cell = [ALSO, "schedule=wsd", "schedule.decay=0.5", "schedule.warmup=5", "name=wsd"]
    branched = run(overrides, *cell, f"init_from={trunk.path}@20")
    alone = run(overrides, *cell, f"runs={tmp_path / 'alone'}")
    assert branched.path.name == alone.path.name
    assert branched.record.read_bytes() == alone.record.read_bytes()


def test_a_branch_of_a_run_without_other_sets_has_them_from_there_on(overrides):
    trunk = run(overrides, "checkpoint.keep=[16]", "name=trunk")
    branch = run(overrides, ALSO, f"init_from={trunk.path}@16", "name=branch")
    found = table(branch)
    assert np.isnan(found["val_loss_other"][:16]).all() and np.isfinite(found["val_loss_other"][[19, 29, 39]]).all()
    np.testing.assert_array_equal(found["train_loss"][:16], table(trunk)["train_loss"][:16])
    with pytest.raises(InputError, match="was not evaluated on 'other'"):
        branch.curve("c").on("other")


def test_other_sets_are_tokenized_as_the_run_s_own_text(overrides):
    own, also = texts.prepare(config.plain(config.load([*overrides, ALSO])))
    assert also["other"].vocab_size == own.vocab_size == 384
    assert len(also["other"].val) == len(own.val) == 4096
    np.testing.assert_array_equal(also["twin"].val, own.val)


def test_one_tokenizer_for_several_texts(overrides, text, other_text):
    shared = [*overrides, "data.tokenizer=[twin,other]"]
    one, also = texts.prepare(config.plain(config.load([*shared, "eval.also=[other]"])))
    two, _ = texts.prepare(config.plain(config.load([*shared, f"data.paths=['{other_text}']"])))
    assert also["other"].folder == two.folder  # what one run is evaluated on, another is trained on
    hashes = {found.fingerprint["tokenizer"]["sha256"] for found in (one, two)}
    assert len(hashes) == 1 and one.vocab_size == two.vocab_size == 384


def test_a_shared_tokenizer_knows_each_text(tmp_path):
    words = {"greek": "λόγος ψυχή κόσμος φύσις", "french": "forêt élève naïveté garçon"}
    known = {}
    for name, line in words.items():
        lines = [json.dumps({"text": f"{number} {line}\n" * 20}, ensure_ascii=False) for number in range(300)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
        sizes = {"vocab_size": 340, "train_tokens": 500, "val_tokens": 200, "val_fraction": 0.2}
        known[name] = {"source": "local", "paths": str(tmp_path / f"{name}.jsonl"), **sizes}
    of_both = corpus.prepare(known["greek"] | {"tokenizer": list(known.values())}, tmp_path)
    of_one = corpus.prepare(known["greek"], tmp_path)

    def pieces(text, word):
        return len(AutoTokenizer.from_pretrained(text.folder).tokenize(word))

    for word in " ".join(words.values()).split():
        assert pieces(of_both, word) < len(word.encode()) / 2
    assert pieces(of_one, "κόσμος") < 6 and pieces(of_one, "naïveté") > 7


def test_the_committed_runs_keep_their_names():
    """What names a run is taken over its config: a new key must not rename the runs of before."""
    planned = sweep.load("cpu", ["hardware.device=cpu", "hardware.precision=fp32"])
    committed = {name: curve.source["run"] for name, curve in load_folder(ROOT / "results/annealing/cpu").items()}
    assert {name: cell.folder.path.name for name, cell in planned.cells.items()} == committed
