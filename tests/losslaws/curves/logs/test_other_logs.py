"""Logs as other people write them: other words, columns, prefixes, orders and mixtures than those of test_kinds; each gives the run or a question."""

import json

import numpy as np
import pytest

from losslaws.curves import InputError, logs
from tests.losslaws.curves.logs.test_kinds import (
    AT,
    LR,
    RUN,
    TRAIN,
    VAL,
    asks,
    is_training,
    is_validation,
    jsonl,
    plain,
    said,
    table,
    text,
)


def written(folder, content, name="run.log"):
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


def epoch(t):
    """The epoch of a thousand steps, from 0, and the step within it, from 1."""
    return (t - 1) // 1000, (t - 1) % 1000 + 1


def rates(t):
    return f"loss {TRAIN[t]} lr {LR[t]:.4e}"


# ---- lines of training

STEPS = (
    "Step #%d:", "@%d", "it=%d", "step_idx=%d", "cur_iter: %d", "gradient_step %d", "grad_step=%d", "Training Step: %d", "[%d]", "[%d/4000]",
    "%d/4000:", "%d:", "%d |", "#%d", "(%d)", "Batch %d/4000", "batch_idx=%d", "minibatch %d", "step%d:", "step_%d", "iter%d", "upd: %d",
    "Iter(train) [%d/4000]", "epoch: 0, global step %d, batch 3", "05/01/2024 12:00:00 step %d", "12:00:01 - step %d",
)  # fmt: skip


@pytest.mark.parametrize("words", STEPS)
def test_steps_are_named_in_many_ways(words, tmp_path):
    is_training(logs.look(text(tmp_path, lambda t: f"{words % t} {rates(t)}")))


