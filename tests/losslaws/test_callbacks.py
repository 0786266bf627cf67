"""Forecasts that a trainer logs while it trains: of transformers' real Trainer, of Lightning's where it is installed."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

from losslaws import callbacks
from losslaws.callbacks import Live, rates_of
from tests.losslaws.forecast.made import LAW, TRUTH, plan

KEYS = {"final", "low", "high", "decay_10", "decay_20"}


def rows(schedule, upto, every=100):
    step = np.arange(every, upto + 1, every)
    loss = LAW.loss(TRUTH, schedule, step) * (1 + 3e-4 * np.random.default_rng(0).standard_normal(step.size))
    return [
        {"step": int(t), "learning_rate": float(schedule.lr[t - 1]), "eval_loss": float(y), "epoch": t / 1e4}
        for t, y in zip(step, loss, strict=True)
    ]


def test_importing_it_imports_no_trainer():
    code = "import sys, losslaws.callbacks; print({'torch', 'transformers', 'lightning', 'pytorch_lightning', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
    with pytest.raises(AttributeError, match="has no attribute 'Forecast'"):
        callbacks.Forecast  # noqa: B018


def test_what_is_logged_is_what_a_forecast_says():
    schedule = plan("wsd", 20_000, decay=0.3)
    found = Live(schedule="wsd:decay=0.3").metrics(rows(schedule, 10_000), 10_000, 20_000)
    assert set(found) == {f"forecast/{key}" for key in KEYS}
    assert found["forecast/low"] < found["forecast/final"] < found["forecast/high"]
    assert found["forecast/decay_20"] < found["forecast/decay_10"] < rows(schedule, 10_000)[-1]["eval_loss"]
    truth = LAW.loss(TRUTH, schedule, [20_000])[0]
    assert found["forecast/low"] < truth < found["forecast/high"]


def test_nothing_is_logged_too_often_or_from_too_little():
    live, schedule = Live(), plan("constant", 20_000)
    assert live.metrics(rows(schedule, 500), 500, 20_000) == {}
    assert live.metrics([], 600, 20_000) == {}
    assert live.metrics(rows(schedule, 8000), 8000, None).keys() == {"forecast/decay_10", "forecast/decay_20"}
    assert live.metrics(rows(schedule, 8100), 8100, 20_000) == {}
    assert live.metrics(rows(schedule, 8500), 8500, 20_000)


def test_an_error_of_its_own_is_one_warning():
    live = Live(schedule="wds")
    schedule = plan("constant", 20_000)
    with pytest.warns(UserWarning, match="no forecast is logged.*did you mean 'wsd'"):
        assert live.metrics(rows(schedule, 8000), 8000, 20_000) == {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert live.metrics(rows(schedule, 9000), 9000, 20_000) == {}


SCHEDULERS = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda t: min((t + 1) / 10, 1) * (1 - t / 100)),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 100, eta_min=1e-5),
    "linear": lambda s, o: s.LinearLR(o, 1.0, 0.1, 100),
    "steps": lambda s, o: s.StepLR(o, 30, 0.5),
    "one cycle": lambda s, o: s.OneCycleLR(o, 1e-3, total_steps=101, cycle_momentum=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEDULERS)
def test_the_rates_to_come_are_those_that_the_scheduler_gives(name):
    import torch

    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=1e-3)
    scheduler = SCHEDULERS[name](torch.optim.lr_scheduler, optimiser)
    applied, asked = [], None
    for t in range(100):
        if t == 40:
            asked = rates_of(scheduler, t, 100)
        applied.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    assert np.allclose(asked, applied[40:], rtol=1e-9)


def test_a_scheduler_that_waits_for_losses_tells_no_rates():
    assert rates_of(object(), 0, 10) is None and rates_of(None, 0, 10) is None


@pytest.mark.slow
def test_the_real_trainer_logs_them_to_its_history_and_integrations(tmp_path):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

    class Integration(TrainerCallback):
        def __init__(self):
            self.seen = []

        def on_log(self, args, state, control, logs=None, **kwargs):
            self.seen += [key for key in logs if key.startswith("forecast/")]

    torch.manual_seed(0)
    tokens = torch.randint(0, 16, (64, 17)).cumsum(1) % 32
    data = [{"input_ids": row, "labels": row} for row in tokens]
    model = GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=32, n_embd=16, n_layer=1, n_head=2))
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=120,
        per_device_train_batch_size=8,
        per_device_eval_batch_size=64,
        learning_rate=3e-3,
        warmup_steps=4,
        lr_scheduler_type="cosine",
        logging_steps=2,
        eval_strategy="steps",
        eval_steps=3,
        save_strategy="no",
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
    )
    integration = Integration()
    trainer = Trainer(model, arguments, train_dataset=data, eval_dataset=data, callbacks=[integration])
    trainer.add_callback(callbacks.ForecastCallback(trainer, optimizer="adamw"))
    trainer.train()
    history = [row for row in trainer.state.log_history if "forecast/final" in row]
    assert len(history) >= 2 and set(integration.seen) == {f"forecast/{key}" for key in KEYS}
    assert all(row["forecast/low"] <= row["forecast/final"] <= row["forecast/high"] for row in history)
    end = [row["eval_loss"] for row in trainer.state.log_history if "eval_loss" in row][-1]
    assert abs(history[-1]["forecast/final"] / end - 1) < 0.02
    assert trainer.state.global_step == 120


@pytest.mark.slow
def test_lightning_logs_them(tmp_path):
    torch = pytest.importorskip("torch")
    lightning = pytest.importorskip("lightning.pytorch", exc_type=ImportError)

    class Falling(lightning.LightningModule):
        """A module whose loss follows the law."""

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))
            self.schedule = plan("wsd", 2000, decay=0.3)
            self.losses = LAW.loss(TRUTH, self.schedule, np.arange(1, 2001))

        def training_step(self, batch, batch_idx):
            return self.weight.sum() * 0 + float(self.losses[self.global_step])

        def configure_optimizers(self):
            optimiser = torch.optim.SGD(self.parameters(), lr=1.0)
            scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda t: float(self.schedule.lr[min(t, 1999)]))
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    callback = callbacks.LightningForecast(optimizer="adamw")
    trainer = lightning.Trainer(
        max_steps=2000,
        log_every_n_steps=20,
        accelerator="cpu",
        devices=1,
        logger=lightning.loggers.CSVLogger(str(tmp_path)),
        callbacks=[callback],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    model = Falling()
    trainer.fit(model, torch.utils.data.DataLoader(torch.zeros(2500, 1), batch_size=1))
    text = next(tmp_path.rglob("metrics.csv")).read_text().splitlines()
    assert {name.removeprefix("forecast/") for name in text[0].split(",")} >= KEYS
    assert trainer.callback_metrics["forecast/final"] == pytest.approx(model.losses[-1], rel=0.03)
    again = callbacks.LightningForecast()
    again.load_state_dict(callback.state_dict())
    assert len(again.rows) == 100 and again.rows[-1]["lr"] < 1e-4
