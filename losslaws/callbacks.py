"""Forecasts while a run trains, logged to whatever its trainer logs to.

    trainer.add_callback(ForecastCallback(trainer))           transformers' Trainer
    lightning.Trainer(callbacks=[LightningForecast()])        Lightning

Both log, whenever the run has become a twentieth longer:

    forecast/final, forecast/low, forecast/high    the loss at the last step under the trainer's own scheduler, and its 90 % interval
    forecast/decay_10, forecast/decay_20           the loss after a decay to 0 that began now and took the last 10, 20 % of the steps by then

in the unit of the losses that the run logs. They read what the run logged, as `losslaws read` would; they work on rank 0 alone, and no fault of
their own ends the training: it is said in one warning. The classes are made when they are asked for: `import losslaws.callbacks` imports no trainer.
"""

import copy
import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np

from losslaws.curves import Schedule, logs
from losslaws.curves.logs import names
from losslaws.curves.logs.losses import SHORT
from losslaws.curves.schedule import LONGEST
from losslaws.forecast import plans
from losslaws.forecast.predict import Forecaster

GROWTH = 1.05  # times as long a run must have become for another forecast, which takes some tenths of a second
DECAYS = (0.1, 0.2)  # shares of the steps that decays take which begin now

__all__ = ["ForecastCallback", "LightningForecast"]  # noqa: F822 - made by __getattr__


class Live:
    """What is forecast of a run from the rows that it has logged.

    schedule    in words, of the whole run, where the trainer's own scheduler is not what it will do
    parameters, tokens_per_step, optimizer  of the model and its training, which narrow the interval; as of `losslaws.predict`
    """

    def __init__(
        self,
        schedule: str | None = None,
        parameters: int | None = None,
        tokens_per_step: int | None = None,
        optimizer: str | None = None,
    ):
        self.schedule, self.parameters, self.tokens_per_step = schedule, parameters, tokens_per_step
        self.optimizer = optimizer
        self.next, self.warned = 0.0, False

    def metrics(self, rows: Sequence[Mapping], step: int, steps: int | None, scheduler=None) -> dict[str, float]:
        """Return what is to be logged at `step`: nothing where it is not due, where too little was logged, or where something fails.

        rows  as a trainer logs them, a mapping each;  steps  of the whole run, None: not known;  scheduler  torch's, at `step`
        """
        if step < self.next:
            return {}
        self.next = math.floor(GROWTH * step) + 1
        try:
            return self.forecasts(rows, steps, scheduler)
        except Exception as error:  # a forecast is no reason to end a training
            if not self.warned:
                warnings.warn(f"losslaws: no forecast is logged ({' '.join(str(error).split())})", stacklevel=3)
            self.warned = True
            return {}

    def forecasts(self, rows: Sequence[Mapping], steps: int | None, scheduler) -> dict[str, float]:
        """Return the forecasts. Raises InputError for rows from which nothing should be forecast."""
        if sum(any(map(names.is_loss, row)) for row in rows) < SHORT:
            return {}
        reading = logs.look_at(rows, "this run")
        if reading.usable < SHORT:
            return {}
        (curve,) = plans.sized([reading.whole()], self.parameters)
        if self.tokens_per_step:
            curve = replace(curve, tokens_per_step=self.tokens_per_step)
        seen, forecaster = curve.schedule, Forecaster([curve], self.optimizer)
        asked = {f"decay_{100 * share:.0f}": plans.decayed_now(seen, share) for share in DECAYS}
        if steps and seen.steps < steps <= LONGEST:
            asked["final"] = self.plan(seen, steps, scheduler)
        found = {name: forecaster.forecast(schedule).final for name, schedule in asked.items()}
        low_high = dict(zip(("low", "high"), found["final"][1:], strict=True)) if "final" in found else {}
        return {f"forecast/{name}": value for name, value in ({n: f[0] for n, f in found.items()} | low_high).items()}

    def plan(self, seen: Schedule, steps: int, scheduler) -> Schedule:
        """Return the rates that were applied, and those that will be."""
        if self.schedule:
            (plan,) = plans.planned(seen, [self.schedule], steps).values()
            return plan
        later = rates_of(scheduler, seen.steps, steps)
        if later is None:
            return plans.held(seen, steps)
        return Schedule(np.append(seen.lr, later), seen.warmup, "planned")