LINES = {
    "eta is a time": lambda t: f"step {t} eta: 1:02:03 {rates(t)}",
    "rate of samples": lambda t: f"| Step={t}, Loss={TRAIN[t]}, LR={LR[t]:.4e}, Rate=120.10 samples/sec, GlobalRate=119.98 samples/sec",
    "glog": lambda t: f"I0501 12:00:00.123456 1401234 writer.py:48] [{t}] accuracy=0.1, learning_rate={LR[t]}, loss={TRAIN[t]}",
    "logfmt": lambda t: f'ts=2024-05-01T12:00:00.123Z level=info msg="train step" step={t} loss={TRAIN[t]} lr={LR[t]}',
    "commas": lambda t: f"INFO train.py -- tflops=63.3,step={t},loss={TRAIN[t]},lr={LR[t]},loss_scale=65536.0,num_consumed_tokens={9 * t}",
    "groups": lambda t: f"[step={t}/4000,epoch=1,eta=1:02:03]\n    optim/LR (group 0)={LR[t]}\n    optim/LR (group 1)={LR[t]}\n    train/CE loss={TRAIN[t]}",
    "composer": lambda t: f"[batch={t}/4000]:\n\t Train time/batch: {t - 1}\n\t Train loss/train/total: {TRAIN[t]}\n\t Train lr-DecoupledAdamW/group0: {LR[t]}",
    "two rates alike": lambda t: f"[Rank 0] step={t}, lr=[{LR[t]!r}], mom=[[0.9, 0.95]]\n iteration {t}/ 4000 | learning rate: {LR[t]:.2E} | lm_loss: {TRAIN[t]} |",
    "decimal steps": lambda t: f"\rEpoch 0: : 0%| | {t}/4000 [00:10<01:00, v_num=0, reduced_train_loss={TRAIN[t]}, global_step={t}.00, lr={LR[t]}]",
    "tensors": lambda t: f"step {t} loss: tensor({TRAIN[t]}, device='cuda:0', grad_fn=<NllLossBackward0>) lr: {LR[t]}",
    "numpy": lambda t: f"{{'step': {t}, 'loss': np.float64({TRAIN[t]}), 'lr': np.float64({LR[t]!r})}}",
    "minus": lambda t: f"step {t} {rates(t)}".replace("e-", "e\u2212"),
    "german": lambda t: f"step {t:,} loss ".replace(",", ".") + f"{TRAIN[t]:.4f} lr {LR[t]:.4e}".replace(".", ","),
    "bar without a total": lambda t: f"\r{t}it [00:10, 9.1it/s, loss={TRAIN[t]}, lr={LR[t]}]",
    "colours without escapes": lambda t: f"[31mstep: {t}  [1;32mloss: {TRAIN[t]}  [33mlr: {LR[t]}[39m",
    "colours in letters": lambda t: f"^[[31mstep: {t}  ^[[32mloss: {TRAIN[t]}  ^[[1;33mlr: {LR[t]}^[[0m",
    "logger": lambda t: f"INFO:some.module:loss = {TRAIN[t]}, step = {t} (12.345 sec), lr = {LR[t]}",
    "notebook": lambda t: f"{t}/4000 ━━━━━━━━━━ 12s 3ms/step - loss: {TRAIN[t]} - learning_rate: {LR[t]}",
    "rich": lambda t: f"Epoch 0/0  ━━━━━━╸━━━ {t}/4000 0:00:10 • 0:01:00 9.10it/s v_num: 0.000 train_loss: {TRAIN[t]} lr: {LR[t]}",
    "in epochs": lambda t: f"| epoch {epoch(t)[0] + 1:3d} | {epoch(t)[1]:5d}/ 1000 batches | lr {LR[t]} | ms/batch 12.30 | loss {TRAIN[t]} | ppl 20.1",
    "in brackets": lambda t: f"Epoch: [{epoch(t)[0]}][{epoch(t)[1]:4d}/1000]\tTime  0.123 ( 0.124)\tLoss {TRAIN[t]} (4.1)\tLR {LR[t]}",
    "mean of an epoch": lambda t: (
        f"train_inner | epoch 001: {t} / 4000 loss={TRAIN[t]}, num_updates={t}, lr={LR[t]!r}"
        + (f"\ntrain | epoch 001 | loss 9.1 | num_updates {t} | lr {LR[t]!r}" if t % 1000 == 0 else "")
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", LINES)
def test_lines_of_training_are_read(kind, tmp_path):
    is_training(logs.look(text(tmp_path, LINES[kind])))


RANKS = (
    "[1,%d]<stdout>:",
    "%d: ",
    "[default%d]:",
    "[GPU%d] ",
    "gpu %d | ",
    "[%d] ",
    "worker-%d: ",
    "node%d: ",
    "Process %d: ",
    "(Worker pid=12%d, ip=10.0.0.1) ",
)


@pytest.mark.parametrize("prefix", RANKS)
def test_lines_of_several_ranks_are_told_apart_by_what_they_begin_with(prefix, tmp_path):
    other = lambda t: f"{prefix % 1}step {t} | loss {TRAIN[t] + 0.2:.4f} | lr {LR[t]:.4e}"  # noqa: E731
    reading = logs.look(text(tmp_path, lambda t: f"{other(t)}\n{prefix % 0}{plain(t)}"))
    is_training(reading)
    said(reading, "2 ranks wrote this log")


def test_runs_and_sets_that_lines_begin_with_must_be_chosen_between(tmp_path):
    other = lambda t: f"[run-b] step {t} | loss {TRAIN[t] + 0.2:.4f} | lr {LR[t]:.4e}"  # noqa: E731
    path = text(tmp_path, lambda t: f"[run-a] {plain(t)}\n{other(t)}")
    asks("holds 2 runs in column 'lines begin with': run-a, run-b; choose one with --part NAME", path)
    is_training(logs.look(path, part="run-a"))
    path = text(
        tmp_path,
        plain,
        also=lambda t: f"[eval] web: step {t} loss 3\n[eval] code: step {t} loss 2" if t in VAL else None,
    )
    asks("2 columns may be the val_loss", path)


VALIDATIONS = {
    "both": lambda t: f"step {t} train/val loss {TRAIN[t]}/{VAL[t]}",
    "pair": lambda t: f"step {t} (train, val) loss = ({TRAIN[t]}, {VAL[t]})",
    "set and test": lambda t: f" validation loss at iteration {t} on validation set | lm loss value: {VAL[t]} |\n validation loss at iteration {t} on test set | lm loss value: 2.0 |",
    "own batches": lambda t: f"val batch 5/10 loss 9.1\nval batch 10/10 loss 8.1\nstep {t} val_loss {VAL[t]}",
    "evaluation steps": lambda t: f"INFO\t[eval=lm,eval_step=5/10]\nINFO\tEval metrics:\n    c4-validation/CE loss={VAL[t]}",
    "finished": lambda t: f"Completed eval step 5\naverage loss after {t}: eval_loss={VAL[t]}, total_weights=123",
    "brackets": lambda t: f"[VAL] [{t}] loss={VAL[t]}",
    "short": lambda t: f"step {t} vloss {VAL[t]}",
    "iterations": lambda t: f"Iter(val) [ 50/100]  time: 0.1\nIter(val) [100/100]    loss: {VAL[t]}  time: 0.1",
    "on a set": lambda t: f"step {t} | eval on web | loss {VAL[t]}",
    "best beside": lambda t: f"val loss: {VAL[t]} (best: 2.0)\nval_loss improved from 9.1 to {VAL[t]}, saving",
}  # fmt: skip


@pytest.mark.parametrize("kind", VALIDATIONS)
def test_lines_of_validation_are_read(kind, tmp_path):
    reading = logs.look(text(tmp_path, plain, also=lambda t: VALIDATIONS[kind](t) if t in VAL else None))
    is_validation(reading)
    assert reading.losses["train_loss"] == 400 or kind in ("both", "pair")


def test_a_line_number_may_be_the_step_where_evaluations_name_theirs(tmp_path):
    path = text(
        tmp_path,
        lambda t: f"{t} | loss {TRAIN[t]} | lr {LR[t]:e} | 123.45ms | mfu 37.10%",
        also=lambda t: f"step {t}: train loss {TRAIN[t]}, val loss {VAL[t]}" if t in VAL else None,
    )
    is_validation(logs.look(path))


def test_losses_without_a_step_do_not_replace_those_with_one(tmp_path):
    path = text(
        tmp_path, plain, also=lambda t: f"Running the validation\nloss: {VAL[t]} ppl: 21.1" if t in VAL else None
    )
    reading = logs.look(path)
    is_training(reading)
    said(reading, "40 rows of 'loss' name no step, and the step last named has a value; they are left out")


def test_shortened_counts_of_a_bar_are_read_with_a_note(tmp_path):
    short = lambda t: f"{t / 1000:.2f}k" if t >= 1000 else str(t)  # noqa: E731
    reading = logs.look(
        text(tmp_path, lambda t: f"\rtrain: 1%|# | {short(t)}/4.00k [00:10<01:00, loss={TRAIN[t]}, lr={LR[t]}]")
    )
    is_training(reading)
    said(reading, "shortens its counts to thousands")


def test_counts_of_samples_before_a_total_are_asked_about(tmp_path):
    path = text(tmp_path, lambda t: f"Train Epoch: 1 [{64 * t}/256000 ({t // 40}%)]\tLoss: {TRAIN[t]} LR: {LR[t]}")
    asks("all multiples of 640: samples or steps; give --columns step=position --step-unit 1/N", path)
    is_training(logs.look(path, columns={"step": "position"}, step_unit=1 / 64))


# ---- several values at a step


def test_micro_batches_count_by_their_mean(tmp_path):
    rows = [(8 * t + i, t, LR[t], TRAIN[t] + (0.1 if i % 2 else -0.1)) for t in AT for i in range(-7, 1)]
    path = written(
        tmp_path, "micro_step,step,lr,loss\n" + "".join("{},{},{},{}\n".format(*row) for row in rows), "run.csv"
    )
    reading = logs.look(path)
    is_training(reading)
    said(reading, "at 400 steps that it holds again; their means count")


def test_several_losses_at_most_steps_are_asked_about(tmp_path):
    path = text(tmp_path, lambda t: f"{plain(t)}\nstep {t} | loss {TRAIN[t] + 0.2:.4f} | lr {LR[t]:.4e}")
    asks("holds several values at 400 of 400 steps: .* --repeats mean, first or last", path)
    is_training(logs.look(path, repeats="first"))
    mean = logs.look(path, repeats="mean").whole().train_loss
    assert mean[9] == pytest.approx(TRAIN[10] + 0.1)


@pytest.mark.parametrize("column", ["model", "arm", "peak", "config"])
def test_runs_in_columns_of_any_name_are_told_apart(column, tmp_path):
    one, other = ("0.1", "0.2") if column == "peak" else ("small", "large")
    rows = "".join(f"{one},{t},{LR[t]},{TRAIN[t]}\n{other},{t},{LR[t]},{TRAIN[t] - 0.2:.4f}\n" for t in AT)
    path = written(tmp_path, f"{column},step,lr,loss\n{rows}", "run.csv")
    asks(f"holds 2 runs in column '{column}': {one}, {other}", path)
    is_training(logs.look(path, part=one))


@pytest.mark.parametrize(
    "header",
    ["name,lr,steps,val_loss", "trial_id,lr,iter,loss", "model,lr,step,val_loss", "seed,lr,step,val_loss", "Name,lr,_step,val/loss", "x,lr,step,val_loss"],
)  # fmt: skip
def test_tables_of_runs_of_any_kind_are_no_history(header, tmp_path):
    same = "4000" if header.startswith("x") else None
    rows = "".join(
        f"{i if header.startswith('seed') else f'run-{i}'},{0.001 * (i + 1)},{same or 4000 + i},{3 - i / 100}\n"
        for i in range(12)
    )
    with pytest.raises(InputError, match="no history"):
        logs.look(written(tmp_path, f"{header}\n{rows}", "run.csv"))


def test_epochs_and_restarts_of_several_lengths_are_joined_on_request(tmp_path):
    begin = lambda t: 0 if t <= 1500 else 1500 if t <= 2300 else 2300  # noqa: E731
    path = text(tmp_path, lambda t: f"step {t - begin(t)} {rates(t)}")
    asks("begins anew", path)
    is_training(logs.look(path, part="all"))


# ---- losses


def test_a_loss_that_ends_in_inf_has_diverged_like_one_that_ends_in_nan(tmp_path):
    for end in ("inf", "Infinity"):
        reading = logs.look(
            text(tmp_path, lambda t, end=end: f"step {t} loss {TRAIN[t] if t < 2000 else end} lr {LR[t]}")
        )
        said(reading, "'loss' is NaN or inf from step 2000 on, in the last 201 of 400 losses: the run has diverged")
        assert reading.last == 1990 and reading.diverged == {"loss": 2000}


def test_losses_that_are_lost_are_said(tmp_path):
    path = text(tmp_path, lambda t: f"step {t} loss {TRAIN[t] if t != 2000 else 'nan'} lr {LR[t]}")
    said(logs.look(path), "'loss' is NaN at 1 of 400 steps (2000), which are left out")
    path = table(tmp_path, "step,lr,loss", lambda t: (t, LR[t], TRAIN[t] if t < 2000 else None))
    said(logs.look(path), "no loss was logged after step 1990, though the log goes on to step 4000")


LOST = {
    "csv": lambda folder, lost: table(folder, "step,lr,loss", lambda t: (t, LR[t], None if t in lost else TRAIN[t])),
    "jsonl": lambda folder, lost: jsonl(
        folder, lambda t: [{"step": t, "lr": LR[t], "loss": None if t in lost else TRAIN[t]}]
    ),
    "lines": lambda folder, lost: text(
        folder, lambda t: f"step {t} lr {LR[t]}" + ("" if t in lost else f" loss {TRAIN[t]}")
    ),
}


@pytest.mark.parametrize("form", LOST)
def test_a_handful_of_empty_losses_is_said(form, tmp_path):
    reading = logs.look(LOST[form](tmp_path, (500, 510, 1000, 2000, 2500, 3000, 3500)))
    said(reading, "'loss' is empty in 7 of 400 rows that should hold it (steps 500, 510, 1000, 2000, 2500 and 2 more)")
    assert any("is empty in 7 of 400 rows" in note for note in reading.whole().source["notes"])


def test_an_evaluation_that_was_lost_is_said(tmp_path):
    path = table(tmp_path, "step,lr,loss,val_loss", lambda t: (t, LR[t], TRAIN[t], None if t == 2000 else VAL.get(t)))
    said(logs.look(path), "'val_loss' is empty in 1 of", "(steps 2000)")


SPARSE = {
    "evaluations": lambda t: (t, LR[t], TRAIN[t], VAL.get(t)),
    "rows of evaluations hold no training loss": lambda t: (
        t,
        LR[t],
        None if t % 500 == 0 else TRAIN[t],
        3.2 if t % 500 == 0 else None,
    ),
    "losses every fourth row": lambda t: (t, LR[t], TRAIN[t] if t % 40 == 0 else None, VAL.get(t)),
    "denser at first": lambda t: (t, LR[t], TRAIN[t], VAL.get(t) if t < 1000 or t % 400 == 0 else None),
    "twice as dense until late": lambda t: (t, LR[t], TRAIN[t] if t < 3600 or t % 20 == 0 else None, VAL.get(t)),
    "without a rate at times": lambda t: (t, LR[t] if t % 50 == 0 else None, TRAIN[t], VAL.get(t)),
}


@pytest.mark.parametrize("kind", SPARSE)
def test_cells_that_are_empty_as_logs_are_written_are_not_noted(kind, tmp_path):
    reading = logs.look(table(tmp_path, "step,lr,loss,val_loss", SPARSE[kind]))
    assert not [note for note in reading.notes if "is empty" in note or "NaN" in note]


def test_losses_beside_a_perplexity_of_base_two_are_in_bits(tmp_path):
    path = text(tmp_path, lambda t: f"step {t} loss {TRAIN[t]} ppl {2 ** TRAIN[t]:.3f} lr {LR[t]}")
    reading = logs.look(path)
    said(reading, "'loss' is in bits, since 2 to its power is 'ppl'")
    assert reading.unit == "bits"


def test_rates_of_few_digits_are_said(tmp_path):
    said(
        logs.look(text(tmp_path, lambda t: f"step {t} loss {TRAIN[t]} lr {LR[t]:.4f}")), "is written in steps of 0.0001"
    )


# ---- tables and JSON

TABLES = {
    "blanks": ("   step      lr   loss\n", lambda t: f" {t:6d}  {LR[t]}  {TRAIN[t]}\n"),
    "savetxt": ("# step lr loss\n", lambda t: f"{t:.18e} {LR[t]:.18e} {TRAIN[t]:.18e}\n"),
    "bars": ("step|lr|loss\n", lambda t: f"{t}|{LR[t]}|{TRAIN[t]}\n"),
    "markdown": ("| Step | LR | Training Loss |\n|:---:|:--:|---|\n", lambda t: f"| {t} | {LR[t]} | {TRAIN[t]} |\n"),
    "frame": ("+---+---+---+\n| step | lr | loss |\n+---+---+---+\n", lambda t: f"| {t} | {LR[t]} | {TRAIN[t]} |\n"),
    "sep": ("sep=;\nstep;lr;loss\n", lambda t: f"{t};{LR[t]};{TRAIN[t]}\n".replace(".", ",")),
    "comma at the end": ("step,lr,loss\n", lambda t: f"{t},{LR[t]},{TRAIN[t]},\n"),
    "header again": ("step,lr,loss\n", lambda t: ("step,lr,loss\n" if t == 2010 else "") + f"{t},{LR[t]},{TRAIN[t]}\n"),
    "points in thousands": ("step;lr;loss\n", lambda t: f"{t:,};".replace(",", ".") + f"{LR[t]};{TRAIN[t]}\n".replace(".", ",")),
    "colours": ("\x1b[1mstep,lr,loss\x1b[0m\n", lambda t: f"\x1b[31m{t},{LR[t]},{TRAIN[t]}\x1b[0m\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("name", ["run.csv", "run.txt"])
def test_tables_of_many_forms_are_read(kind, name, tmp_path):
    header, row = TABLES[kind]
    is_training(logs.look(written(tmp_path, header + "".join(map(row, AT)), name)))


def test_a_model_card_is_read(tmp_path):
    rows = "".join(f"| {TRAIN[t] if t > 100 else 'No log'} | {t / 4000:.3f} | {t} | {VAL[t]} |\n" for t in VAL)
    header = "| Training Loss | Epoch | Step | Validation Loss |\n|:---:|:---:|:---:|:---:|\n"
    is_validation(logs.look(written(tmp_path, header + rows, "README.md"), schedule=RUN))


def test_exports_of_tensorboard_are_known_by_their_names(tmp_path):
    path = written(tmp_path, json.dumps([[1.7e9, t, TRAIN[t]] for t in AT]), "run-x_tag-train_loss.json")
    is_training(logs.look(path, schedule=RUN))
    rows = "".join(f"1.7e9,{t},{TRAIN[t]}\n" for t in AT)
    path = written(tmp_path, "Wall time,Step,Value\n" + rows, "run-y_tag-train_loss.csv")
    is_training(logs.look(path, schedule=RUN))


@pytest.mark.parametrize("name", ["split", "event", "loop", "data", "tag", "section"])
@pytest.mark.parametrize("words", [("train", "dev"), ("TRAIN", "EVAL"), ("train_step", "eval_step"), ("trn", "vld")])
def test_a_column_of_any_name_tells_sets_apart(name, words, tmp_path):
    def rows(t):
        yield {name: words[0], "step": t, "lr": LR[t], "loss": TRAIN[t]}
        if t in VAL:
            yield {name: words[1], "step": t, "loss": VAL[t]}

    is_validation(logs.look(jsonl(tmp_path, rows)))


@pytest.mark.parametrize("name", ["val", "eval", "is_eval", "is_train", "training"])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_column_that_is_true_of_one_set_tells_them_apart(name, form, tmp_path):
    train = "train" in name
    if form == "csv":
        rows = [f"{t},{train},{LR[t]},{TRAIN[t]}\n" + (f"{t},{not train},,{VAL[t]}\n" if t in VAL else "") for t in AT]
        is_validation(logs.look(written(tmp_path, f"step,{name},lr,loss\n" + "".join(rows), "run.csv")))
        return

    def records(t):
        yield {name: train, "step": t, "lr": LR[t], "loss": TRAIN[t]}
        if t in VAL:
            yield {name: not train, "step": t, "loss": VAL[t]}

    is_validation(logs.look(jsonl(tmp_path, records)))


LISTS = {
    "own steps": {"train_steps": list(AT), "train_loss": list(TRAIN.values()), "lrs": list(LR.values()), "val_steps": list(VAL), "val_loss": list(VAL.values())},
    "objects": {"train": {"step": list(AT), "loss": list(TRAIN.values()), "lr": list(LR.values())}, "val": {"step": list(VAL), "loss": list(VAL.values())}},
    "pairs": {"loss": [*map(list, TRAIN.items())], "lr": [*map(list, LR.items())], "val_loss": [*map(list, VAL.items())]},
    "by step": {"train_loss": TRAIN, "lr": LR, "val_loss": VAL},
    "rows by step": {t: {"loss": TRAIN[t], "lr": LR[t], **({"val_loss": VAL[t]} if t in VAL else {})} for t in AT},
}  # fmt: skip


@pytest.mark.parametrize("kind", LISTS)
def test_objects_of_lists_are_read(kind, tmp_path):
    is_validation(logs.look(written(tmp_path, json.dumps(LISTS[kind]), "run.json")))


OBJECTS = {
    "open array": lambda rows: "[\n" + ",\n".join(rows) + ",\n",
    "one after another": lambda rows: "\n".join(json.dumps(json.loads(row), indent=2) for row in rows),
    "commas": lambda rows: ",\n".join(rows) + ",\n",
    "among text": lambda rows: "starting\n" + "\nINFO saving\n".join(rows) + "\n",
    "coloured": lambda rows: "".join(f"\x1b[32m{row}\x1b[0m\n" for row in rows),
    "within": lambda rows: "".join(f'{{"event": "train_step", "data": {row}}}\n' for row in rows),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_in_many_forms_are_read(kind, tmp_path):
    rows = [json.dumps({"step": t, "lr": [LR[t]] * 12, "loss": TRAIN[t]}) for t in AT]
    name = "run.json" if kind in ("open array", "one after another") else "run.jsonl"
    is_training(logs.look(written(tmp_path, OBJECTS[kind](rows), name)))


def test_steps_with_their_total_are_read(tmp_path):
    def row(t):
        yield {"loss": TRAIN[t], "learning_rate": LR[t], "epoch": t / 4000, "global_step/max_steps": f"{t}/4000"}

    is_training(logs.look(jsonl(tmp_path, row)))


def test_evaluations_that_are_counted_stand_at_the_step_last_named(tmp_path):
    def rows(t):
        yield {"step": t, "lr": LR[t], "loss": TRAIN[t]}
        if t in VAL:
            yield {"val_step": t // 100, "val_loss": VAL[t]}

    reading = logs.look(jsonl(tmp_path, rows))
    is_validation(reading)
    said(reading, "'val_step' counts no steps of training")


def test_a_folder_with_one_log_of_any_name_is_read(tmp_path):
    (tmp_path / "job" / "logs").mkdir(parents=True)
    (tmp_path / "job" / "config.json").write_text('{"lr": 1e-3}')
    text(tmp_path / "job" / "logs", plain, name="stdout.txt")
    is_training(logs.look(tmp_path / "job"))
    text(tmp_path / "job", plain, name="other.txt")
    asks("holds 2 runs: ", tmp_path / "job")


def test_holes_that_a_crash_left_are_skipped(tmp_path):
    content = text(tmp_path, plain).read_bytes()
    (tmp_path / "run.log").write_bytes(content[:5000] + b"\n" + b"\x00" * 9000 + b"\n" + content[5000:])
    reading = logs.look(tmp_path / "run.log")
    assert reading.last == 4000 and reading.losses["train_loss"] >= 398
    assert np.isclose(reading.whole().train_loss[3999], TRAIN[4000])
