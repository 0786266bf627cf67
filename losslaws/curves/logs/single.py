"""Folders of no known kind in which one file is a log: what a loop of one's own left, or the output of a batch job."""

from functools import lru_cache
from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.logs import names
from losslaws.curves.logs.folders import several
from losslaws.curves.logs.source import Source
from losslaws.curves.logs.table import Table

ENDINGS = frozenset([".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".log", ".txt", ".out", ".gz", ".zst"])
DEEP = ("*", "*/*")
MOST = 30  # files that are tried
LARGE = 64 * 2**20  # bytes of them


def matches(source: Source) -> bool:
    return source.is_dir and bool(tried(source))


@lru_cache(maxsize=1)  # asked whether it matches, then read
def tried(source: Source) -> dict[Path, tuple[Table, list[str]]]:
    """Return the tables of files in the folder that hold a loss, with what was noted of each."""
    from losslaws.curves import logs

    files = [file for depth in DEEP for file in sorted(source.path.glob(depth)) if file.suffix.lower() in ENDINGS]
    found = {}
    for file in [file for file in files if file.is_file() and file.stat().st_size <= LARGE][:MOST]:
        try:
            one = Source(file, source.named)
            table = logs.format_of(one).read(one)
        except (InputError, OSError):
            continue
        kinds = {role.kind for name in table.columns if (role := names.role(name))}
        if kinds & {"loss", "bits", "perplexity"} and kinds & {"step", "epoch"}:
            found[file] = table, one.notes
    return found


def read(source: Source) -> Table:
    """Return the table of the only log in the folder. Raises InputError where several files are logs."""
    found = tried(source)
    tried.cache_clear()  # the tables may be large
    if len(found) > 1:
        raise InputError(several(source.path, list(found)))
    [(file, (table, notes))] = found.items()
    source.notes += [f"{file.relative_to(source.path)} of the folder is read", *notes]
    return table
