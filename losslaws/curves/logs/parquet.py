"""Parquet tables: one row for every logged step."""

from losslaws.curves.errors import InputError
from losslaws.curves.logs.csv import filled, floats
from losslaws.curves.logs.source import COLUMNS, LARGEST, ROWS, Source
from losslaws.curves.logs.table import Builder, Table

MARK = b"PAR1"


def matches(source: Source) -> bool:
    return not source.is_dir and (source.path.suffix.lower() in (".parquet", ".pq") or source.start.startswith(MARK))


def read(source: Source) -> Table:
    """Return the table. Raises InputError for a file that is none, and for one that is too large, before it is read."""
    import pyarrow as pa
    from pyarrow import parquet

    path, builder = source.path, Builder(source.path)
    try:
        file = parquet.ParquetFile(path, page_checksum_verification=True)
        about = file.metadata
        size = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if about.num_rows > ROWS or about.num_columns > COLUMNS or size > LARGEST:
            raise InputError(
                f"{path}: has {about.num_rows:,} rows, {about.num_columns:,} columns and {size / 2**20:.0f} MiB; at most {ROWS:,} rows, "
                f"{COLUMNS:,} columns and {LARGEST // 2**20} MiB are read, so keep every tenth row"
            )
        names = file.schema_arrow.names
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise InputError(f"{path}: has two columns '{min(twice)[:40]}'; rename or remove one")
        builder.rows = about.num_rows
        for name in names:
            add(builder, name, file.read(columns=[name]))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: is not a whole parquet file ({str(error).splitlines()[0][:120]})") from None
    return builder.table()


def add(builder: Builder, name: str, table) -> None:
    """Add a column: numbers as they are, text and objects entry by entry."""
    import pyarrow as pa

    for column in table.columns[:1]:
        rows = filled(column)
        column = column.drop_null().combine_chunks()
        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            builder.numbers(name, rows, floats(column.cast(pa.float64(), safe=False)))
        elif not (pa.types.is_temporal(kind) or pa.types.is_binary(kind) or pa.types.is_boolean(kind)):
            builder.entries(name, rows, column.to_pylist())
