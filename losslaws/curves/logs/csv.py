"""Tables in text, with a header and one row for every logged step: commas, semicolons or tabs between columns, decimal points
or commas; W&B's exported charts and tables, Lightning's metrics.csv."""

import csv
import io
import re

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.logs.names import counts, is_loss
from losslaws.curves.logs.source import COLUMNS, Source
from losslaws.curves.logs.table import MISSING, Builder, Table

ENDINGS = (".csv", ".tsv")
MARKS = (",", ";", "\t")
LOOKED = 20  # lines by which a table is recognised
PARTS = re.compile(r"__(?:MIN|MAX|STD)$")  # of W&B's charts, beside each column
CUT_OFF = "the file ends within a row, which is left out; the run may still be writing"
FEW = 20  # last entries to which a last one that was perhaps cut off is compared
SPELLED = [*MISSING, *(word.upper() for word in MISSING), "None", "Null", "<NA>", "n/a"]


def matches(source: Source) -> bool:
    if source.is_dir or not source.begins:
        return False
    if source.suffix in ENDINGS:
        return True
    header, *rows = content(source.begins)[: LOOKED + 1]
    mark = between(header, rows)
    names = header.split(mark)
    rows = rows[:-1] if len(rows) == LOOKED else rows
    alike = sum(line.count(mark) == header.count(mark) for line in rows)
    return len(names) > 1 and alike > len(rows) / 2 and any(map(counts, names)) and any(map(is_loss, names))


def content(text: str) -> list[str]:
    """Return the lines that are neither empty nor remarks."""
    return [line for line in text.split("\n") if line.strip() and not line.startswith("#")] or [""]


def between(header: str, rows: list[str]) -> str:
    """Return the character between columns: the one that the header has, and that most rows have as often."""
    alike = {mark: sum(row.count(mark) == header.count(mark) > 0 for row in rows) for mark in MARKS}
    return max(MARKS, key=lambda mark: (alike[mark], header.count(mark)))


def read(source: Source) -> Table:
    """Return the table. Raises InputError for a file that is none."""
    import pyarrow as pa
    from pyarrow import compute
    from pyarrow import csv as arrow

    header, *rows = content(source.begins)[: LOOKED + 1]
    mark = between(header, rows)
    names = entries(header, mark, source)
    if len(names) > COLUMNS:
        raise InputError(
            f"{source.path}: has {len(names):,} columns, more than {COLUMNS:,}; keep step, rate and losses"
        )
    text = source.utf8()
    skipped = remarks(text)
    odd_rows = []

    def short(row):
        odd_rows.append(row)
        return "skip"

    try:
        table = arrow.read_csv(
            pa.BufferReader(text[skipped:]),
            read_options=arrow.ReadOptions(use_threads=False, block_size=max(len(text), 1)),
            parse_options=arrow.ParseOptions(delimiter=mark, invalid_row_handler=short, newlines_in_values=True),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=SPELLED, strings_can_be_null=True
            ),
        )
        header = table.column_names
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(
            f"{source.path}: is not a CSV table with a header ({str(error).splitlines()[0][:120]})"
        ) from None
    refuse_odd_rows(source, odd_rows, text)
    if not odd_rows and not text.endswith((b"\n", b"\r")) and cut_off(table):
        source.notes.append(CUT_OFF)
        table = table.slice(0, table.num_rows - 1)
    commas = mark != "," or any(row.count('"') for row in rows)  # numbers may hold commas
    builder = Builder(source.path)
    builder.rows = table.num_rows
    for name, place in distinct(header, source).items():
        column = compute.utf8_trim_whitespace(table.column(place).cast(pa.string()))
        add(builder, name, compute.utf8_trim(column, "'\""), commas)
    return builder.table(chart=any(PARTS.search(name) for name in header))


def entries(header: str, mark: str, source: Source) -> list[str]:
    """Return the names in a header. Raises InputError for one that is none."""
    try:
        return next(csv.reader(io.StringIO(header), delimiter=mark), [])
    except csv.Error as error:
        raise InputError(f"{source.path}: has no header ({error})") from None


def remarks(text: bytes) -> int:
    """Return where the header begins, behind lines that are empty or begin with #."""
    return re.match(rb"(?:[ \t]*+(?:#[^\n]*+)?\r?+\n)*+", text).end()


def refuse_odd_rows(source: Source, odd: list, text: bytes) -> None:
    """Note a last row that was cut off. Raises InputError for other rows with too many or too few entries."""
    if not odd:
        return
    last = odd[-1]
    if (
        len(odd) == 1
        and last.actual_columns < last.expected_columns
        and text.rstrip().endswith(last.text.encode().rstrip())
    ):
        source.notes.append(CUT_OFF)
        return
    first = odd[0]
    raise InputError(
        f"{source.path}: is not a CSV table: line {first.number} has {first.actual_columns} entries, the header "
        f"{first.expected_columns}; correct or remove it"
    )


def cut_off(table) -> bool:
    """Whether the last entry of a table whose last line has no end is shorter than those before it."""
    entries = [entry for entry in table.column(table.num_columns - 1)[-FEW:].to_pylist() if entry is not None]
    return len(entries) > 1 and len(entries[-1]) < min(map(len, entries[:-1]))


def distinct(names: list[str], source: Source) -> dict[str, int]:
    """Return the place of every column, without those that W&B adds. Raises InputError where a name occurs twice."""
    places = {}
    for place, name in enumerate(names):
        name = name.strip()
        if PARTS.search(name):
            continue
        if name in places:
            raise InputError(f"{source.path}: has two columns '{name[:40]}'; rename or remove one")
        places[name] = place
    return places


def add(builder: Builder, name: str, column, commas: bool) -> None:
    """Add an Arrow column of text: numbers where all of it reads so, else entry by entry."""
    import pyarrow as pa
    from pyarrow import compute

    rows = filled(column)
    column = column.drop_null().combine_chunks()
    if not len(rows):
        return
    if commas and compute.any(compute.match_substring(column, ",")).as_py():
        column = without_commas(column, whole=counts(name))
    try:
        values = floats(column.cast(pa.float64()))
    except pa.ArrowInvalid:
        builder.entries(name, rows, column.to_pylist())
    else:
        builder.numbers(name, rows, values)


def without_commas(column, whole: bool):
    """Return text in which "1,000" is 1000 and "4,05" is 4.05; `whole`: of a column that counts, "1.000" is 1000 as well."""
    from pyarrow import compute

    if whole:
        return compute.replace_substring_regex(column, "[.,]", "")
    column = compute.replace_substring_regex(column, r"^([^,.]*),([^,.]*)$", r"\1.\2")
    column = compute.replace_substring_regex(column, r"^([^,]*)\.([^,]*),([^.,]*)$", r"\1\2.\3")  # 1.234,5
    return compute.replace_substring(column, ",", "")


def floats(array) -> np.ndarray:
    """Return an Arrow array of doubles, missing ones as nan; Arrow's own way imports pandas, longer than a forecast takes."""
    valid, data = array.buffers()
    here = slice(array.offset, array.offset + len(array))
    values = np.frombuffer(data or b"")[here].copy()
    if array.null_count:
        values[np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")[here] == 0] = np.nan
    return values


def filled(column) -> np.ndarray:
    """Return the rows in which an Arrow column has an entry."""
    from pyarrow import compute

    found = compute.indices_nonzero(compute.is_valid(column)).cast("float64")
    return floats(found.combine_chunks() if hasattr(found, "combine_chunks") else found).astype(np.int64)
