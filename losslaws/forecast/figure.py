"""The figure of a forecast: what was seen, and where each schedule leads."""

from pathlib import Path

import numpy as np
from matplotlib.ticker import EngFormatter

from losslaws.forecast.predict import Forecast, Forecaster
from losslaws.style import (
    BLUE,
    GREEN,
    INK,
    LINES,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    applied,
    canvas,
    headline,
    kinds_of,
    save,
)

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)


def draw(path: Path, forecaster: Forecaster, forecasts: dict[str, Forecast]) -> list[Path]:
    """Write the figure in the format of its ending, else as PATH.pdf and PATH.svg; return what was written."""
    stem, kinds = kinds_of(path)
    with applied():
        out = canvas(height=3.4)
        losses, rates = out.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]})
        for curve in forecaster.curves:
            late = curve.step > 2 * curve.schedule.warmup
            losses.plot(curve.step[late], curve.loss[late], ".", color=INK, markersize=2.5, label=f"{curve.name}, seen")
        for k, (name, forecast) in enumerate(forecasts.items()):
            look = {"color": COLOURS[k % len(COLOURS)], "linestyle": LINES[k % len(LINES)]}
            losses.plot(forecast.step, forecast.loss, label=f"{name}: {forecast.final[0]:.3f}", **look)
            losses.fill_between(
                forecast.step, forecast.low, forecast.high, color=look["color"], alpha=0.12, linewidth=0
            )
            rates.plot(
                np.arange(1, forecast.schedule.steps + 1)[:: max(1, forecast.schedule.steps // 1000)],
                forecast.schedule.lr[:: max(1, forecast.schedule.steps // 1000)],
                **look,
            )
        window(losses, forecaster, forecasts)
        for axis in (losses, rates):
            axis.axvline(forecaster.fitted.steps, color=MUTED, lw=0.6)
        losses.set_ylabel("loss (nats per token)")
        rates.set_ylabel("learning rate")
        rates.set_xlabel("step")
        rates.xaxis.set_major_formatter(EngFormatter(sep=""))
        losses.legend(loc="lower left")
        return save(headline(out, finding(forecasts)), stem, kinds)


def window(axis, forecaster: Forecaster, forecasts: dict[str, Forecast]) -> None:
    """Show the losses after the steep beginning: from those of a tenth of the seen steps down to the lowest forecast."""
    top = max(float(np.interp(forecaster.fitted.steps / 10, c.step, c.loss)) for c in forecaster.curves)
    low = min(float(f.low.min()) for f in forecasts.values())
    axis.set_ylim(low - 0.03 * (top - low), top)


def finding(forecasts: dict[str, Forecast]) -> str:
    """Return the forecast in a sentence."""
    name, best = min(forecasts.items(), key=lambda item: item[1].final[0])
    final, low, high = best.final
    lead = "Lowest of these" if len(forecasts) > 1 else "Forecast"
    return f"{lead}: {name} over {best.schedule.steps:,} steps, {final:.3f} (90 % interval {low:.3f} to {high:.3f})"
