"""The fetcher of public files: `fetch(OWNER/REPO/COMMIT/PATH)`, from GitHub or from a local copy, its content checked."""

import os
from pathlib import Path

import pooch

from losslaws.curves.errors import InputError, nearest

DATA = Path(__file__).parent / "data"
SOURCES = DATA / "sources.sha256"


class Unavailable(InputError):
    """A public file that can be had neither from where it is published nor from a mirror."""


def fetch(source: str) -> Path:
    """Return a local copy of the public file `source`, OWNER/REPO/COMMIT/PATH on GitHub, its SHA-256 checked.

    Downloads are cached. Where the environment variable PUBLIC_DATA_MIRROR names a folder laid out OWNER/REPO/COMMIT/PATH,
    the file is read there. Raises InputError for a source that `losslaws/curves/public/data/sources.sha256` does not list and for a file
    whose content differs, and Unavailable for one that cannot be had.
    """
    known = listed()
    if source not in known:
        raise InputError(f"{source}: is not listed in {SOURCES.name}{nearest(source, known)}")
    url = f"https://raw.githubusercontent.com/{source}"
    mirror = os.environ.get("PUBLIC_DATA_MIRROR")
    if mirror:
        path = Path(mirror) / source
        if not path.is_file():
            raise Unavailable(
                f"{path}: no such file; PUBLIC_DATA_MIRROR must name a folder that holds it (published at {url})"
            )
        if pooch.file_hash(str(path)) != known[source]:
            raise InputError(f"{path}: its SHA-256 is not {known[source]}; fetch it again")
        return path
    try:
        folder = pooch.os_cache("loss-curve-laws")
        return Path(pooch.retrieve(url, f"sha256:{known[source]}", fname=source.replace("/", "__"), path=folder))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise Unavailable(
            f"{url}: could not be fetched ({reason}); set PUBLIC_DATA_MIRROR to a folder that holds it as {source}"
        ) from None


def listed() -> dict[str, str]:
    """Return the SHA-256 of every source that may be fetched, by its OWNER/REPO/COMMIT/PATH."""
    return {path: digest for digest, path in (line.split() for line in SOURCES.read_text().splitlines())}
