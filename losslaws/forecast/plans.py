"""What is asked of a forecast: the schedules, as a command line or a script names them.

predict(runs, ["wsd:decay=0.2", "cosine"], steps=25_000) -> {"wsd decay=0.2": Forecast, ...}
planned(seen, ["cosine"], until=25_000) -> {"cosine": Schedule, "as now until 25000": Schedule}
held(seen, 25_000) -> Schedule
decayed_now(seen, 0.2) -> Schedule
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from losslaws.curves import InputError, LossCurve, Schedule
from losslaws.forecast import specs
from losslaws.forecast.ladder import Model
from losslaws.forecast.predict import Forecast, Forecaster, compared

Asked = str | Schedule  # a schedule in words, or its rates


def predict(
    runs: LossCurve | Sequence[LossCurve],
    schedules: Iterable[Asked] | Mapping[str, Asked] = (),
    *,
    steps: int | None = None,
    until: int | None = None,
    peak: float | None = None,
    compare: bool = False,
    parameters: int | Sequence[int] | None = None,
    optimizer: str | None = None,
    model: Model | None = None,
    **options: object,
) -> dict[str, Forecast]:
    """Return what runs of one model would end at under other schedules, by the name of each schedule.

    runs       the run so far, or several runs of one model, as `losslaws.read` gives them
    schedules  each in words, "wsd" or "wsd:decay=0.2,shape=1-sqrt", or a Schedule; a mapping says what they are called,
               otherwise a Schedule is called by its own name
    steps      optimiser steps of the schedules given by name; default: `until`, else those of the longest run
    until      adds "as now until STEP": the longest run goes on at its last rate up to this step
    peak       peak rate of the schedules given by name; default: that of the longest run
    compare    adds the usual schedules, and sorts all by their final loss
    parameters of the model, without embeddings; narrows the interval. Several, one for each run, where the sizes differ
    optimizer  "adamw", "adamw-relative", "muon", ..., "unknown"; default: AdamW where the peak rate is one that AdamW usually has
    model      `Model(size, batch)`: what is forecast is a model of another size than those of the runs, which are of two sizes or more
    options    for every named schedule that has the option, e.g. decay=0.2

    Losses are in nats per token. Raises InputError for too few losses, for what is no schedule, and where nothing is asked.

    >>> import losslaws
    >>> run = losslaws.read("docs/examples/run.csv")
    >>> found = predict(run, {"short": "wsd:decay=0.1", "long": "wsd:decay=0.4"}, steps=25_000)
    >>> min(found, key=lambda name: found[name].final[0])
    'long'
    """
    runs = [runs] if isinstance(runs, LossCurve) else list(runs)
    if not runs:
        raise InputError("predict: no run is given; give at least one, as losslaws.read returns it")
    forecaster = Forecaster(
        sized(runs, parameters), optimizer, model
    )  # refuses logs of which no schedule is to be asked
    plans = planned(longest(runs).schedule, schedules, steps, until, peak, compare, options)
    return forecasts(forecaster, plans, compare)


def sized(runs: Sequence[LossCurve], parameters: int | Sequence[int] | None) -> list[LossCurve]:
    """Return `runs` with the size of their model where it is given: one for all, or one each. Raises InputError for another number of sizes."""
    if not parameters:
        return list(runs)
    sizes = [parameters] if isinstance(parameters, int) else list(parameters)
    return [
        replace(run, parameters={"non_embedding": size})
        for run, size in zip(runs, each(sizes, runs, "parameters"), strict=True)
    ]


def each(given: Sequence[int], runs: Sequence, what: str) -> list[int]:
    """Return what was `given` for every run: one value for all, or one each. Raises InputError for another number."""
    if len(given) not in (1, len(runs)):
        raise InputError(f"--{what}: {len(given)} values for {len(runs)} logs; give one for all, or one each")
    return list(given) * (len(runs) // len(given))


def forecasts(forecaster: Forecaster, plans: dict[str, Schedule], ranked: bool = False) -> dict[str, Forecast]:
    """Return the forecast of every plan, in their order, or `ranked`: the lowest final loss first."""
    found = {name: forecaster.forecast(schedule) for name, schedule in plans.items()}
    return dict(sorted(found.items(), key=lambda item: item[1].final[0])) if ranked else found


def longest(runs: Sequence[LossCurve]) -> LossCurve:
    """Return the run that was seen furthest: the one that plans go on from."""
    return max(runs, key=lambda run: run.step[-1])


def planned(
    seen: Schedule,
    schedules: Iterable[Asked] | Mapping[str, Asked] = (),
    steps: int | None = None,
    until: int | None = None,
    peak: float | None = None,
    compare: bool = False,
    options: dict | None = None,
) -> dict[str, Schedule]:
    """Return the schedules that are asked for, by what a table calls them; arguments as of `predict`.

    seen  the rates so far: length, peak and warm-up of what is named are theirs unless given
    """
    steps, options = steps or until or seen.steps, options or {}
    common = {"steps": steps, "peak": peak or seen.peak, "warmup": min(seen.warmup, steps)}
    given = schedules.items() if isinstance(schedules, Mapping) else ((None, one) for one in schedules)
    plans: dict[str, Schedule] = {}
    for name, one in given:
        name = name or name_of(one, options, plans)
        if name in plans:
            raise InputError(f"predict: two schedules are called '{name}'; give each once, or a name of its own")
        plans[name] = one if isinstance(one, Schedule) else specs.parse(one, common | options)
    if until:
        plans[f"as now until {until}"] = held(seen, until)
    if compare:
        for name, chosen in compared():
            word = f"{name}:{','.join(f'{key}={value}' for key, value in chosen.items())}"
            plans.setdefault(specs.label(word, {}), specs.parse(word, common))
    if not plans:
        raise InputError("predict: no schedule is asked for; give --schedule NAME, --until STEP or --compare")
    return plans


def name_of(one: Asked, options: dict, taken: Iterable[str]) -> str:
    """Return what a table calls a schedule: its options, and its length, peak and warm-up only where it must be told apart."""
    if isinstance(one, Schedule):
        return one.name
    short = specs.label(one, options)
    return one.replace(":", " ").replace(",", " ") if short in taken else short


def held(seen: Schedule, until: int) -> Schedule:
    """Return the rates that were seen, then the last one up to step `until`. Raises InputError for a step before."""
    if until < seen.steps:
        raise InputError(f"--until {until}: lies before the last step of the log, {seen.steps}; give a later one")
    return Schedule(np.append(seen.lr, np.full(until - seen.steps, seen.lr[-1])), seen.warmup, "as now")


def decayed_now(seen: Schedule, share: float) -> Schedule:
    """Return the rates that were seen, then a linear decay to 0 that takes `share` of all steps by its end."""
    length = max(round(seen.steps * share / (1 - share)), 1)
    fall = 1 - np.arange(1, length + 1) / length
    return Schedule(np.append(seen.lr, seen.lr[-1] * fall), seen.warmup, "decayed now")
