"""Any text set that datasets.load_dataset opens: of the Hugging Face hub, or files by its builders."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from inspect import signature

from losslaws.curves.errors import InputError, nearest


def documents(
    *,
    path: str | None = None,
    subset: str | None = None,
    split: str = "train",
    revision: str | None = None,
    data_files: str | list[str] | dict | None = None,
    streaming: bool = True,
    text: str = "text",
    document_start: str | None = None,
) -> Iterator[str]:
    """The rows of one split, in the order in which they are stored: a stream cannot be shuffled without reading it all.

    path, subset, split, revision, data_files  as in `datasets.load_dataset`; subset is its `name`
    streaming       read only what is used, without a copy on disk
    text            the column that holds the text
    document_start  None: a row is a document; else a regular expression, and a row that matches it at its beginning
                    starts a document to which the rows after it belong

    datasets runs no code of a data set and reads no pickles. Raises InputError where the set, the split or the column
    does not exist or the hub cannot be reached.
    """
    rows = _texts(_load(path, subset, split, revision, data_files, streaming), path, text)
    if document_start is None:
        yield from rows
        return
    try:
        starts, parts = re.compile(document_start).match, []
    except re.error as error:
        raise InputError(f"data.document_start '{document_start}' is no regular expression ({error})") from None
    for row in rows:
        if parts and starts(row):
            yield "".join(parts)
            parts = []
        parts.append(row)
    yield "".join(parts)


def pieces(*, size: int, **options) -> list[Callable[[], Iterator[str]]]:
    """`documents` in pieces, one after the other: of a stream the files of the set, else about `size` bytes each.

    Where documents are several rows the set is one piece: they may lie across files.
    """
    if options.get("document_start") is not None:
        return [partial(documents, **options)]
    asked = {key: parameter.default for key, parameter in signature(documents).parameters.items()} | options
    text = asked.pop("text")
    del asked["document_start"]
    rows = _load(**asked)
    number = rows.num_shards if asked["streaming"] else max(rows.data.nbytes // size, 1)
    return [partial(_texts, rows.shard(number, index, contiguous=True), asked["path"], text) for index in range(number)]


def describe(*, path: str | None = None, **options) -> dict:
    """The set, what of it is read, and the version of datasets. Sets are told apart by revision, not by content."""
    return {"name": str(path).rstrip("/").split("/")[-1], "path": path, **options, "datasets": version("datasets")}


def _load(path, subset, split, revision, data_files, streaming):
    """The rows of a split, as datasets opens them."""
    if not path:
        raise InputError("data.path is not set; name a data set, e.g. data.path=roneneldan/TinyStories")
    import datasets

    with _refusals(path):
        return datasets.load_dataset(
            path, subset, split=split, revision=revision, data_files=data_files, streaming=streaming
        )


def _texts(rows, path, text):
    """The text of every row."""
    with _refusals(path):
        for row in rows:
            if not isinstance(row.get(text), str | None) or text not in row:
                raise InputError(
                    f"data set '{path}': has no text column '{text}'{nearest(text, row)}; name it with data.text"
                )
            yield row[text] or ""


@contextmanager
def _refusals(path):
    """What datasets raises, in one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # whatever the files of others lead it to raise
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"data set '{path}': cannot be read ({reason})") from None
