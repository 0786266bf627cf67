"""The figure of a forecast: what was seen, and where each schedule leads."""

from collections.abc import Iterator, Mapping
from itertools import count
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
Measured = Mapping[str, tuple[int, float]]  # by the name of a forecast: a step, and the loss that a run reached there


def draw(
    path: Path, forecaster: Forecaster, forecasts: dict[str, Forecast], measured: Measured | None = None
) -> list[Path]:
    """Write the figure in the format of its ending, else as PATH.pdf and PATH.svg; return what was written.

    measured  what became of forecasts, where that is known
    """
    stem, kinds = kinds_of(path)
    with applied():
        out = canvas(height=3.4)
        if measured:
            layout, widths = [["losses", "ends"], ["rates", "ends"]], [1.9, 1]
        else:
            layout, widths = [["losses"], ["rates"]], [1]
        axes = out.subplot_mosaic(layout, height_ratios=[3, 1], width_ratios=widths)
        losses, rates = axes["losses"], axes["rates"]
        rates.sharex(losses)
        losses.tick_params(labelbottom=False)
        for curve in forecaster.curves:
            late = curve.step > 2 * curve.schedule.warmup
            losses.plot(curve.step[late], curve.loss[late], ".", color=INK, markersize=2.5, label=f"{curve.name}, seen")
        for (name, forecast), look in zip(forecasts.items(), looks(), strict=False):
            losses.plot(forecast.step, forecast.loss, label=f"{name}: {forecast.final[0]:.3f}", **look)
            losses.fill_between(
                forecast.step, forecast.low, forecast.high, color=look["color"], alpha=0.12, linewidth=0
            )
            rates.plot(
                np.arange(1, forecast.schedule.steps + 1)[:: max(1, forecast.schedule.steps // 1000)],
                forecast.schedule.lr[:: max(1, forecast.schedule.steps // 1000)],
                **look,
            )
        if measured:
            losses.plot(*zip(*measured.values(), strict=True), "o", color=INK, markersize=3.5, label="measured")
            draw_ends(axes["ends"], forecasts, measured)
        window(losses, forecaster, forecasts)
        for axis in (losses, rates):
            axis.axvline(forecaster.fitted.steps, color=MUTED, lw=0.6)
        losses.set_ylabel("loss (nats per token)")
        rates.set_ylabel("learning rate")
        rates.set_xlabel("step")
        rates.xaxis.set_major_formatter(EngFormatter(sep=""))
        losses.legend(loc="lower left", handlelength=1.8, borderaxespad=0)
        return save(headline(out, outcome(forecasts, measured) if measured else finding(forecasts)), stem, kinds)


def looks() -> Iterator[dict]:
    """Yield a colour and a line style for every forecast."""
    for k in count():
        yield {"color": COLOURS[k % len(COLOURS)], "linestyle": LINES[k % len(LINES)]}


def at(forecast: Forecast, step: int) -> tuple[float, float, float]:
    """Return the forecast loss at `step` and the ends of its 90 % interval, between the steps at which it is given."""
    low, loss, high = (float(np.interp(step, forecast.step, getattr(forecast, key))) for key in ("low", "loss", "high"))
    return loss, low, high


def draw_ends(axis, forecasts: dict[str, Forecast], measured: Measured) -> None:
    """Draw a row for every forecast whose outcome is known: its interval, the forecast, and what was measured at that step."""
    for row, ((name, forecast), look) in enumerate(zip(forecasts.items(), looks(), strict=False)):
        if name not in measured:
            continue
        step, reached = measured[name]
        loss, low, high = at(forecast, step)
        axis.barh(row, high - low, 0.16, low, color=look["color"], alpha=0.3)
        axis.plot(loss, row, "|", color=look["color"], markersize=9, markeredgewidth=1.6)
        axis.plot(reached, row, "o", color=INK, markersize=3.5)
        axis.text(0, row - 0.2, f"{name}: {reached:.3f}", color=look["color"], transform=axis.get_yaxis_transform())
    axis.set_ylim(len(forecasts) - 0.5, -0.7)
    axis.set_yticks([])
    axis.spines["left"].set_visible(False)
    axis.margins(x=0.1)
    axis.set_xlabel("loss: measured (●), forecast (|)\nand its 90 % interval")


def outcome(forecasts: dict[str, Forecast], measured: Measured) -> str:
    """Return how far the forecasts were off, in a sentence."""
    known = [(at(forecasts[name], step), reached) for name, (step, reached) in measured.items()]
    inside = sum(low <= reached <= high for (_, low, high), reached in known)
    worst = max(abs(reached / loss - 1) for (loss, _, _), reached in known)
    return (
        f"{inside} of {len(known)} runs ended within their 90 % interval, at most {100 * worst:.2f} % from the forecast"
    )


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
