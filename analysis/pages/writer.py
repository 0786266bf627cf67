"""The one writer of pages: tables as CSV, figures as PDF and SVG, the text as Markdown and as one self-contained HTML file.

    write_tables(folder, tables, digits)            one CSV a table
    show(drawing)                                   a figure with its number and caption, as Markdown
    write_page(folder, stem, text, part, marked)    STEM.md and STEM.html

Nothing depends on the time or the machine: the same curves give the same files.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.pages.figure import Drawing
from analysis.pages.page import page
from losslaws.curves.files import write_table, write_text


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame], digits: int = 8) -> list[Path]:
    """Write every table as `folder`/NAME.csv, numbers to `digits` significant digits; return the paths."""
    paths = []
    for name, table in tables.items():
        paths.append(folder / f"{name}.csv")
        write_table(table, paths[-1], digits)
    return paths


def show(drawing: Drawing) -> str:
    """Return a figure and its caption as Markdown; nothing for one that was left out."""
    if drawing.missing:
        return ""
    caption = " ".join(drawing.caption.split())
    return f"![{drawing.title}](figures/{drawing.name}.svg)\n\n*Figure {drawing.number}. {caption}*"


def write_page(folder: Path, stem: str, text: str, part: str = "", marked: Sequence[str] = ()) -> list[Path]:
    """Write `text` as `folder`/STEM.md and STEM.html, and return both paths.

    part    HTML that is put before the first section
    marked  words that get a class of their own where they fill a cell of a table, e.g. verdicts
    """
    paths = [folder / f"{stem}.md", folder / f"{stem}.html"]
    write_text(paths[0], text)
    write_text(paths[1], page(text, folder, part, tuple(marked)))
    return paths
