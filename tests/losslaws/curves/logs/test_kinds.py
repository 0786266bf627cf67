"""Kinds of logs that are read wrongly if one is not careful: each gives the run, a note, or a question that names its answers."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from losslaws.curves import InputError, logs, schedules
from losslaws.forecast.output import seen

STEPS, EVERY = 4000, 10
RUN = schedules.build("cosine", STEPS, peak=6e-4, warmup=200, final=0.1)
AT = range(EVERY, STEPS + 1, EVERY)
TRAIN = {t: round(2.8 + 4 / (t + 50) ** 0.35 + 0.01 * math.sin(t), 4) for t in AT}
VAL = {t: round(TRAIN[t] + 0.3, 4) for t in AT if t % 100 == 0}
LR = {t: float(f"{RUN.lr[t - 1]:.4e}") for t in AT}


def text(folder, line, name="run.log", also=lambda t: None):
    """A log with `line(t)` for each logged step and, where it is not None, `also(t)` behind it."""
    lines = [one for t in AT for one in (line(t), also(t)) if one is not None]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / name


def table(folder, header, row, name="run.csv", mark=","):
    rows = [mark.join(str("" if x is None else x) for x in row(t)) for t in AT]
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder / name


def jsonl(folder, row, name="run.jsonl"):
    (folder / name).write_text("".join(json.dumps(one) + "\n" for t in AT for one in row(t)), encoding="utf-8")
    return folder / name


def plain(t):
    return f"step {t} | loss {TRAIN[t]} | lr {LR[t]:.4e}"


def is_training(reading):
    """All training losses were read at their steps, under the run's rates."""
    curve = reading.whole()
    logged = np.flatnonzero(~np.isnan(curve.train_loss)) + 1
    assert reading.used == "train_loss" and logged.tolist() == list(AT)
    np.testing.assert_allclose(curve.train_loss[logged - 1], list(TRAIN.values()))
    rates_are_right(curve)


def is_validation(reading):
    """All validation losses were read at their steps, under the run's rates."""
    curve = reading.whole()
    assert reading.used == "val_loss" and curve.step.tolist() == list(VAL)
    np.testing.assert_allclose(curve.loss, list(VAL.values()))
    rates_are_right(curve)


def rates_are_right(curve):
    assert abs(curve.schedule.warmup - 200) <= EVERY and curve.schedule.steps == STEPS
    np.testing.assert_allclose(curve.schedule.lr[210:], RUN.lr[210:], atol=2e-6)


def said(reading, *words):
    notes = " | ".join(reading.notes)
    assert all(word in notes for word in words), notes


def asks(message, path, **options):
    with pytest.raises(InputError, match=message) as caught:
        logs.look(path, **options)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


# ---- losses

