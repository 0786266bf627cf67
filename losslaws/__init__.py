"""Laws of the loss curve, and forecasts of training runs under other learning-rate schedules.

    read(path) -> LossCurve               the log of a run, in any format of `losslaws.curves.logs`
    schedule(name, steps, ...) -> Schedule   the learning rate of every step; `schedules.names()` lists them
    predict(runs, schedules) -> {name: Forecast}   what other schedules would give, with intervals
    Forecaster(runs)                      the same for many questions: `.forecast(schedule)`
    laws.build(name) -> Law               a formula with a source; `laws.names()` lists them
    fit(law, runs) -> Fit                 the law with numbers; `bootstrap(fit) -> Intervals`
    public                                other people's loss curves, by data set
    InputError                            what everything raises for bad input: one line with the remedy

Losses are in nats per token, learning rates as the optimiser applies them, steps are its updates, counted from 1.
`docs/api.md` shows each of them at work:

    >>> import losslaws
    >>> run = losslaws.read("docs/examples/run.csv")
    >>> forecasts = losslaws.predict(run, ["wsd:decay=0.2", "cosine"], steps=25_000)
    >>> [(name, round(forecast.final[0], 2)) for name, forecast in forecasts.items()]
    [('wsd decay=0.2', 3.03), ('cosine', 3.04)]

Every name is loaded when it is first asked for, so that `import losslaws` costs
nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from losslaws import laws
    from losslaws.curves import InputError, LossCurve, Schedule, public, schedules
    from losslaws.curves.logs import read
    from losslaws.curves.schedules import build as schedule
    from losslaws.fitting import Fit, Intervals, Prior, bootstrap, fit
    from losslaws.forecast.plans import predict
    from losslaws.forecast.predict import Forecast, Forecaster
    from losslaws.laws import Law, Planned

__version__ = "0.2.0"

__all__ = [
    "Fit",
    "Forecast",
    "Forecaster",
    "InputError",
    "Intervals",
    "Law",
    "LossCurve",
    "Planned",
    "Prior",
    "Schedule",
    "bootstrap",
    "fit",
    "laws",
    "predict",
    "public",
    "read",
    "schedule",
    "schedules",
]

# Where each name lives: a module, or a module and what the name is called there.
_HOMES = {
    "Fit": "losslaws.fitting:Fit",
    "Forecast": "losslaws.forecast.predict:Forecast",
    "Forecaster": "losslaws.forecast.predict:Forecaster",
    "InputError": "losslaws.curves:InputError",
    "Intervals": "losslaws.fitting:Intervals",
    "Law": "losslaws.laws:Law",
    "LossCurve": "losslaws.curves:LossCurve",
    "Planned": "losslaws.laws:Planned",
    "Prior": "losslaws.fitting:Prior",
    "Schedule": "losslaws.curves:Schedule",
    "bootstrap": "losslaws.fitting:bootstrap",
    "fit": "losslaws.fitting:fit",
    "laws": "losslaws.laws",
    "predict": "losslaws.forecast.plans:predict",
    "public": "losslaws.curves.public",
    "read": "losslaws.curves.logs:read",
    "schedule": "losslaws.curves.schedules:build",
    "schedules": "losslaws.curves.schedules",
}


if not TYPE_CHECKING:  # a type checker sees the imports above, and refuses other names

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'losslaws' has no attribute '{name}'")
        module, _, attribute = _HOMES[name].partition(":")
        found = import_module(module)
        globals()[name] = getattr(found, attribute) if attribute else found
        return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
