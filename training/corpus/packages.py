"""What the packages of Python are read for: which of their files are text of a domain, and in which order they come."""

import ast
import gc
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from email import message_from_string
from hashlib import blake2b
from pathlib import PurePath
from typing import NamedTuple

from losslaws.curves.errors import InputError, nearest

SMALLEST, LARGEST = 200, 200_000  # characters: less is boilerplate, more is mostly tables
HEAD = 2000  # characters in which a generated file says so
GENERATED = re.compile(
    r"@generated|auto-?generated|automatically generated|(this file|code) (is|was) generated|do not (edit|modify)", re.I
)
# Written when a wheel is built, so that machines differ in them; build recipes; licences, of which there are too many alike.
NOT_TEXT = re.compile(r"_?version\.py|__config__\.py|CMakeLists|.*(LICEN[CS]E|COPYING|NOTICE|AUTHORS)")


class Member(NamedTuple):
    """A file of a package: whose it is, its path as the package names it, and how its bytes are read."""

    package: str
    path: PurePath
    read: Callable[[], bytes]


def texts(members: Iterable[Member], domain: str) -> Iterator[str]:
    """The text of one domain, file by file, in the order of a hash of the file's path: a fixed mixture of all packages.

    Files that are not UTF-8, tiny, huge, generated, or mostly tables of numbers are left out. Nothing is executed.
    """
    chosen = []
    for member in members:
        if not member.path.parts or ".." in member.path.parts or NOT_TEXT.match(member.path.name):
            continue
        about = member.path.parts[0].endswith(".dist-info")
        kind = member.path.name if about else member.path.suffix.lower()
        if kind not in readers(domain):
            continue
        # the folder's name holds the version: no part of the order
        key = f"{member.package}/{kind}" if about else str(member.path)
        chosen.append((blake2b(key.encode(), digest_size=8).digest(), member, readers(domain)[kind]))
    for _, member, read in sorted(chosen, key=lambda found: found[0]):
        try:
            text = read(member.read().decode().replace("\r\n", "\n").replace("\r", "\n"))
        except (OSError, UnicodeDecodeError):
            continue
        if is_written(text):
            yield text


def docstrings(source: str) -> str:
    """Every docstring of a module, in the order of the source."""
    if '"""' not in source or GENERATED.search(source, 0, HEAD):
        return ""
    collecting = gc.isenabled()
    gc.disable()  # a tree is many small objects without cycles; the collector would double the time
    try:
        with warnings.catch_warnings(action="ignore"):
            return "\n\n".join(_walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    finally:
        if collecting:
            gc.enable()


def _walk(node: ast.AST) -> Iterator[str]:
    if text := ast.get_docstring(node):
        yield text
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _walk(child)


def _description(metadata: str) -> str:
    """The long description of a distribution: the body of its METADATA."""
    return message_from_string(metadata).get_payload()


DOMAINS = {
    "python": {".py": str},
    "prose": {".py": docstrings, ".md": str, ".rst": str, ".txt": str, "METADATA": _description},
    "headers": dict.fromkeys((".h", ".hh", ".hpp", ".hxx", ".cuh", ".inl"), str),
}


def readers(domain: str) -> dict[str, Callable[[str], str]]:
    """What makes text of the files of a domain, by their suffix. Raises InputError for an unknown domain."""
    if domain not in DOMAINS:
        raise InputError(f"data.domain '{domain}' is unknown{nearest(domain, DOMAINS)} (known: {', '.join(DOMAINS)})")
    return DOMAINS[domain]


def is_written(text: str) -> bool:
    """Whether people wrote it: not tiny, huge or generated, no endless lines, at most a fifth digits."""
    return (
        SMALLEST <= len(text) <= LARGEST
        and not GENERATED.search(text, 0, HEAD)
        and sum(map(text.count, "0123456789")) <= len(text) / 5
        and max(map(len, text.splitlines())) <= 1000
    )
