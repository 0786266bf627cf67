"""How numbers and tables are written for a reader."""

import re

import pandas as pd

MISSING = "–"


def percent(value: float, digits: int = 2) -> str:
    """Write a fraction as per cent: .00146 -> '0.15 %'."""
    return f"{100 * value:.{digits}f} %"


def scientific(value: float) -> str:
    """Write a large number: 1.24e15 -> '1.2e15'."""
    return f"{value:.1e}".replace("e+", "e")


def markdown(frame: pd.DataFrame, columns: dict | None = None) -> str:
    """Write `frame` as a Markdown table.

    columns  {column: (heading, form)} in the order of the table; form is a function, or a format as in format(value, form).
             Default: every column under its own name, numbers to four digits. Columns of numbers are set to the right;
             missing values become a dash.
    """
    if columns is None:
        forms = {name: ".4g" if pd.api.types.is_float_dtype(frame[name]) else str for name in frame}
        columns = {name: (name.replace("_", " "), form) for name, form in forms.items()}
    numbers = [pd.api.types.is_numeric_dtype(frame[column]) for column in columns]
    lines = [[heading for heading, _ in columns.values()], ["---:" if number else "---" for number in numbers]]
    for record in frame.to_dict("records"):
        lines.append([cell(record[column], form) for column, (_, form) in columns.items()])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value, form) -> str:
    """Write one value by `form`; a missing one as a dash. Nothing in it can end the cell, and no tag in it but <br> and <small> is one."""
    if pd.isna(value) or value == "":
        return MISSING
    text = form(value) if callable(form) else format(value, form)
    return inert(text.replace("|", "\\|").replace("\n", " "), ("br", "small"))


def inert(text: str, tags: tuple[str, ...]) -> str:
    """Return `text` with every tag of HTML as text, but for `tags` where they have no attribute or a class alone."""
    plain = rf"""</?(?:{"|".join(tags)})(?: class="[\w -]+")?>"""
    return re.sub(rf"<(?!{plain[1:]})(?=[A-Za-z/!?])", "&lt;", text)


def values(numbers, form: str = "{:.3f}", by: str = ", ") -> str:
    """Write numbers for a table cell; of a dict also their names."""
    if isinstance(numbers, dict):
        return by.join(f"{name} {form.format(value)}" for name, value in numbers.items())
    return by.join(form.format(value) for value in numbers)
