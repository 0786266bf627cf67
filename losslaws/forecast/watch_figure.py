"""The figure of a run in progress: its losses, the band in which they should lie, where they left it, and where the run is heading."""

from pathlib import Path

import numpy as np
from matplotlib.ticker import EngFormatter

from losslaws.forecast.figure import looks
from losslaws.forecast.look import Look
from losslaws.style import BAND, INK, MUTED, VERMILLION, applied, canvas, headline, kinds_of, save


def draw(path: Path, look: Look) -> list[Path]:
    """Write the figure in the format of its ending, else as PATH.pdf and PATH.svg; return what was written."""
    stem, kinds = kinds_of(path)
    with applied():
        out = canvas(height=3.4)
        axes = out.subplot_mosaic([["losses"], ["off"]], height_ratios=[3, 1])
        losses, off = axes["losses"], axes["off"]
        off.sharex(losses)
        losses.tick_params(labelbottom=False)
        if look.watched is not None:
            draw_watched(losses, off, look)
        for (name, forecast), style in zip(look.forecasts.items(), looks(), strict=False):
            late = forecast.step >= look.last
            step, low, high = (getattr(forecast, key)[late] for key in ("step", "low", "high"))
            losses.plot(step, forecast.loss[late], label=f"{name}: {forecast.final[0]:.3f}", **style)
            losses.fill_between(step, low, high, color=style["color"], alpha=0.12, linewidth=0)
        losses.set_ylabel("loss (nats per token)")
        off.set_ylabel("off, half\nwidths")
        off.set_xlabel("step")
        off.xaxis.set_major_formatter(EngFormatter(sep=""))
        if losses.get_legend_handles_labels()[1]:  # else nothing is known yet
            losses.legend(loc="upper right", handlelength=1.8, borderaxespad=0)
        return save(headline(out, f"{look.name}, step {look.last:,} of {look.steps:,}: {look.state}"), stem, kinds)


def draw_watched(losses, off, look: Look) -> None:
    """Draw the losses in their band, and by how many half widths each lies off."""
    watched = look.watched
    low, high = watched.expected - watched.half, watched.expected + watched.half
    losses.fill_between(watched.step, low, high, color=BAND, linewidth=0, label="expected, 90 % band")
    away = np.zeros(watched.step.size, bool)
    for one in watched.episodes:
        away |= (watched.step >= one.since) & (watched.step <= (one.until or look.last))
    for mask, colour, label in ((~away, INK, "seen"), (away, VERMILLION, "seen, off")):
        if mask.any():
            losses.plot(watched.step[mask], watched.loss[mask], ".", color=colour, markersize=2.5, label=label)
            off.plot(
                watched.step[mask],
                np.clip((watched.loss - watched.expected) / watched.half, -5, 5)[mask],
                ".",
                color=colour,
                markersize=2.5,
            )
    late = watched.step >= 0.1 * look.last
    ends = [forecast.low.min() for forecast in look.forecasts.values()]
    lowest, highest = min([*watched.loss[late], *ends]), max([*watched.loss[late], *high[late]])
    losses.set_ylim(lowest - 0.05 * (highest - lowest), highest + 0.1 * (highest - lowest))
    off.axhspan(-1, 1, color=BAND, linewidth=0)
    off.axhline(0, color=MUTED, lw=0.6)
    off.set_ylim(-5.3, 5.3)
