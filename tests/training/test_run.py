"""One run from text to loss curve: record, completion, branch, accumulation, divergence."""

import errno
import fcntl
import json
import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import LlamaForCausalLM

from losslaws.curves import InputError, LossCurve, logs
from training import checkpoint, compiled, config, corpus, engines, sweep
from training.corpus import pieces
from training.corpus.batches import val_batches
from training.loop import train
from training.machine import Machine
from training.run_folder import RunFolder

pytestmark = pytest.mark.slow


def run(overrides, *more):
    return train(config.load([*overrides, *more]))


def losses(folder):
    table = np.genfromtxt(folder.record, delimiter=",", names=True)
    return table["train_loss"]


def test_a_run_leaves_its_whole_record_and_a_model_that_transformers_loads(overrides):
    folder = run(overrides)
    cfg = config.load(overrides)
    curve = folder.curve("c", "fit")
    assert np.array_equal(curve.schedule.lr, config.schedule(cfg).lr)
    assert curve.step.tolist() == [10, 20, 30, 40]
    assert curve.train_loss.shape == (40,)
    assert curve.final_loss < curve.loss[0]
    assert curve.tokens_per_step == 8 * 32
    assert curve.config["model"]["d_model"] == cfg.model.d_model and "runs" not in curve.config
    assert folder.complete["status"] == "complete"
    about = json.loads((folder.path / "run.json").read_text())
    assert about["parameters"]["total"] > about["parameters"]["non_embedding"]
    assert about["flops_per_token"]["exact"] > about["flops_per_token"]["6N"]

    model = LlamaForCausalLM.from_pretrained(folder.model)
    text = corpus.prepare(config.plain(cfg)["data"], cfg.corpora)
    assert curve.source["train_tokens"] == text.train.size
    rows = torch.from_numpy(np.concatenate(list(val_batches(text.val, 8, 32)))[:16])
    with torch.no_grad():
        logits = model(rows[:, :-1]).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
    assert float(loss) == pytest.approx(curve.final_loss, abs=1e-5)


def test_what_a_run_cost_is_told(overrides, capsys):
    end = run(overrides, "name=cost").complete
    assert end["trained"] == 40 and end["ready"] >= 0 and end["compile"] == 0
    assert not {"gpu_bytes", "mfu"} & end.keys()
    assert end["tokens_per_second"] == round(40 * 8 * 32 / end["seconds"])
    capsys.readouterr()
    run(overrides, "name=cost")
    assert capsys.readouterr().out.endswith(f"complete already, final validation loss {end['final_loss']:.4f}\n")


def test_on_a_gpu_whose_peak_is_known_the_share_of_it_is_told_and_changes_no_identity(overrides, monkeypatch):
    rates = []
    monkeypatch.setattr(Machine, "utilisation", lambda self, rate: rates.append(rate) or 0.25)
    folder = run(overrides, "name=cost")
    end, about = folder.complete, json.loads((folder.path / "run.json").read_text())
    assert end["mfu"] == 0.25
    assert rates == [pytest.approx(about["flops_per_token"]["exact"] * 40 * 8 * 32 / end["seconds"])]
    folder.finish(**{key: end[key] for key in ("status", "steps", "final_loss", "trained")})  # as it was without them
    assert run(overrides, "name=cost").complete == folder.complete and "mfu" not in folder.complete


def test_a_complete_run_is_not_run_again(overrides, capsys):
    folder = run(overrides)
    before = folder.record.stat().st_mtime_ns
    assert run(overrides).record.stat().st_mtime_ns == before
    assert "complete already" in capsys.readouterr().out


def test_a_run_folder_is_a_log_that_can_be_read(overrides):
    folder = run([*overrides, "eval.every=2"])  # with a few evaluations the training losses would be read
    curve, read = folder.curve("c"), logs.read(folder.path)
    assert np.array_equal(read.schedule.lr, curve.schedule.lr) and read.schedule.warmup == curve.schedule.warmup
    assert np.array_equal(read.loss, curve.loss) and np.array_equal(read.step, curve.step)
    assert read.tokens_per_step == curve.tokens_per_step and read.parameters == curve.parameters


def test_curves_survive_saving(overrides, tmp_path):
    curve = run(overrides).curve("c")
    again = LossCurve.load(curve.save(tmp_path))
    assert np.array_equal(again.loss, curve.loss)


def test_the_same_config_gives_the_same_record_and_another_seed_does_not(overrides, tmp_path):
    one = run(overrides).record.read_bytes()
    assert run(overrides, f"runs={tmp_path / 'again'}").record.read_bytes() == one
    assert run(overrides, "seed=1").record.read_bytes() != one


