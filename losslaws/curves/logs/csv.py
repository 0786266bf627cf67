"""Tables in text, with a header and one row for every logged step: commas, semicolons, tabs, bars or blanks between columns, decimal
points or commas; W&B's exported charts and tables, Lightning's metrics.csv, TensorBoard's exports, tables of model cards.

Whatever stands between columns, Arrow reads them: `plain` brings the text into that form.
"""

import csv
import io
import re

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.logs.names import counts, is_loss
from losslaws.curves.logs.numbers import thousands_apart
from losslaws.curves.logs.source import ANSI, COLUMNS, HEAD, Source
from losslaws.curves.logs.table import MISSING, Builder, Table

ENDINGS = (".csv", ".tsv")
MARKS = (",", ";", "\t", "|")
LOOKED = 20  # lines by which a table is recognised
PARTS = re.compile(r"__(?:MIN|MAX|STD)$")  # of W&B's charts, beside each column
CUT_OFF = "the file ends within a row, which is left out; the run may still be writing"
FEW = 20  # last entries to which a last one that was perhaps cut off is compared
GROUPS = "Group: "  # begins the names of W&B's charts of several runs
RULE = re.compile(rb"^[ \t]*+[|+][-+:=| \t]*+$\n?", re.MULTILINE)  # a line below a header, or around a table
EDGES = re.compile(rb"^[ \t]*+\|[ \t]*+|[ \t]*+\|[ \t]*+$", re.MULTILINE)
NUMBER = re.compile(r"[-+]?[\d.,_']*\d[\d.,_']*(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
SPELLED = [*MISSING, *(word.upper() for word in MISSING), "None", "Null", "<NA>", "n/a", "No log"]


def matches(source: Source) -> bool:
    if source.is_dir or not source.begins:
        return False
    if source.suffix in ENDINGS:
        return True
    return is_table(source.begins)


def is_table(text: str) -> bool:
    """Whether a text without a telling name is a table: one name counts, one is a loss, and below them stand numbers."""
    form, mark = plain(text.encode("utf-8", "replace"))
    header, *rows = content(form.decode("utf-8", "replace"))[: LOOKED + 1]
    names = header.split(mark)
    rows = [line.split(mark) for line in (rows[:-1] if len(rows) == LOOKED else rows)]
    alike = [row for row in rows if len(row) == len(names)]
    some = [next((i for i, name in enumerate(names) if is_kind(name)), None) for is_kind in (counts, is_loss)]
    if len(names) < 2 or None in some or not len(alike) > len(rows) / 2:
        return False
    entries = [row[place].strip(" \"'") for row in alike for place in some]
    return all(NUMBER.fullmatch(entry) or entry.lower() in MISSING for entry in entries)


def plain(text: bytes) -> tuple[bytes, str]:
    """Return a table with its header first and one character between columns, and which: without remarks, "sep=;", colours, frames and rules.

    The names may stand in the last remark before the numbers, as np.savetxt writes them.
    """
    if b"\x1b" in text:
        text = ANSI.sub("", text.decode("utf-8", "replace")).encode()
    text = re.sub(rb"\A(?:sep=.\r?\n)", b"", text)
    if b"\r" in text[:HEAD] and b"\n" not in text[:HEAD]:
        text = text.replace(b"\r", b"\n")
    begin = remarks(text)
    if text[begin:].lstrip(b" \t")[:1] in (b"|", b"+"):
        text, begin = EDGES.sub(b"", RULE.sub(b"", text[begin:])), 0
        return text, "|"
    first, *rows = content(text[begin : begin + HEAD].decode("utf-8", "replace"))[: LOOKED + 1]
    names = text[:begin].rstrip().rpartition(b"\n")[2].lstrip(b"# \t").decode("utf-8", "replace")
    text = text[begin:]
    mark = between(first, rows)
    blanks = (
        first.count(mark) == 0
        and len(first.split()) > 1
        and sum(len(r.split()) == len(first.split()) for r in rows) > len(rows) / 2
    )
    if blanks:
        mark, text = "\t", re.sub(rb"^[ \t]++|[ \t]++$", b"", text, flags=re.MULTILINE)
        text = re.sub(rb"[ \t]++", b"\t", text)
    if names and all(NUMBER.fullmatch(entry.strip()) for entry in (first.split() if blanks else first.split(mark))):
        text = ("\t".join(names.split()) if blanks else names).encode() + b"\n" + text
    elif (
        not blanks
        and not first.endswith(mark)
        and rows
        and all(r.endswith(mark) and r.count(mark) == first.count(mark) + 1 for r in rows[:-1])
    ):
        text = text.replace(first.encode(), (first + mark).encode(), 1)
    return text, mark


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

    text, mark = plain(source.utf8())
    header, *rows = content(text[:HEAD].decode("utf-8", "replace"))[: LOOKED + 1]
    names = entries(header, mark, source)
    text = without_headers(text, header, source)
    if len(names) > COLUMNS:
        raise InputError(
            f"{source.path}: has {len(names):,} columns, more than {COLUMNS:,}; keep step, rate and losses"
        )
    odd_rows = []

    def short(row):
        odd_rows.append(row)
        return "skip"

    try:
        table = arrow.read_csv(
            pa.BufferReader(text),
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
    if any(name.startswith(GROUPS) for name in header):
        source.notes.append("the chart shows groups of runs: its values are means of several runs, under their names")
    return builder.table(chart=any(PARTS.search(name) for name in header))


def without_headers(text: bytes, header: str, source: Source) -> bytes:
    """Return a table without lines that repeat its header, as a run that is started again writes it; that is noted."""
    line = header.encode()
    again = text.count(b"\n" + line)
    if again:
        text = re.sub(rb"\n" + re.escape(line) + rb"\r?(?=\n|\Z)", b"", text)
        source.notes.append(f"the header stands in the table {again} times more, as of a run that was started again")
    return text


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
    exported = [name.strip().lower() for name in names] == ["wall time", "step", "value"]  # one tag of TensorBoard
    for place, name in enumerate(names):
        name = source.path.stem.rpartition("tag-")[2] if exported and place == 2 else name.strip()
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
    thousands = counts(name) and compute.any(compute.match_substring_regex(column, r"^\d{1,3}(\.\d{3})+$")).as_py()
    if commas and (
        (thousands and thousands_apart(column.to_pylist())) or compute.any(compute.match_substring(column, ",")).as_py()
    ):
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
        return compute.replace_substring_regex(column, r"[.,](\d{3})", r"\1")
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
