"""The text of named versions of packages, read from their wheels: it stays the same whatever is installed.

`pip download` fetches the wheels, so that its configuration (index, proxy, certificates) holds here too. All machines
fetch those of one platform: a wheel is only read, so the platform need not be theirs. Nothing is installed, imported
or unpickled.
"""

import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pooch
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from losslaws.curves.errors import InputError
from training.corpus.packages import Member, readers, texts

LINUX = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
WHOSE = [
    *("--implementation", "cp", "--python-version", "3.12", "--abi", "cp312", "--abi", "abi3", "--abi", "none"),
    *(part for platform in LINUX for part in ("--platform", platform)),
]
LARGEST_MEMBER = 2**24  # bytes: no text that is kept is larger, whatever an archive says


def documents(*, domain: str = "python", packages: list[str] | None = None) -> Iterator[str]:
    """The text of one domain (`training.corpus.packages.texts`).

    domain    python: source code | prose: docstrings, documentation, descriptions | headers: C, C++ and CUDA headers
    packages  NAME==VERSION of every package that is read

    Raises InputError for a wheel that cannot be fetched and one that is damaged.
    """
    with ExitStack() as stack:
        members = []
        for name, path in fetch(_versions(packages)).items():
            try:
                archive = stack.enter_context(zipfile.ZipFile(path))
            except zipfile.BadZipFile:
                raise _damaged(path) from None
            members += [
                Member(name, PurePosixPath(info.filename), partial(_read, archive, info, path))
                for info in archive.infolist()
                if not info.is_dir() and info.file_size <= LARGEST_MEMBER
            ]
        yield from texts(members, domain)


def describe(*, domain: str = "python", packages: list[str] | None = None) -> dict:
    """The domain and the version of every package that is read."""
    readers(domain)
    return {"name": f"wheels-{domain}", "packages": {name: str(v) for name, v in _versions(packages).items()}}


def record(*, domain: str = "python", packages: list[str] | None = None) -> dict:
    """The SHA-256 of every wheel, by its file name."""
    found = {}
    for path in fetch(_versions(packages)).values():
        with open(path, "rb") as file:
            found[path.name] = file_digest(file, "sha256").hexdigest()
    return {"wheels": found}


def fetch(versions: dict[str, Version]) -> dict[str, Path]:
    """The wheel of each package, by name in alphabetical order; those that are not in the cache are downloaded into it.

    Raises InputError, naming one, where pip cannot have them.
    """
    cache = pooch.os_cache("loss-curve-laws") / "wheels"
    missing = {name: version for name, version in versions.items() if (name, version) not in _held(cache)}
    if missing:
        print(f"fetching {len(missing)} wheels into {cache}", file=sys.stderr)
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache) as new:
            _download(missing, Path(new), cache)
            for path in Path(new).iterdir():
                path.replace(cache / path.name)
    held = _held(cache)
    return {name: held[name, versions[name]] for name in sorted(versions)}


def _download(versions, folder, cache):
    asked = [f"{name}=={version}" for name, version in versions.items()]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", *WHOSE]
    done = subprocess.run([*command, "--dest", str(folder), *asked], capture_output=True, text=True, check=False)
    held = _held(folder)
    lacking = [f"{name}=={version}" for name, version in versions.items() if (name, version) not in held]
    if not lacking:
        return
    errors = re.findall(r"^(?:ERROR: )?(.*\S)\s*$", done.stderr, re.M) or ["pip says nothing"]
    named = next(
        (one for one in lacking if any(re.search(rf"\b{re.escape(one)}\b", line) for line in errors)), lacking[0]
    )
    raise InputError(
        f"data.packages: the wheel of {named} cannot be had ({errors[-1]}); "
        f"set PIP_FIND_LINKS to a folder that holds it, or put it into {cache}"
    )


def _held(folder: Path) -> dict[tuple[str, Version], Path]:
    """The wheels in a folder, by name and version; of several for one version, the last by file name."""
    found = {}
    for path in sorted(folder.glob("*.whl")):
        try:
            name, version, *_ = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        found[str(name), version] = path
    return found


def _versions(packages: list[str] | None) -> dict[str, Version]:
    """Name and version of every entry of data.packages."""
    if not packages or isinstance(packages, str):
        raise InputError("data.packages is no list of packages; write e.g. data.packages=['sympy==1.14.0']")
    found = {}
    for entry in packages:
        try:
            asked = Requirement(entry)
            (pin,) = asked.specifier
            if pin.operator != "==" or asked.extras or asked.url or asked.marker:
                raise ValueError
            found[canonicalize_name(asked.name)] = Version(pin.version)
        except (InvalidRequirement, ValueError, TypeError):
            raise InputError(
                f"data.packages: '{entry}' names no version; write NAME==VERSION, e.g. sympy==1.14.0"
            ) from None
    return found


def _read(archive, info, path):
    try:
        return archive.read(info)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise _damaged(path) from error


def _damaged(path):
    return InputError(f"{path}: is damaged; delete it, and it is fetched again")