OTHERS = {
    "first": lambda t: f"step {t} | aux loss 0.0100 | lm loss {TRAIN[t]} | lr {LR[t]:.4e}",
    "ema": lambda t: f"step {t}: loss={TRAIN[t]}, ema_loss={TRAIN[t] + 0.1:.4f}, lr={LR[t]:.4e}",
    "total": lambda t: f"step {t} total_loss: {TRAIN[t] + 0.02:.4f} ce_loss: {TRAIN[t]} z_loss: 0.02 lr: {LR[t]:.4e}",
    "moe": lambda t: (
        f"iter {t} load balancing loss: 1.01, loss: {TRAIN[t]}, loss scale: 65536, learning rate: {LR[t]:.4e}"
    ),
    "scale": lambda t: f"[INFO] Step={t} LossScale=1024 MinLoss=2.1 Loss={TRAIN[t]} LR={LR[t]:.4e} GradNorm=1.0",
    "timing": lambda t: f"step {t} | loss_time 0.1s | step time 0.5 | loss {TRAIN[t]} | min_lr 1e-5 | lr {LR[t]:.4e}",
    "value and mean": lambda t: f"step {t}  loss {TRAIN[t]} ({TRAIN[t] + 0.5:.4f})  lr {LR[t]:.4e}",
    "text": lambda t: f"step:{t}/4000 train_loss:{TRAIN[t]} lr:{LR[t]:.4e}",
    "spoken": lambda t: f"Training loss at step {t}: {TRAIN[t]}, learning rate {LR[t]:.4e}",
    "dict": lambda t: f"{{'step': {t}, 'train/loss': {TRAIN[t]}, 'train/lr': {LR[t]:.4e}, 'train/aux_loss': 0.1}}",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_losses_on_a_line_are_not_taken(kind, tmp_path):
    is_training(logs.look(text(tmp_path, OTHERS[kind])))


@pytest.mark.parametrize(
    "words", ["new best loss", "best loss so far:", "lowest train loss =", "EMA loss", "running loss:", "previous loss"]
)
def test_lines_with_other_losses_are_left_out(words, tmp_path):
    is_training(logs.look(text(tmp_path, plain, also=lambda t: f"step {t} | {words} 2.5" if t % 100 == 0 else None)))


COLUMNS = {
    "aux": "step,lr,aux_loss,loss,z_loss,router_loss",
    "total": "step,lr,moe/load_balance_loss,train/ce_loss,train/total_loss,loss_ema",
    "lightning": "step,lr-AdamW,best_loss,train_loss_step,grad_norm,loss_scale",
    "olmo": "_step,optim/learning_rate_group0,train/ZLoss,train/CrossEntropyLoss,x,train/MoEAuxLoss",
    "lingua": "global_step,optim/lr,speed/loss_time,loss/out,optim/grad_norm,memory/max",
    "levanter": "step,optim/learning_rate,train/aux_loss,train/loss,throughput/loss_rate,run_progress",
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_other_loss_columns_are_not_taken(kind, tmp_path):
    is_training(logs.look(table(tmp_path, COLUMNS[kind], lambda t: (t, LR[t], 0.01, TRAIN[t], TRAIN[t] + 0.02, 5.5))))


VALIDATIONS = {
    "own line": lambda t: f"validation loss: {VAL[t]}",
    "own line with step": lambda t: f"step {t} | val loss {VAL[t]}",
    "validate before step": lambda t: f"validate step: {t} loss: {VAL[t]}",
    "at iteration": lambda t: (
        f" validation loss at iteration {t} | lm loss value: {VAL[t]:.6E} | lm loss PPL: 2.1E+01 |"
    ),
    "val behind the step": lambda t: f"step {t} | eval | loss {VAL[t]} | ppl 21.1",
    "tag": lambda t: f"[eval] step={t} loss={VAL[t]}",
    "prefix": lambda t: f"Eval results: step {t}, eval/loss {VAL[t]}, eval/ppl 21",
    "spoken": lambda t: f"Validation loss at step {t}: {VAL[t]}",
    "spoken after": lambda t: f"val loss after iteration {t} = {VAL[t]}",
    "dict": lambda t: f"{{'eval_loss': {VAL[t]}, 'eval_runtime': 1.5, 'step': {t}}}",
    "best beside": lambda t: f"step {t} val_loss {VAL[t]} best_val_loss 2.0",
}


@pytest.mark.parametrize("kind", VALIDATIONS)
def test_validation_is_told_from_training_in_lines(kind, tmp_path):
    is_validation(logs.look(text(tmp_path, plain, also=lambda t: VALIDATIONS[kind](t) if t in VAL else None)))


ROWS = {
    "split": lambda t, v: {"split": "val", "step": t, "loss": v},
    "mode": lambda t, v: {"mode": "eval", "step": t, "loss": v},
    "phase": lambda t, v: {"phase": "validation", "step": t, "loss": v},
    "nested": lambda t, v: {"step": t, "eval": {"loss": v, "ppl": 21.0}},
    "name": lambda t, v: {"step": t, "validation/lm_loss": v},
    "one set": lambda t, v: {"step": t, "eval_c4_loss": v},
    "no step": lambda t, v: {"eval_loss": v},
    "own step": lambda t, v: {"val_step": t, "val_loss": v},
}


@pytest.mark.parametrize("kind", ROWS)
def test_validation_is_told_from_training_in_rows(kind, tmp_path):
    label = {} if kind not in ("split", "mode", "phase") else {kind: "train"}

    def rows(t):
        yield label | {"step": t, "lr": LR[t], "loss": TRAIN[t]}
        if t in VAL:
            yield ROWS[kind](t, VAL[t])

    is_validation(logs.look(jsonl(tmp_path, rows)))


def test_a_column_of_metric_names_is_read(tmp_path):
    def rows(t):
        yield {"metric": "lr", "step": t, "value": LR[t]}
        yield {"metric": "train/loss", "step": t, "value": TRAIN[t]}
        if t in VAL:
            yield {"metric": "val/loss", "step": t, "value": VAL[t]}

    is_validation(logs.look(jsonl(tmp_path, rows)))


def test_one_of_several_validation_sets_must_be_chosen(tmp_path):
    def row(t):
        return t, LR[t], TRAIN[t], VAL.get(t), VAL.get(t) and VAL[t] - 1

    path = table(tmp_path, "step,lr,loss,eval_web_loss,eval_code_loss", row)
    asks(r"2 columns may be the val_loss: eval_code_loss, eval_web_loss; name one \(val_loss=COLUMN\)", path)
    is_validation(logs.look(path, columns={"val_loss": "eval_web_loss"}))
    path = table(tmp_path, "step,lr,loss,eval/loss,eval/code/loss", row)
    reading = logs.look(path)
    is_validation(reading)
    assert reading.others["val_loss"] == ["eval/code/loss"]


def test_a_value_that_stays_until_the_next_evaluation_counts_once(tmp_path):
    last = {}

    def row(t):
        last["val"] = VAL.get(t, last.get("val"))
        return t, LR[t], TRAIN[t], last["val"]

    reading = logs.look(table(tmp_path, "step,lr,loss,val_loss", row))
    is_validation(reading)
    said(reading, "repeats its last value")


def test_few_evaluations_do_not_bar_training_losses(tmp_path):
    def row(t):
        return t, LR[t], TRAIN[t], VAL[t] if t % 1000 == 0 else None

    path = table(tmp_path, "step,lr,loss,val_loss", row)
    reading = logs.look(path)
    is_training(reading)
    said(reading, "4 validation losses behind the warm-up are too few")
    assert "380 losses (smoothed training loss)" in seen(reading.whole())
    assert logs.look(path, columns={"val_loss": "val_loss"}).used == "val_loss"


@pytest.mark.parametrize("nan", ["nan", "NaN", "NAN", "-nan"])
def test_losses_that_end_in_nan_are_said(nan, tmp_path):
    for reading in (
        logs.look(text(tmp_path, lambda t: f"step {t} | loss {TRAIN[t] if t < 2000 else nan} | lr {LR[t]:.4e}")),
        logs.look(table(tmp_path, "step,lr,loss", lambda t: (t, LR[t], TRAIN[t] if t < 2000 else nan))),
    ):
        said(reading, "'loss' is NaN from step 2000 on, in the last 201 of 400 losses: the run has diverged")
        assert reading.last == 1990 and reading.not_finite == {"loss": 201}


def test_missing_values_between_evaluations_are_no_divergence(tmp_path):
    path = table(tmp_path, "step,lr,loss,val_loss", lambda t: (t, LR[t], TRAIN[t], VAL.get(t - 10, "nan")))
    assert not any("diverged" in note for note in logs.look(path).notes)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("inf", "holds inf at step 2000"),
        ("1e308", "holds 1e\\+308"),
        ("1e-300", "holds 1e-300"),
        ("-1.5", "holds -1.5"),
    ],
)
def test_impossible_losses_are_refused(value, message, tmp_path):
    asks(message, text(tmp_path, lambda t: f"step {t} | loss {TRAIN[t] if t != 2000 else value} | lr {LR[t]:.4e}"))