def test_a_branch_under_the_same_schedule_is_the_unbranched_run(overrides, tmp_path):
    whole = run(overrides, "checkpoint.keep=[13]")
    branched = run(overrides, f"init_from={whole.path}@13", f"runs={tmp_path / 'branch'}")
    assert branched.path.name == whole.path.name
    assert branched.record.read_bytes() == whole.record.read_bytes()
    for name, tensor in LlamaForCausalLM.from_pretrained(branched.model).state_dict().items():
        assert torch.equal(tensor, LlamaForCausalLM.from_pretrained(whole.model).state_dict()[name])


def test_a_shared_prefix_gives_the_curve_that_the_run_alone_gives(overrides, tmp_path):
    trunk = run(overrides, "schedule=constant", "schedule.warmup=5", "checkpoint.keep=[20]", "name=trunk")
    cell = ["schedule=wsd", "schedule.decay=0.5", "schedule.warmup=5", "name=wsd"]
    branched = run(overrides, *cell, f"init_from={trunk.path}@20")
    alone = run(overrides, *cell, f"runs={tmp_path / 'alone'}")
    assert branched.path.name == alone.path.name
    assert branched.record.read_bytes() == alone.record.read_bytes()


def test_a_branch_under_another_schedule_is_another_run_and_keeps_its_past(overrides):
    origin = run(overrides)
    tuned = run(
        overrides, f"init_from={origin.path}@40", "steps=60", "schedule=linear", "schedule.warmup=5", "name=more"
    )
    curve = tuned.curve("c")
    assert np.array_equal(curve.schedule.lr[:40], origin.curve("c").schedule.lr)
    assert curve.schedule.steps == 60
    assert np.array_equal(losses(tuned)[:40], losses(origin))


@pytest.mark.parametrize("origin", ["nowhere@10", "nowhere", "runs@x"])
def test_a_bad_origin_is_named(overrides, origin):
    with pytest.raises(InputError, match="init_from|run folder"):
        run(overrides, f"init_from={origin}")


def test_an_origin_without_that_checkpoint_says_which_there_are(overrides):
    folder = run(overrides)
    with pytest.raises(InputError, match=r"steps at hand: \[40\]"):
        run(overrides, f"init_from={folder.path}@7", "seed=5")


def test_accumulated_gradients_are_those_of_the_whole_batch(overrides):
    whole, parts = run(overrides), run(overrides, "batch.micro=2")
    np.testing.assert_allclose(losses(parts), losses(whole), rtol=2e-5)
    with pytest.raises(InputError, match="must divide batch.sequences=8"):
        run(overrides, "batch.micro=3")


def test_a_loss_that_is_not_finite_ends_the_run_as_diverged_and_keeps_its_record(overrides):
    folder = run(overrides, "schedule.peak=1e12", "optimizer.clip=null", "schedule.warmup=0")
    end = folder.complete
    assert end["status"] == "diverged"
    recorded = losses(folder)
    assert len(recorded) == end["steps"] < 40
    assert np.isfinite(recorded[:-1]).all()
    assert not np.isfinite(recorded[-1])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.write_bytes(path.read_bytes()[:-100] + b"?" * 100),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(checkpoint.path_of(path.parent, 16).read_bytes()),  # of another step
        lambda path: rewrite(path, {}),
        lambda path: rewrite(path, {"about": "null"}),
        lambda path: rewrite(path, {"about": "[]"}),
        lambda path: rewrite(path, {"about": '{"step": 40}'}),
        lambda path: rewrite(path, {"about": '{"step": "40", "crc32": 1}'}),
        lambda path: rewrite(path, {"about": "[" * 100_000}),
        lambda path: rewrite(path, {"about": '{"step": 40, "crc32": 1}'}),
    ],
)
def test_the_checkpoint_before_is_taken_where_the_newest_is_damaged(overrides, damage, capsys):
    folder = run(overrides, "checkpoint.keep=[16]")
    before = folder.record.read_bytes()
    (folder.path / "complete.json").unlink()
    newest = checkpoint.path_of(folder.checkpoints, 40)
    damage(newest)
    with pytest.raises(checkpoint.Damaged, match="damaged.*delete it to go on from the one before"):
        checkpoint.read(newest)
    again = run(overrides, "checkpoint.keep=[16]")
    assert again.complete["trained"] == 24
    assert again.record.read_bytes() == before
    assert newest.with_suffix(".damaged").exists()
    assert f"warning: {newest}: the checkpoint is damaged" in capsys.readouterr().err


