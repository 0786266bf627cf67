"""Forecasts as text for a terminal, as JSON and as CSV."""

import json
from dataclasses import asdict
from pathlib import Path

from losslaws.curves import LossCurve
from losslaws.curves.files import write_table
from losslaws.forecast.predict import Difference, Forecast, Forecaster

COLUMNS = ("schedule", "step", "loss", "low", "high")


def as_text(
    forecaster: Forecaster, forecasts: dict[str, Forecast], differences: dict[str, Difference] | None = None
) -> str:
    """Return a table of final losses with what was seen above it, how they differ and what is doubtful below."""
    lines = [seen(curve) for curve in forecaster.curves]
    if forecaster.model:
        lines.append(
            f"forecast: a model of {forecaster.model.size:,} parameters, {forecaster.model.batch:,} tokens a step"
        )
    lines.append(
        f"law: {law_of(forecaster)}, which explains {100 * forecaster.explained:.2f} % of the variance of these losses\n"
    )
    width = max(len("schedule"), *map(len, forecasts)) + 2
    lines.append(f"{'schedule':{width}}{'steps':>9}{'final loss':>12}   {'90 % interval':17}{'':3}")
    for name, forecast in forecasts.items():
        final, low, high = forecast.final
        kind = "continues the log" if forecast.continues else "a new run"
        lines.append(f"{name:{width}}{forecast.schedule.steps:>9}{final:>12.4f}   {low:.4f} to {high:.4f}  {kind}")
    if differences:
        lines += ["", *compared(forecasts, differences, width)]
    said = {}
    for name, forecast in forecasts.items():
        for line in forecast.warnings:
            said.setdefault(line, []).append(name)
    lines += ["", *(f"warning: {line}" + where(names, forecasts) for line, names in said.items())]
    return "\n".join(lines).rstrip()


def compared(forecasts: dict[str, Forecast], differences: dict[str, Difference], width: int) -> list[str]:
    """Return a table of how much higher each schedule ends than the lowest, in which errors that they share do not count."""
    lines = [f"{'schedule':{width}}{'above':>9}   {'90 % interval':19}{'lowest in':>9}   {'worth':>10}"]
    for name in forecasts:
        one = differences[name]
        row = f"{name:{width}}{one.loss:>9.4f}   {f'{one.low:.4f} to {one.high:.4f}':19}{100 * one.wins:>7.0f} %"
        if one.loss == 0:
            lines.append(row)
        elif not one.told:
            lines.append(f"{row}   cannot be told from the lowest")
        else:
            lines.append(f"{row}   {100 * (one.steps - 1):>+6.0f} % steps")
    return lines


def law_of(forecaster: Forecaster) -> str:
    """Return what the forecasts come from."""
    return f"{forecaster.fitted.fits[0].law.name}, the average of {len(forecaster.fitted.fits)} forms"


def where(names: list[str], forecasts: dict[str, Forecast]) -> str:
    """Return which forecasts a warning is about, where not all of them."""
    if len(names) == len(forecasts):
        return ""
    return f" ({', '.join(names[:2])}{f' and {len(names) - 2} more' if len(names) > 2 else ''})"


def seen(curve: LossCurve) -> str:
    """Return a line on what was read."""
    validated = curve.source.get("used") == "val_loss"
    kind = curve.source["columns"]["val_loss"] if validated else "smoothed training loss"
    return (
        f"{curve.name}: {curve.step.size} losses ({kind}) up to step {curve.step[-1]}, the last {curve.final_loss:.4f}; "
        f"peak rate {curve.schedule.peak:g}, warm-up {curve.schedule.warmup} steps, last rate {curve.schedule.lr[-1]:.3g}"
    )


def as_json(
    forecaster: Forecaster, forecasts: dict[str, Forecast], differences: dict[str, Difference] | None = None
) -> str:
    """Return everything as JSON: what was seen, the fit, every forecast with its curve, and how they differ."""
    fitted = forecaster.fitted
    return json.dumps(
        {
            "logs": [
                {"name": curve.name, "last_step": int(curve.step[-1]), **curve.source} for curve in forecaster.curves
            ],
            "law": {
                "name": fitted.fits[0].law.name,
                "forms": [
                    {"weight": float(weight), "p": fit.law.p, "parameters": fit.params}
                    for weight, fit in zip(fitted.weights, fitted.fits, strict=True)
                ],
                "r2": forecaster.explained,
                "optimizer": forecaster.known_optimiser,
            },
            **({"model": asdict(forecaster.model)} if forecaster.model else {}),
            "forecasts": [
                {
                    "schedule": name,
                    "steps": forecast.schedule.steps,
                    "final_loss": forecast.final[0],
                    "interval_90": forecast.final[1:],
                    "continues": forecast.continues,
                    "warnings": forecast.warnings,
                    **({"above_lowest": asdict(differences[name])} if differences else {}),
                    "curve": {key: getattr(forecast, key).tolist() for key in COLUMNS[1:]},
                }
                for name, forecast in forecasts.items()
            ],
        },
        indent=1,
    )


def write_csv(path: Path, forecasts: dict[str, Forecast]) -> None:
    """Write the curves, a row for every step of every forecast."""
    import pandas as pd  # takes longer to import than a forecast takes

    tables = [
        pd.DataFrame({"schedule": name, **{key: getattr(forecast, key) for key in COLUMNS[1:]}})
        for name, forecast in forecasts.items()
    ]
    write_table(pd.concat(tables), path)
