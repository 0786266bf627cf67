"""What is known of a run besides its record: the JSON file beside a curve, or a run folder's run.json, checked field by field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from losslaws.curves.errors import InputError

LARGEST = 1e30  # FLOPs of a token, tokens of a step; more is a slip


def read_about(path: Path | str) -> dict[str, Any]:
    """Read the fields that a LossCurve takes; `flops_per_token` may be an object whose field `exact` is the number.

    Raises InputError, one line that names the file and the field, for a field that is missing or holds something else.
    """
    return check_about(read_json(path), str(path))


def check_about(content: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of `content` that a LossCurve takes. Raises InputError as `read_about` does, with `where` for the file."""
    if not isinstance(content, dict):
        raise InputError(f"{where}: must be an object")
    for field in REQUIRED:
        if field not in content:
            raise InputError(f"{where}: lacks the field '{field}'")
    flops = content["flops_per_token"]
    content["flops_per_token"] = flops.get("exact") if isinstance(flops, dict) else flops
    known = {"role": "", "source": {}} | {field: content[field] for field in FIELDS if field in content}
    for field, value in known.items():
        fits, kind = FIELDS[field]
        if not fits(value):
            raise InputError(f"{where}: '{field}' is {shown(value)}; it must be {kind}")
    return known


def read_json(path: Path | str) -> dict[str, Any]:
    """Read a JSON object. Raises InputError that names the file."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise InputError(f"{path}: is nested too deeply to be read") from None
    except ValueError as error:  # no UTF-8, no JSON, or a number of thousands of digits
        raise InputError(f"{path}: is not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: must hold a JSON object")
    return content


def shown(value: Any) -> str:
    """A value in few characters, all of them printable."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:57] + "..."


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < LARGEST


def source(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("corpus", ""), str | None)


FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "schedule": (lambda value: isinstance(value, str), "text"),
    "warmup": (whole, "a whole number of steps"),
    "tokens_per_step": (lambda value: value is None or (whole(value) and value > 0), "a whole number above 0, or null"),
    "parameters": (
        lambda value: isinstance(value, dict) and all(map(whole, value.values())),
        "an object of whole numbers",
    ),
    "flops_per_token": (lambda value: value is None or positive(value), "a number above 0, or null"),
    "seed": (lambda value: value is None or whole(value), "a whole number"),
    "role": (lambda value: isinstance(value, str), "text"),
    "source": (source, "an object whose corpus, if it has one, is text"),
}
REQUIRED = [field for field in FIELDS if field not in ("role", "source")]