def rewrite(path, about):
    tensors, _ = checkpoint.read(path)
    save_file(tensors, path, metadata=about)


def test_a_branch_from_a_damaged_checkpoint_is_refused(overrides):
    origin = run(overrides)
    path = checkpoint.path_of(origin.checkpoints, 40)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged"):
        run(overrides, f"init_from={origin.path}@40", "steps=50", "schedule=linear", "schedule.warmup=5")


def test_a_checkpoint_without_moments_is_none_to_branch_from(overrides):
    origin = run(overrides)
    path = checkpoint.path_of(origin.checkpoints, 40)
    tensors, about = checkpoint.read(path)
    weights = {name: tensor for name, tensor in tensors.items() if name.startswith("model/")}
    about["crc32"] = checkpoint._checksum(weights)
    save_file(weights, path, metadata={"about": json.dumps(about)})
    with pytest.raises(InputError, match="no optimiser state|another optimiser"):
        run(overrides, f"init_from={origin.path}@40", "steps=50", "schedule=linear", "schedule.warmup=5")


def test_another_model_is_refused(overrides):
    folder = run(overrides)
    with pytest.raises(InputError, match="belongs to another model"):
        run(overrides, f"init_from={folder.path}@40", "steps=50", "model=llama-0.3m")


def test_other_text_under_the_same_config_is_refused(overrides, text, tmp_path, corpora):
    own = tmp_path / "own"
    own.mkdir()
    (own / "a.txt").write_text((text / "ast.txt").read_text())
    (own / "b.txt").write_text((text / "argparse.txt").read_text())
    mine = [*overrides, f"data.paths=['{own}']", "data.train_tokens=5000", "data.val_tokens=1024", "data.repeat=true"]
    folder = run(mine, f"corpora={tmp_path / 'one'}")
    (folder.path / "complete.json").unlink()
    (own / "a.txt").write_text((text / "calendar.txt").read_text())
    with pytest.raises(InputError, match="was begun on other text"):
        run(mine, f"corpora={tmp_path / 'two'}")


def test_another_process_in_the_folder_is_noticed(overrides):
    cfg = config.load(overrides)
    folder = train(cfg)
    (folder.path / "complete.json").unlink()
    with folder.lock(), pytest.raises(InputError, match="is being trained by another process"):
        train(cfg)


def test_a_gpu_that_is_not_there_is_named(overrides):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match="hardware.device=cpu"):
        run(overrides, "hardware.device=cuda")


def test_a_run_that_needs_more_text_than_there_is_is_refused_and_epochs_are_recorded(overrides, text, tmp_path):
    few = [*overrides, "data.val_tokens=1024", "data.train_tokens=5000"]
    with pytest.raises(InputError, match=r"2\.05 times the text.*data\.repeat=true"):
        run(few)
    folder = run(few, "data.repeat=true")
    windows = 4999 // 32
    assert json.loads((folder.path / "run.json").read_text())["epochs"] == pytest.approx(40 * 8 / windows, abs=1e-4)
    own = tmp_path / "own.txt"  # asked for enough, but there is less
    own.write_text((text / "ast.txt").read_text())
    short = [*overrides, f"data.paths=['{own}']", "data.val_tokens=1024", f"runs={tmp_path / 'short'}", "steps=200"]
    with pytest.raises(InputError, match="times the text"):
        run(short)
    assert not list((tmp_path / "short").glob("*"))  # nor is an empty folder left


