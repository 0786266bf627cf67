"""The open-source text that the pinned packages put on every machine, found through importlib.metadata.

Only distributions that requirements.txt names are read, not what one machine's build adds (CUDA libraries, say), and
always in the same order. What a wheel's platform changes in its own files still shows in the fingerprint's SHA-256.
"""

import ast
import gc
import re
import warnings
from collections.abc import Callable, Iterator
from email import message_from_string
from hashlib import blake2b
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from platform import python_version_tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from losslaws.curves.errors import InputError, nearest

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
SMALLEST, LARGEST = 200, 200_000  # characters: less is boilerplate, more is mostly tables
HEAD = 2000  # characters in which a generated file says so
GENERATED = re.compile(
    r"@generated|auto-?generated|automatically generated|(this file|code) (is|was) generated|do not (edit|modify)", re.I
)
# Written when a wheel is built, so that machines differ in them; build recipes; licences, of which there are too many alike.
NOT_TEXT = re.compile(r"_?version\.py|__config__\.py|CMakeLists|.*(LICEN[CS]E|COPYING|NOTICE|AUTHORS)")


def documents(*, domain: str = "python", packages: list[str] | None = None) -> Iterator[str]:
    """The text of one domain, file by file, in the order of a hash of the file's path: a fixed mixture of all packages.

    domain    python: source code | prose: docstrings, documentation, descriptions | headers: C, C++ and CUDA headers
    packages  names from requirements.txt to read; None: all of them

    Files that are not UTF-8, tiny, huge, generated, or mostly tables of numbers are left out. Nothing is executed.
    """
    readers = _readers(domain)
    files = [found for package in _distributions(packages).values() for found in _files(package, readers)]
    for _, path, read in sorted(files, key=lambda found: found[0]):
        try:
            text = read(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        if _is_written(text):
            yield text


def describe(*, domain: str = "python", packages: list[str] | None = None) -> dict:
    """The domain and the version of every package that is read."""
    _readers(domain)
    return {
        "name": f"installed-{domain}",
        "packages": {name: package.version for name, package in _distributions(packages).items()},
        "python": ".".join(python_version_tuple()[:2]),
    }


def _distributions(packages: list[str] | None) -> dict[str, Distribution]:
    """The distributions that requirements.txt names, by name; those that are not installed are absent."""
    wanted = _required() if packages is None else [canonicalize_name(name) for name in packages]
    found = {}
    for name in sorted(wanted):
        if name not in _required():
            raise InputError(f"data.packages: {REQUIREMENTS.name} does not name '{name}'{nearest(name, _required())}")
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
    return found


def _required() -> list[str]:
    if not REQUIREMENTS.is_file():
        raise InputError(f"{REQUIREMENTS}: no such file; it names the packages whose text is read")
    lines = (line.split(" #")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [canonicalize_name(Requirement(line).name) for line in lines if line and line[0] not in "#-"]


def _files(package: Distribution, readers: dict) -> Iterator[tuple[bytes, Path, Callable[[str], str]]]:
    """Order key, path and reader of every file of a distribution that belongs to the domain."""
    for file in package.files or []:
        about = file.parts[0].endswith(".dist-info")
        kind = file.name if about else file.suffix.lower()
        if kind not in readers or ".." in file.parts or NOT_TEXT.match(file.name):
            continue
        # the name of a .dist-info folder holds the version, which is no part of the order
        key = f"{package.name}/{kind}" if about else str(file)
        yield blake2b(key.encode(), digest_size=8).digest(), Path(package.locate_file(file)), readers[kind]


def _docstrings(source: str) -> str:
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
    "prose": {".py": _docstrings, ".md": str, ".rst": str, ".txt": str, "METADATA": _description},
    "headers": dict.fromkeys((".h", ".hh", ".hpp", ".hxx", ".cuh", ".inl"), str),
}


def _readers(domain: str) -> dict[str, Callable[[str], str]]:
    if domain not in DOMAINS:
        raise InputError(f"data.domain '{domain}' is unknown{nearest(domain, DOMAINS)} (known: {', '.join(DOMAINS)})")
    return DOMAINS[domain]


def _is_written(text: str) -> bool:
    """Whether people wrote it: not tiny, huge or generated, no endless lines, at most a fifth digits."""
    return (
        SMALLEST <= len(text) <= LARGEST
        and not GENERATED.search(text, 0, HEAD)
        and sum(map(text.count, "0123456789")) <= len(text) / 5
        and max(map(len, text.splitlines())) <= 1000
    )