def rates_of(scheduler, now: int, steps: int) -> np.ndarray | None:
    """Return the rates of steps `now` + 1 to `steps` that a scheduler of torch will give, [steps - now]; None where it cannot be asked.

    A copy of it, with groups of its own, is stepped on: the real one stays as it is.
    """
    if not hasattr(scheduler, "get_lr") or hasattr(scheduler, "_schedulers"):
        return None  # such as ReduceLROnPlateau, which waits for losses, or several in a row
    ahead = copy.copy(scheduler)
    real = scheduler.optimizer
    groups = [{key: value for key, value in group.items() if key != "params"} for group in real.param_groups]
    ahead.optimizer = SimpleNamespace(param_groups=groups, defaults=real.defaults)
    ahead._get_lr_called_within_step = True
    rates = np.empty(steps - now)
    try:
        for i in range(rates.size):
            rates[i] = groups[0]["lr"]
            ahead.last_epoch += 1
            for group, rate in zip(groups, ahead.get_lr(), strict=True):
                group["lr"] = float(rate)
    except (KeyError, AttributeError, TypeError, ValueError):
        return None
    return rates if np.isfinite(rates).all() and rates.min() >= 0 else None


def of_transformers() -> type:
    """Return the class for transformers' Trainer."""

    class ForecastCallback(import_module("transformers").TrainerCallback):
        """Logs forecasts by `trainer.log`, so that every integration and trainer_state.json get them; options as of `Live`."""

        def __init__(self, trainer, **options):
            self.trainer, self.live = trainer, Live(**options)

        def on_step_end(self, args, state, control, lr_scheduler=None, **kwargs):
            if not state.is_world_process_zero or state.global_step < self.live.next:
                return
            rows = [row for row in state.log_history if "train_runtime" not in row]
            found = self.live.metrics(rows, state.global_step, state.max_steps, lr_scheduler)
            if found:
                self.trainer.log(found)

    return ForecastCallback


def of_lightning() -> type:
    """Return the class for Lightning, of whichever of its two packages is there."""
    packages = ("lightning.pytorch", "pytorch_lightning")
    loaded = next((name for name in packages if name in sys.modules), None)
    package = loaded or (packages[0] if find_spec("lightning") else packages[1])

    class LightningForecast(import_module(package).Callback):
        """Logs forecasts by `pl_module.log_dict`, so that every logger gets them; options as of `Live`.

        The training loss and the rate are noted every `log_every_n_steps`, and what validation logs by a name of a loss; both are kept in checkpoints.
        """

        def __init__(self, **options):
            self.live, self.rows, self.seen = Live(**options), [], 0

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            step = trainer.global_step
            if not trainer.is_global_zero or step == self.seen or step % max(trainer.log_every_n_steps, 1):
                return
            self.seen = step
            loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
            if loss is not None:
                rate = trainer.optimizers[0].param_groups[0]["lr"]
                self.rows.append({"step": step, "lr": float(rate), "train_loss": float(loss)})
            steps = trainer.estimated_stepping_batches
            configs = trainer.lr_scheduler_configs
            scheduler = configs[0].scheduler if configs and configs[0].interval == "step" else None
            found = self.live.metrics(self.rows, step, int(steps) if math.isfinite(steps) else None, scheduler)
            if found:
                pl_module.log_dict(found, rank_zero_only=True)

        def on_validation_end(self, trainer, pl_module):
            if trainer.sanity_checking or not trainer.is_global_zero:
                return
            found = {name: float(value) for name, value in trainer.callback_metrics.items() if validates(name)}
            if found and trainer.global_step:
                self.rows.append({"step": trainer.global_step, **found})

        def state_dict(self):
            return {"rows": self.rows}

        def load_state_dict(self, state_dict):
            self.rows = list(state_dict["rows"])

    return LightningForecast


def validates(name: str) -> bool:
    """Whether a metric of this name is a validation loss."""
    role = names.role(name)
    return role is not None and role.kind == "loss" and role.side == "val"


MADE = {"ForecastCallback": of_transformers, "LightningForecast": of_lightning}


def __getattr__(name: str) -> object:
    if name not in MADE:
        raise AttributeError(f"module 'losslaws.callbacks' has no attribute '{name}'")
    globals()[name] = MADE[name]()
    return globals()[name]