def test_how_the_work_is_divided_is_no_part_of_a_runs_name(overrides):
    whole, parts = run(overrides), run(overrides, "batch.micro=2")  # the second is complete already
    assert whole.path == parts.path
    about = json.loads((whole.path / "run.json").read_text())
    assert about["micro"] == 8


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("complete.json", b'{"status": "complete", "steps": 40, "final_loss": "low", "trained": 40}', "final_loss is"),
        ("complete.json", b'{"status": "done", "steps": 40, "final_loss": 1.0, "trained": 40}', "status is 'done'"),
        ("complete.json", b'{"status": "complete"}', "lacks the key 'steps'"),
        ("complete.json", b"[]", "must hold a JSON object"),
        ("complete.json", b"\xff\xfe", "is not valid JSON"),
        ("complete.json", b'{"a":' * 100_000, "nested too deeply"),
        ("config.yaml", b"a: [", "is not YAML"),
        ("config.yaml", b"\xff\xfe\x00", "is not YAML"),
        ("config.yaml", b"- 1", "must be a mapping"),
        ("config.yaml", b"steps: many", "config.yaml"),
        ("config.yaml", b"[" * 10_000, "config.yaml"),
        ("run.json", b'{"schedule": "cosine"}', "lacks the key 'warmup'"),
        ("curve.csv", b"\x00\xff\xfe" * 1000, "curve.csv"),
        ("curve.csv", b"step,lr,val_loss,train_loss\n1,x,2,3\n", "column 'lr'"),
    ],
)
def test_a_tampered_run_folder_gives_one_line_that_names_the_file(overrides, name, content, message):
    folder = run(overrides)
    (folder.path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        assert folder.complete
        folder.recorded_steps()
        folder.config()
        folder.curve("c")
    assert message in str(caught.value)
    assert str(folder.path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert folder.recorded_steps() in (0, 1, 40)


def test_pipes_in_a_run_folder_are_waited_for_by_nobody(overrides):
    folder = run(overrides)
    for name in ("complete.json", "error.txt", "curve.csv", "run.json", "config.yaml"):
        (folder.path / name).unlink(missing_ok=True)
        os.mkfifo(folder.path / name)
    assert folder.complete is None and sweep.state_of(folder) == ("waiting", 0, "")
    assert not folder.applied_rates().size
    for read in (folder.config, lambda: folder.curve("x"), lambda: folder.begin_record(folder, 8)):
        with pytest.raises(InputError):
            read()


def test_a_folder_is_made_for_plain_names_only(tmp_path):
    with RunFolder(tmp_path / f"{'x' * 80}-0123abcd").lock():
        pass
    for name in ("a b", "x" * 81, "<b>", "..-0123abcd"):
        with pytest.raises(InputError, match="is no name"), RunFolder(tmp_path / name).lock():
            pass
    assert not list(tmp_path.iterdir())


def compile_a_shape(overrides, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    with compiled.once("a shape"):
        pytest.fail("it was compiled without a lock")


def build_a_text(overrides, tmp_path, monkeypatch):
    corpus.prepare(config.plain(config.load(overrides))["data"], tmp_path / "corpora")


def tokenize_a_text(overrides, tmp_path, monkeypatch):
    monkeypatch.setattr(pieces.tokens, "SHARD", 1000)
    build_a_text(overrides, tmp_path, monkeypatch)


def tokenize_a_piece(overrides, tmp_path, monkeypatch):
    corpus.work(config.plain(config.load(overrides))["data"], tmp_path / "corpora").tokenize()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
@pytest.mark.parametrize(
    "door",
    [
        lambda overrides, *_: run(overrides),
        lambda overrides, tmp_path, _: engines.run(sweep.Sweep("x", 1, 1e10, {}, tmp_path, tmp_path / "runs")),
        compile_a_shape,
        build_a_text,
        tokenize_a_text,
        tokenize_a_piece,
    ],
    ids=["run", "sweep", "compile", "build", "tokenize", "piece"],
)
def test_a_file_system_without_locks_is_named(overrides, tmp_path, monkeypatch, number, door):
    def flock(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(InputError, match="its file system .* gives no locks") as caught:
        door(overrides, tmp_path, monkeypatch)
    assert str(caught.value).startswith(str(tmp_path)) and "\n" not in str(caught.value)


def test_the_rate_of_the_record_is_the_one_that_the_optimiser_applies(overrides, monkeypatch):
    """Nothing but this binds the record's column, which laws read, to what the weights were moved by."""
    applied, step = [], torch.optim.AdamW.step

    def watched(self, *args, **options):
        applied.append([group["lr"] / group.get("scale", 1.0) for group in self.param_groups])
        return step(self, *args, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    folder = train(config.load([*overrides, "schedule=cosine", "steps=12", "name=applied"]))
    recorded = folder.applied_rates()
    np.testing.assert_allclose([float(rates[0]) for rates in applied], recorded, rtol=1e-6)
    np.testing.assert_allclose(recorded, config.schedule(config.load([*overrides, "schedule=cosine", "steps=12"])).lr)


def test_the_last_step_is_evaluated_whatever_its_number_and_on_more_text_where_asked(overrides):
    folder = run(overrides, "steps=13", "eval.every=5", "eval.end=24", "name=odd")
    curve = folder.curve("odd")
    assert curve.step.tolist() == [5, 10, 13]
    assert np.isnan(curve.also["end"][:2]).all() and curve.end_loss == curve.also["end"][-1] != curve.final_loss
