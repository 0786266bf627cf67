"""Rows of SQLite databases that came from outside, without running anything that such a file may hold."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from losslaws.curves.errors import InputError
from losslaws.curves.logs.source import ROWS, Source

MARK = b"SQLite f"
STEPS = 20_000  # of SQLite's machine between two looks at how many there were
MOST = 100_000  # looks; views within a table's definition could run for ever


def tables(source: Source) -> dict[str, set[str]]:
    """Return the columns of every table, none for a file that is no database."""
    if not source.start.startswith(MARK):
        return {}
    try:
        with opened(source.path) as database:
            names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' LIMIT 1000").fetchall()
            return {
                name: {column[1] for column in database.execute(f"PRAGMA table_info({quoted(name)})")}
                for (name,) in names
            }
    except sqlite3.Error:
        return {}


def rows(path: Path, query: str) -> Iterator[tuple]:
    """Yield the rows of a query. Raises InputError for a damaged database, and for one with too many rows."""
    try:
        with opened(path) as database:
            for count, row in enumerate(database.execute(query)):
                if count == ROWS:
                    raise InputError(f"{path}: has more than {ROWS:,} rows; give the database of one run")
                yield row
    except sqlite3.Error as error:
        raise InputError(f"{path}: is not a whole SQLite database ({str(error)[:120]}); copy it anew") from None


def opened(path: Path):
    """Return the database, opened for reading, that trusts nothing that its file defines."""
    from contextlib import closing

    database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=5)
    database.execute("PRAGMA trusted_schema = OFF")
    looks = iter(range(MOST))
    database.set_progress_handler(lambda: next(looks, None) is None, STEPS)
    return closing(database)


def quoted(name: str) -> str:
    """Return a name as SQL spells it."""
    return '"' + name.replace('"', '""') + '"'
