"""The open-source text that the pinned packages put on every machine, found through importlib.metadata.

Only distributions that requirements.txt names are read, not what one machine's build adds (CUDA libraries, say), and
always in the same order. What a wheel's platform changes in its own files still shows in the fingerprint's SHA-256.
"""

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from platform import python_version_tuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from losslaws.curves.errors import InputError, nearest
from training.corpus.packages import Member, readers, texts

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"


def documents(*, domain: str = "python", packages: list[str] | None = None) -> Iterator[str]:
    """The text of one domain (`training.corpus.packages.texts`).

    domain    python: source code | prose: docstrings, documentation, descriptions | headers: C, C++ and CUDA headers
    packages  names from requirements.txt to read; None: all of them
    """
    members = (
        Member(package.name, file, Path(package.locate_file(file)).read_bytes)
        for package in _distributions(packages).values()
        for file in package.files or []
    )
    return texts(members, domain)


def describe(*, domain: str = "python", packages: list[str] | None = None) -> dict:
    """The domain and the version of every package that is read."""
    readers(domain)
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
