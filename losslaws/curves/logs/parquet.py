"""Parquet tables: one row for every logged step."""

from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.logs.csv import from_arrow
from losslaws.curves.logs.table import Table


def matches(path: Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


def read(path: Path) -> Table:
    """Return the table. Raises InputError for a file that is none."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path, page_checksum_verification=True).read()
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: is not a whole parquet file ({str(error).splitlines()[0][:120]})") from None
    return from_arrow(table, path)
