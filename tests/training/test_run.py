"""One run from text to loss curve: record, completion, branch, accumulation, divergence."""

import json

import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from losslaws.curves import InputError, LossCurve, logs
from training import checkpoint, config, corpus
from training.corpus.batches import val_batches
from training.loop import train

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


def test_a_complete_run_is_not_run_again(overrides, capsys):
    folder = run(overrides)
    before = folder.record.stat().st_mtime_ns
    assert run(overrides).record.stat().st_mtime_ns == before
    assert "complete already" in capsys.readouterr().out


def test_a_run_folder_is_a_log_that_can_be_read(overrides):
    folder = run(overrides)
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


def test_a_checkpoint_that_was_damaged_is_refused_with_the_remedy(overrides):
    folder = run(overrides, "checkpoint.keep=[16]")
    (folder.path / "complete.json").unlink()
    path = checkpoint.path_of(folder.checkpoints, 40)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged.*delete it to go on from the one before"):
        run(overrides, "checkpoint.keep=[16]")
    path.write_bytes(content[:200])
    with pytest.raises(InputError, match="damaged"):
        run(overrides, "checkpoint.keep=[16]")
    path.unlink()
    before = folder.record.read_bytes()
    assert run(overrides).record.read_bytes() == before


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


def test_tensorboard_gets_what_is_recorded(overrides):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = run(overrides, "logger=tensorboard")
    events = EventAccumulator(str(folder.path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("val_loss")] == [10, 20, 30, 40]
    np.testing.assert_allclose([event.value for event in events.Scalars("train_loss")], losses(folder), rtol=1e-6)


def test_a_sink_that_is_not_installed_says_so(overrides):
    with pytest.raises(InputError, match="pip install trackio"):
        run(overrides, "logger=trackio")


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