def test_perplexities_are_losses_by_their_logarithm(tmp_path):
    path = table(tmp_path, "step,lr,val_ppl", lambda t: (t, LR[t], np.exp(TRAIN[t])))
    reading = logs.look(path)
    np.testing.assert_allclose(reading.whole().loss, list(TRAIN.values()))
    said(reading, "'val_ppl' is a perplexity")
    path = table(tmp_path, "step,lr,val_loss", lambda t: (t, LR[t], np.exp(TRAIN[t])))
    said(logs.look(path), "more than nats per token of a language model; a perplexity (--unit perplexity), or a sum")
    np.testing.assert_allclose(logs.look(path, unit="perplexity").whole().loss, list(TRAIN.values()))
    said(logs.look(table(tmp_path, "step,lr,val_bpb", lambda t: (t, LR[t], TRAIN[t]))), "is in bits")
    said(
        logs.look(table(tmp_path, "step,lr,loss", lambda t: (t, LR[t], TRAIN[t] / 500))),
        "less than language models reach",
    )


# ---- steps


@pytest.mark.parametrize("form", ["csv", "text", "total", "no epoch column", "from zero"])
def test_steps_within_an_epoch_are_counted_from_the_beginning(form, tmp_path):
    at = lambda t: ((t - 1) // 1000, (t - 1) % 1000 + 1)  # noqa: E731
    if form == "csv":
        path = table(tmp_path, "epoch,step,lr,loss", lambda t: (*at(t), LR[t], TRAIN[t]))
    elif form == "no epoch column":
        path = table(tmp_path, "step,lr,loss", lambda t: (at(t)[1], LR[t], TRAIN[t]))
    elif form == "from zero":
        path = table(tmp_path, "epoch,batch_step,lr,loss", lambda t: (at(t)[0], at(t)[1] - 10, LR[t], TRAIN[t]))
        reading = logs.look(path)
        assert reading.last == STEPS - 10
        return
    else:
        total = "/1000" if form == "total" else ""
        path = text(
            tmp_path, lambda t: f"Epoch {at(t)[0] + 1} | Step {at(t)[1]}{total} | Loss {TRAIN[t]} | LR {LR[t]:.4e}"
        )
    reading = logs.look(path)
    is_training(reading)
    said(reading, "steps begin anew in every epoch; the step is 1000 x epoch + step")


MICRO = {
    "iter and step": lambda t: f"iter {8 * t} | step {t}: loss {TRAIN[t]}, lr {LR[t]:.4e}",
    "micro step": lambda t: f"micro_step={8 * t} global_step={t} loss={TRAIN[t]} lr={LR[t]:.4e}",
    "step and update": lambda t: f"step {8 * t} update {t} loss {TRAIN[t]} lr {LR[t]:.4e}",
    "batch": lambda t: f"batch {8 * t} update {t} loss {TRAIN[t]} lr {LR[t]:.4e}",
}


@pytest.mark.parametrize("kind", MICRO)
def test_optimiser_steps_are_preferred_to_micro_steps(kind, tmp_path):
    is_training(logs.look(text(tmp_path, MICRO[kind])))


def test_micro_steps_alone_are_said_and_can_be_divided(tmp_path):
    path = table(tmp_path, "micro_step,lr,loss", lambda t: (8 * t, LR[t], TRAIN[t]))
    said(logs.look(path), "'micro_step' counts batches", "--step-unit 1/N")
    reading = logs.look(path, step_unit=0.125)
    is_training(reading)
    said(reading, "steps are column 'micro_step' times 0.125")


def test_rows_that_name_only_micro_steps_get_the_optimisers(tmp_path):
    is_validation(
        logs.look(
            text(
                tmp_path,
                MICRO["iter and step"],
                also=lambda t: f"iter {8 * t}: val loss {VAL[t]}" if t in VAL else None,
            )
        )
    )


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "tokens,lr,loss",
            "counts no steps of the optimiser, but 'tokens'; .* --columns step=tokens --step-unit N \\(1/TOKENS",
        ),
        ("epoch,lr,loss", "counts no steps of the optimiser, but 'epoch'; .* --step-unit N \\(steps of an epoch\\)"),
        ("consumed_samples,lr,loss", "but 'consumed_samples'"),
    ],
)
def test_tokens_and_epochs_are_no_steps(header, message, tmp_path):
    asks(message, table(tmp_path, header, lambda t: (t * 1024, LR[t], TRAIN[t])))
    name = header.partition(",")[0]
    is_training(logs.look(tmp_path / "run.csv", columns={"step": name}, step_unit=1 / 1024))


