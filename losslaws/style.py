"""How every figure looks: widths, palette, lines, and bytes that depend on nothing but the data.

Colours come from Okabe and Ito's palette, made for colour-blind readers; a line style goes with each, so that figures
survive grey printing too. The report replaces each colour by a variable of its page, for light and dark.
"""

import io
import re
import warnings
from pathlib import Path
from textwrap import fill

import matplotlib
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogFormatter, ScalarFormatter

from losslaws.curves import InputError
from losslaws.curves.errors import printable
from losslaws.curves.files import write_bytes

SINGLE, DOUBLE = 3.25, 6.75  # widths of one and two columns, inches
LETTERS = 13.5  # of a title, per inch

COLOURS = {
    "blue": "#0072b2",
    "vermillion": "#d55e00",
    "green": "#009e73",
    "purple": "#cc79a7",
    "orange": "#e69f00",
    "sky": "#56b4e9",
    "ink": "#1b1b1b",
    "muted": "#6b6b6b",
    "grid": "#e4e4e4",
    "band": "#d0d0d0",
}
DARK = {  # the same on a dark page
    "blue": "#5cb3ee",
    "vermillion": "#ff8b4d",
    "green": "#3ccf9f",
    "purple": "#e8a6cb",
    "orange": "#f2bb45",
    "sky": "#93d3f7",
    "ink": "#e6e6e6",
    "muted": "#9b9b9b",
    "grid": "#2b2f34",
    "band": "#3a4046",
}
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK, MUTED, GRID, BAND = COLOURS.values()
LINES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1))]

RC = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.prop_cycle": cycler(color=[BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY]) + cycler(linestyle=LINES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 7.5,
    "axes.unicode_minus": True,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.facecolor": "none",
    "figure.titlesize": 8,
    "figure.titleweight": "bold",
    "font.family": "DejaVu Sans",  # ships with matplotlib, so every machine sets the same glyphs
    "font.size": 7,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.2,
    "lines.markersize": 3,
    "mathtext.fontset": "dejavusans",
    "patch.linewidth": 0,
    "pdf.fonttype": 42,
    "savefig.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "loss-curve-laws",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 6.5,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 6.5,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
}
FORMATS = {  # and what each says of its making: nothing, so that bytes depend on the data alone
    "pdf": {"metadata": {"Creator": None, "Producer": None, "CreationDate": None}},
    "svg": {"metadata": {"Creator": None, "Date": None}},
    "png": {"metadata": {"Software": None}, "dpi": 200, "facecolor": "white"},
}
# ids that matplotlib makes from the last bits of numbers
MADE_UP = re.compile(rb'((?:id="|#))([a-zA-Z](?:[0-9a-f]+_[0-9a-f]+_)?[0-9a-f]{10})\b')


def applied():
    """Return a context in which figures are drawn and saved in this style, whatever the reader's own settings are."""
    return matplotlib.rc_context({**matplotlib.rcParamsDefault, "backend": "agg", **RC})


def canvas(width: float = DOUBLE, height: float = 2.6) -> Figure:
    """Return an empty figure, `width` x `height` inches."""
    return Figure(figsize=(width, height))


def headline(figure: Figure, finding: str) -> Figure:
    """Head `figure` by the finding it shows, broken to its width; return it."""
    figure.suptitle(broken(finding, int(LETTERS * figure.get_figwidth())), x=0.01, ha="left")
    return figure


def broken(text: str, width: int) -> str:
    """Return `text` in as few lines of at most `width` letters as it needs, about equally long: none ends in a word of its own."""
    lines = fill(text, width).count("\n")
    least = next(narrow for narrow in range(1, width + 1) if fill(text, narrow).count("\n") <= lines)
    return fill(text, least)


def save(figure: Figure, path: Path, kinds: tuple[str, ...] = ("pdf", "svg")) -> list[Path]:
    """Write `figure` as PATH.pdf (text as text, fonts embedded), PATH.svg (text as outlines) or PATH.png; return the paths."""
    literal(figure)
    written = []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # of a name: a box is drawn for it
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once, for all files
        for kind in kinds:
            content = io.BytesIO()
            figure.savefig(content, format=kind, **FORMATS[kind])
            written.append(Path(f"{path}.{kind}"))
            write_bytes(written[-1], numbered(content.getvalue()) if kind == "svg" else content.getvalue())
    return written


def kinds_of(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the stem and the kinds of a figure that a person named: that of its ending, or PDF and SVG. Raises InputError."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("", *FORMATS) or (not kind and path.exists() and not path.is_file()):
        raise InputError(
            f"{path}: a figure ends in .{', .'.join(FORMATS)}; without an ending .pdf and .svg are written"
        )
    return (path.with_suffix(""), (kind,)) if kind else (path, ("pdf", "svg"))


def literal(figure: Figure) -> None:
    """Let nothing in `figure` but the numbers along its axes be read as a formula, and show control characters: names may hold any."""
    sides = [side for axes in figure.axes for side in (axes.xaxis, axes.yaxis)]
    for side in sides:
        told = side.get_major_formatter()
        if not isinstance(told, ScalarFormatter | LogFormatter):  # those write numbers, some as formulae
            side.set_major_formatter(
                FuncFormatter(lambda x, i, told=told: printable(str(told(x, i)), "\n").replace("$", r"\$"))
            )
    ticks = {text for side in sides for text in side.findobj(Text)} - {side.label for side in sides}
    for text in set(figure.findobj(Text)) - ticks:
        text.set_parse_math(False)
        text.set_text(printable(text.get_text(), "\n"))


def numbered(svg: bytes) -> bytes:
    """Return `svg` with its made-up ids numbered in their order, the same on every machine."""
    names: dict[bytes, bytes] = {}
    return MADE_UP.sub(lambda id: id[1] + names.setdefault(id[2], b"i%d" % (len(names) + 1)), svg)
