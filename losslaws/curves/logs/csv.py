"""CSV and TSV tables, W&B's exported ones among them: a header, then one row for every logged step."""

from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.logs.table import Table, collect

MISSING = ["", "nan", "NaN", "NAN", "null", "None", "NA", "N/A", "-"]


def matches(path: Path) -> bool:
    return path.suffix.lower() in (".csv", ".tsv")


def read(path: Path) -> Table:
    """Return the table. Raises InputError for a file that is none."""
    import pyarrow as pa
    from pyarrow import csv

    try:
        table = csv.read_csv(
            path,
            parse_options=csv.ParseOptions(delimiter="\t" if path.suffix.lower() == ".tsv" else ","),
            convert_options=csv.ConvertOptions(null_values=MISSING, strings_can_be_null=True),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not a CSV table with a header ({str(error).splitlines()[0][:120]})") from None
    return from_arrow(table, path)


def from_arrow(table, path: Path) -> Table:
    """Return the Table of an Arrow table: numbers as they are, text as numbers where it reads so."""
    import pyarrow as pa

    try:
        names = table.column_names
    except UnicodeDecodeError:
        raise InputError(f"{path}: the header is not UTF-8 text; save the table anew") from None
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: has two columns '{twice[0][:40]}'; rename or remove one")
    columns, odd = {}, {}
    for place, name in enumerate(names):
        column = table.column(place)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
            columns[name] = floats(column.cast(pa.float64(), safe=False).combine_chunks())
        elif pa.types.is_null(column.type):
            columns[name] = np.full(table.num_rows, np.nan)
        else:
            text = collect({name: value} for value in column.to_pylist())
            columns |= text.columns
            odd |= text.odd
    return Table(columns, odd)


def floats(array) -> np.ndarray:
    """Return an Arrow array of doubles, missing ones as nan; Arrow's own way imports pandas, longer than a forecast takes."""
    valid, data = array.buffers()
    here = slice(array.offset, array.offset + len(array))
    values = np.frombuffer(data or b"")[here].copy()
    if array.null_count:
        values[np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")[here] == 0] = np.nan
    return values