def test_tokens_called_steps_are_refused(tmp_path):
    asks(
        "steps are whole numbers from 0 to 20000000.*--step-unit",
        table(tmp_path, "step,lr,loss", lambda t: (t * 524288, LR[t], TRAIN[t])),
    )


def test_calls_of_log_are_no_steps(tmp_path):
    rows = "".join(f'"{i}","{VAL[t]}","{VAL[t]}","{VAL[t]}"\n' for i, t in enumerate(VAL, 1))
    (tmp_path / "chart.csv").write_text(
        '"Step","my-run - val/loss","my-run - val/loss__MIN","my-run - val/loss__MAX"\n' + rows
    )
    asks("column 'Step' counts calls of log, 1 to 40.*--step-unit N", tmp_path / "chart.csv", schedule=RUN)
    is_validation(logs.look(tmp_path / "chart.csv", schedule=RUN, step_unit=100))
    path = jsonl(tmp_path, lambda t: [{"_step": t // 10 - 1, "lr": LR[t], "train/loss": TRAIN[t]}])
    said(logs.look(path), "'_step' counts calls of log, taken as updates")
    rows = "".join(f'"{i}","{TRAIN[t]}","{TRAIN[t]}"\n' for i, t in enumerate(AT))
    (tmp_path / "chart.csv").write_text('"Step","my-run - train/loss","my-run - train/loss__MIN"\n' + rows)
    reading = logs.look(tmp_path / "chart.csv", schedule=RUN)
    said(reading, "'Step' counts calls of log, taken as updates", "ends at step 399 of the 4000 of the schedule")


def test_a_branch_that_was_given_up_is_dropped(tmp_path):
    rows = [(t, 6e-4, TRAIN[t]) for t in AT] + [(t, 3e-4, TRAIN[t - 5] - 0.1) for t in range(3005, 3500, 10)]
    (tmp_path / "run.csv").write_text("step,lr,val_loss\n" + "".join(f"{t},{lr},{v}\n" for t, lr, v in rows))
    reading = logs.look(tmp_path / "run.csv")
    assert reading.last == 3495 and reading.last_rate == 3e-4 and reading.restarts == [(4000, 3005)]
    assert reading.whole().step.tolist() == [*range(10, 3001, 10), *range(3005, 3500, 10)]
    said(reading, "goes back from 4000 to 3005, read as a resumed run")
    assert not any("no loss was logged after" in note for note in reading.notes)


def test_validation_of_a_branch_that_was_given_up_is_dropped_too(tmp_path):
    lines = [plain(t) + (f" | val loss {VAL[t]}" if t in VAL else "") for t in AT]
    lines += [f"step {t} | loss {TRAIN[t]} | lr {LR[t]:.4e}" for t in range(2510, 2590, 10)]
    (tmp_path / "run.log").write_text("\n".join(lines) + "\n")
    reading = logs.look(tmp_path / "run.log")
    assert reading.last == 2580 and reading.whole().step[-1] == 2500


def test_two_runs_in_one_file_must_be_told_apart(tmp_path):
    lines = [plain(t) for t in AT] + [f"step {t} | loss {TRAIN[t] + 0.2:.4f} | lr {LR[t] / 2:.4e}" for t in AT]
    (tmp_path / "run.log").write_text("\n".join(lines) + "\n")
    asks("begins anew in row 401, at step 10 after 4000: two runs, .* --part 1, --part 2", tmp_path / "run.log")
    is_training(logs.look(tmp_path / "run.log", part="1"))
    assert logs.look(tmp_path / "run.log", part="last").peak == pytest.approx(3e-4)
    asks("has 2 part\\(s\\), not a part 3", tmp_path / "run.log", part="3")


def test_a_false_start_is_dropped(tmp_path):
    lines = [f"step {t} | loss {TRAIN[t] + 0.2:.4f} | lr {LR[t]:.4e}" for t in range(10, 310, 10)] + [
        plain(t) for t in AT
    ]
    (tmp_path / "run.log").write_text("\n".join(lines) + "\n")
    reading = logs.look(tmp_path / "run.log")
    is_training(reading)
    said(reading, "goes back from 300 to 10")


def test_runs_in_one_table_must_be_told_apart(tmp_path):
    path = table(tmp_path, "run,step,lr,loss", lambda t: (("a", "b")[t % 20 // 10], t, LR[t], TRAIN[t]))
    asks("holds 2 runs in column 'run': b, a; choose one with --part NAME", path)
    reading = logs.look(path, part="a")
    assert reading.losses["train_loss"] == 200
    said(reading, "the rows of run 'a' in column 'run' are used")


@pytest.mark.parametrize(
    "header", ["Name,State,Created,Runtime,lr,step,val/loss", "Run ID,Status,Start Time,Duration,lr,iter,loss"]
)
def test_a_table_of_runs_is_no_history(header, tmp_path):
    rows = "".join(
        f"run{max(i, 2)},finished,2026-05-2{i}T14:08:33.000Z,70{i},0.0001,{2000 + i},2.{i}\n" for i in range(1, 9)
    )
    (tmp_path / "export.csv").write_text(header + "\n" + rows)
    asks("is a table of 8 runs, one row each .* no history", tmp_path / "export.csv")


def test_of_several_ranks_one_is_read(tmp_path):
    path = text(
        tmp_path,
        lambda t: f"[rank0]: {plain(t)}",
        also=lambda t: f"[rank1]: step {t} | loss {TRAIN[t] + 0.2:.4f} | lr {LR[t]:.4e}",
    )
    reading = logs.look(path)
    is_training(reading)
    said(reading, "2 ranks wrote this log, told apart by 'rank'; the lines of 0 are used")


def test_pieces_of_one_run_are_joined_on_request(tmp_path):
    def row(t):
        return t, LR[t], TRAIN[t] if t <= 2500 else None, TRAIN[t] + (t <= 2000) if t > 1900 else None

    path = table(tmp_path, "Step,a - lr,a - loss,a-2 - loss", row)
    asks("2 columns may be the train_loss: .*all pieces of one run", path)
    path = table(
        tmp_path,
        "Step,a - lr,a - val/loss,a-2 - val/loss",
        lambda t: (t, LR[t], TRAIN[t] if t <= 2500 else None, TRAIN[t] if t > 1900 else None),
    )
    reading = logs.look(path, columns={"val_loss": ["a - val/loss", "a-2 - val/loss"]})
    np.testing.assert_allclose(reading.whole().loss, list(TRAIN.values()))
    said(reading, "2 columns are joined")
    asks("2 columns may be the val_loss: .*all pieces of one run", path)  # though they agree where both have a value


def test_a_log_that_begins_late_or_has_a_gap_says_so(tmp_path):
    lines = [plain(t) for t in AT if t > 2000]
    (tmp_path / "run.log").write_text("\n".join(lines) + "\n")
    said(logs.look(tmp_path / "run.log"), "the log begins late, at step 2010")
    lines = [plain(t) for t in AT if not 1000 < t < 2000]
    (tmp_path / "run.log").write_text("\n".join(lines) + "\n")
    reading = logs.look(tmp_path / "run.log")
    said(reading, "nothing was logged between steps 1000 and 2000")
    assert reading.gaps == [(1000, 2000)]


def test_one_mistyped_rate_is_left_out(tmp_path):
    for wrong in ("1", "1e308"):
        path = table(tmp_path, "step,lr,loss", lambda t, w=wrong: (t, LR[t] if t != 2000 else w, TRAIN[t]))
        reading = logs.look(path)
        is_training(reading)
        said(reading, "at step 2000 stands out from its neighbours", "is left out")


def test_rates_that_differ_must_be_chosen_between(tmp_path):
    path = jsonl(tmp_path, lambda t: [{"step": t, "lr": [LR[t], 2 * LR[t]], "loss": TRAIN[t]}])
    asks("2 columns may be the lr: lr/0, lr/1; name one \\(lr=COLUMN\\)", path)
    is_training(logs.look(path, columns={"lr": "lr/0"}))
    is_training(logs.look(jsonl(tmp_path, lambda t: [{"step": t, "lr": [LR[t], LR[t]], "loss": TRAIN[t]}])))
    is_training(logs.look(table(tmp_path, "step,lr,encoder_lr,max_lr,loss", lambda t: (t, LR[t], 1, 1, TRAIN[t]))))


def test_a_run_within_its_warmup_is_read_with_a_note(tmp_path):
    lines = [plain(t) for t in AT if t < 390]
    (tmp_path / "run.log").write_text("\n".join(lines) + "\n")
    said(logs.look(tmp_path / "run.log"), "every loss lies within twice the warm-up")


# ---- forms of files

NUMBERS = {
    "thousands": lambda t: f"step {t:,} | loss {TRAIN[t]} | lr {LR[t]:.4e}",
    "underscores": lambda t: f"step {t:_} | loss {TRAIN[t]} | lr {LR[t]:.4e}",
    "apostrophes": lambda t: f"step {t:,} | loss {TRAIN[t]} | lr {LR[t]:.4e}".replace(",", "'"),
    "narrow blanks": lambda t: f"step {t:,} | loss {TRAIN[t]} | lr {LR[t]:.4e}".replace(",", "\u202f"),
    "decimal comma": lambda t: f"step {t} | loss {TRAIN[t]:.4f} | lr {LR[t]:.6f}".replace(".", ","),
    "list of rates": lambda t: f"step {t} loss {TRAIN[t]} lr [{LR[t]:.4e}, {LR[t]:.4e}]",
    "colours": lambda t: f"\x1b[31mstep: {t}  \x1b[1;32mloss: {TRAIN[t]}  \x1b[38;5;33mlr: {LR[t]:.4e}\x1b[0m",
    "time stamps": lambda t: (
        f"2024-05-01 12:00:{t % 60:02d},{t % 1000:03d} - trainer - INFO - step {t} - loss {TRAIN[t]} - lr {LR[t]:.4e}"
    ),
    "link": lambda t: f"\x1b]8;;http://x\x1b\\step\x1b]8;;\x1b\\ {t} loss {TRAIN[t]} lr {LR[t]:.4e}",
    "padded": lambda t: f"Step:{t:10d}   Loss:{TRAIN[t]:12.4f}   LR:{LR[t]:14.4e}",
    "percent": lambda t: (
        f"({t / 40:.1f}%) step {t} of 4000: loss = {TRAIN[t]}; lr = {LR[t]:.4e}; 12.1 GiB (15%), 3.2k tok/s"
    ),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_in_lines_are_read_whole(kind, tmp_path):
    reading = logs.look(text(tmp_path, NUMBERS[kind]))
    if kind == "decimal comma":
        np.testing.assert_allclose(reading.whole().loss, [TRAIN[t] for t in AT if t > reading.warmup])
    else:
        is_training(reading)


@pytest.mark.parametrize(
    "form", ["semicolons", "tabs", "quoted thousands", "comma in a .log", "remarks", "blanks", "crlf", "cr"]
)
def test_tables_are_read_in_many_forms(form, tmp_path):
    header, row, options = "step,lr,loss", (lambda t: (t, LR[t], TRAIN[t])), {}
    if form == "semicolons":
        header, row, options = (
            "step;lr;loss",
            (lambda t: (t, f"{LR[t]:.4e}".replace(".", ","), str(TRAIN[t]).replace(".", ","))),
            {"mark": ";"},
        )
    elif form == "tabs":
        header, options = "step\tlr\tloss", {"mark": "\t", "name": "run.txt"}
    elif form == "quoted thousands":
        row = lambda t: (f'"{t:,}"', LR[t], TRAIN[t])  # noqa: E731
    elif form == "comma in a .log":
        options = {"name": "run.log"}
    elif form == "remarks":
        header = "# made by x\n\n# on y\n" + header
    elif form == "blanks":
        header, row = "step, lr, loss", (lambda t: (t, f" {LR[t]}", f" {TRAIN[t]}"))
    path = table(tmp_path, header, row, **options)
    if form in ("crlf", "cr"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n" if form == "crlf" else b"\r"))
    is_training(logs.look(path))


@pytest.mark.parametrize("cut", [3, 9, 16, 25])
@pytest.mark.parametrize("form", ["csv", "jsonl", "text"])
def test_a_half_written_last_line_is_left_out(form, cut, tmp_path):
    path = {
        "csv": lambda: table(tmp_path, "step,lr,loss", lambda t: (t, f"{LR[t]:.4e}", f"{TRAIN[t]:.4f}")),
        "jsonl": lambda: jsonl(tmp_path, lambda t: [{"step": t, "lr": LR[t], "loss": TRAIN[t]}]),
        "text": lambda: text(tmp_path, lambda t: f"step {t} | loss {TRAIN[t]:.4f} | lr {LR[t]:.4e}"),
    }[form]()
    path.write_bytes(path.read_bytes()[:-cut])
    reading = logs.look(path)
    curve = reading.whole()
    assert curve.loss[-1] in TRAIN.values() and curve.schedule.lr[-1] < 1e-4
    said(reading, "the file ends within a")


@pytest.mark.parametrize("name", ["held_out_loss", "held-out loss", "hold_out_loss", "HeldOutLoss", "heldout_loss"])
def test_held_out_losses_are_validation(tmp_path, name):
    run = logs.read(table(tmp_path, f"step,lr,loss,{name}", lambda t: (t, LR[t], TRAIN[t], VAL.get(t))))
    assert list(run.loss) == list(VAL.values())


def test_held_out_losses_of_console_lines_are_validation(tmp_path):
    path = text(
        tmp_path,
        lambda t: f"step {t} | lr {LR[t]} | loss {TRAIN[t]}",
        also=lambda t: f"step {t} | held-out loss {VAL[t]}" if t in VAL else None,
    )
    assert list(logs.read(path).loss) == list(VAL.values())


@pytest.mark.parametrize("group", ["lr_no_decay", "lr/no_wd", "no_weight_decay lr"])
def test_rates_of_groups_with_and_without_weight_decay_are_asked_about_where_they_differ(tmp_path, group):
    path = table(tmp_path, f"step,lr_decay,{group},lr_embed,loss", lambda t: (t, LR[t], LR[t], 1e-3, TRAIN[t]))
    with pytest.raises(InputError, match=r"3 columns may be the lr: .*name one \(lr=COLUMN\)"):
        logs.read(path)
    two = table(tmp_path, "step,lr_decay,lr_embed,loss", lambda t: (t, LR[t], 1e-3, TRAIN[t]), "two.csv")
    with pytest.raises(InputError, match="2 columns may be the lr: lr_decay, lr_embed; name one"):
        logs.read(two)
    alone = table(tmp_path, "step,lr,lr_decay,loss", lambda t: (t, LR[t], 0.1, TRAIN[t]), "alone.csv")
    assert logs.read(alone).schedule.peak == pytest.approx(6e-4)  # the decay of the rate
    alike = table(tmp_path, f"step,lr_decay,{group},loss", lambda t: (t, LR[t], LR[t], TRAIN[t]), "alike.csv")
    assert logs.read(alike).schedule.peak == pytest.approx(6e-4)


def test_a_count_from_zero_with_a_step_unit_says_where_it_begins(tmp_path):
    def look(first):
        rows = lambda t: (t // 10 - 1 + first, LR[t], TRAIN[t])  # noqa: E731
        path = table(tmp_path, "epoch,lr,loss", rows)
        return logs.look(path, columns={"step": "epoch"}, step_unit=Fraction(10))

    said(
        look(0),
        "column 'epoch' begins at 0, taken as step 0",
        "all steps here are 10 too few: write the column 1 higher",
    )
    assert not any("begins at 0" in note for note in look(1).notes)
    is_training(look(1))


def test_rates_of_groups_in_lines_are_asked_about_where_they_differ(tmp_path):
    path = text(tmp_path, lambda t: f"step {t} | loss {TRAIN[t]:.4f} | lr_decay {LR[t]:.4e} | lr_embed 1.0e-03")
    asks(r"2 columns may be the lr: lr decay, lr embed; name one \(lr=COLUMN\)", path)
    is_training(logs.look(path, columns={"lr": "lr decay"}))
    path = text(tmp_path, lambda t: f"step {t} | loss {TRAIN[t]:.4f} | lr {LR[t]:.4e} | lr_decay 0.1")
    is_training(logs.look(path))  # the decay of the rate


UNITS = {
    "word": "lr_x1e-4: {:.4f}",
    "exponent": "learning_rate_e-4 {:.4f}",
    "brackets": "lr(1e-4): {:.4f}",
    "square brackets": "lr [1e-4] = {:.4f}",
    "times": "lr (x 1e-4) {:.4f}",
    "sign": "lr \u00d7 1.0e-04: {:.4f}",
    "multiplied": "lr*1e4 {:.4f}",
    "divided": "lr/1e-4: {:.4f}",
    "underline": "lr_1e-4={:.4f}",
    "quotes": "'lr(1e-4)': {:.4f}",
}


@pytest.mark.parametrize("kind", UNITS)
def test_a_unit_in_the_name_of_a_rate_in_lines_counts(kind, tmp_path):
    reading = logs.look(
        text(tmp_path, lambda t: f"step {t} | loss {TRAIN[t]:.4f} | {UNITS[kind].format(1e4 * LR[t])} | norm 0.3")
    )
    is_training(reading)
    said(reading, "is in units of 0.0001, by its name; the rates are its values times that")


@pytest.mark.parametrize(
    "name",
    [
        "lr_x1e-4",
        "learning_rate_e-4",
        "lr(1e-4)",
        "lr [1E-4]",
        "train/lr (\u00d71e-4)",
        "lr*1e4",
        "lr*10^4",
        "lr/10**-4",
    ],
)
def test_a_unit_in_the_name_of_a_column_of_rates_counts(name, tmp_path):
    reading = logs.look(table(tmp_path, f"step,{name},loss", lambda t: (t, 1e4 * LR[t], TRAIN[t])))
    is_training(reading)
    said(reading, f"'{name}' is in units of 0.0001, by its name; the rates are its values times that")


def test_rates_as_they_are_stay_whatever_their_name_says(tmp_path):
    for name in ("lr_1e-3", "lr(1e-3)", "lr_e1", "lr_group10"):
        reading = logs.look(table(tmp_path, f"step,{name},loss", lambda t: (t, LR[t], TRAIN[t])))
        is_training(reading)
        assert not any("unit" in note for note in reading.notes)
    for line in ("lr [1e-3] 12 ms", "lr 1e-3", "lr=[1.0e-3]", "lr (1e-3)"):
        path = text(tmp_path, lambda t, line=line: f"step {t} | loss {TRAIN[t]:.4f} | {line} | norm 0.3")
        assert logs.look(path).peak == 1e-3


def test_rates_that_may_be_in_the_unit_of_their_name_stay_with_a_note(tmp_path):
    reading = logs.look(table(tmp_path, "step,lr(1e-4),loss", lambda t: (t, 30 * LR[t], TRAIN[t])))
    said(reading, "'lr(1e-4)' names a unit of 0.0001; its values, about 0.0099, are taken as rates as they stand")


def test_rows_of_another_kind_at_equal_distances_lack_no_loss(tmp_path):
    """Every twentieth row is of a second evaluation."""

    def row(t):
        return (t, LR[t], None, 9.0) if t % (20 * AT[0]) == 0 else (t, LR[t], TRAIN[t], None)

    reading = logs.look(table(tmp_path, "step,lr,loss,other_metric", row))
    assert not any("is empty in" in note for note in reading.notes)


@pytest.mark.parametrize(
    "name", ["lr_6e-4", "lr-6e-4", "lr6e-4/lr", "cosine_6e-4/learning_rate", "ab1e12cd/lr", "lr-10^6tok", "lr 21e-3"]
)
def test_other_numbers_in_a_name_are_no_units(name, tmp_path):
    reading = logs.look(table(tmp_path, f"step,{name},loss", lambda t: (t, LR[t], TRAIN[t])))
    is_training(reading)
    assert not any("unit" in note for note in reading.notes)


@pytest.mark.parametrize(
    "line", ["lr ({:.1e}): loss", "lr[{:.2e}]: train loss", "lr x {:.0e} loss", "lr * {:.1e}, loss", "lr/{:.1e} loss"]
)
def test_a_rate_that_is_a_power_of_ten_is_no_unit(line, tmp_path):
    """Of 1e-3 on a plateau, then of others, in lines that are alike in all else."""
    rate = {t: 1e-3 if t <= 120 else 1e-3 * (1 - (t - 120) / 81) for t in range(1, 201)}
    path = tmp_path / "run.log"
    path.write_text("\n".join(f"step {t} {line.format(rate[t])} {3 + 1 / t:.4f}" for t in rate) + "\n")
    curve = logs.look(path).whole()
    assert curve.step.size == 200 and curve.schedule.peak == 1e-3 and curve.schedule.lr[-1] < 5e-5
