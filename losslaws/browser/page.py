"""The writer of the page: `write(path, groups)`; `part(groups)` is what it shows, for a page that shows more.

A page trusts nothing that it is given: names and notes reach it as data that it writes as text, and its content policy lets no script run
but its own, and nothing be fetched.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from losslaws.browser.numbers import numbers
from losslaws.browser.told import MOST_POINTS, run
from losslaws.curves import LossCurve, schedules
from losslaws.curves.files import write_text
from losslaws.style import COLOURS, DARK

WEB = Path(__file__).parent / "web"
SHARED = ("numeric",)
WORKER = ("schedules", "relaxation", "annealing", "huber", "fit", "refusals", "forecast", "names", "table", "log", "worker")  # fmt: skip
SHOWN = ("plots", "words", "explorer")
LEAD = (
    "How will a training run end, under this schedule or another? The page fits the law of <code>losslaws predict</code> to a log, in this browser, "
    "and forecasts any number of schedules, with 90 % intervals."
)
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
WORKS = 'id="forecast-worker"'


def group(
    curves: Sequence[LossCurve],
    words: Sequence[str] = (),
    common: Mapping | None = None,
    optimiser: str | None = None,
    most: int = MOST_POINTS,
) -> dict:
    """Return runs of one model as the page offers them.

    words   the schedules that it begins with, "wsd:decay=0.2"; common: their "steps", "peak" and "warmup"
    most    losses of a run that are shown
    """
    return {
        "name": ", ".join(curve.name for curve in curves),
        "runs": [run(curve, most=most) for curve in curves],
        "words": list(words),
        "common": dict(common or {}),
        "optimiser": optimiser or "",
    }


def part(groups: Sequence[dict], lead: str = LEAD, digits: int = 17) -> str:
    """Return the forecast as a part of a page: controls, plots, code and data.

    groups  as `group` gives them; also "law", {params, rule, fittedTo}, of an annealing law that was fitted elsewhere
    digits  of every number; fewer where the last bits differ by machine
    """
    options = {name: schedules.options(name) for name in schedules.names() if name != "file"}
    told = {"numbers": numbers(), "schedules": options, "groups": list(groups)}
    code = lambda names: "\n".join((WEB / f"{name}.js").read_text("utf-8") for name in names)  # noqa: E731
    return Template((WEB / "part.html").read_text("utf-8")).substitute(
        style=(WEB / "part.css").read_text("utf-8"),
        lead=lead,
        data=block(told, digits),
        worker=code((*SHARED, *WORKER)),
        code=code((*SHARED, *SHOWN)),
    )


def block(content, digits: int = 17) -> str:
    """Return `content` as JSON that nothing in it can end, numbers to so many digits."""

    def plain(value):
        if isinstance(value, float):
            return float(f"{value:.{digits}g}")
        if isinstance(value, Mapping):
            return {key: plain(one) for key, one in value.items()}
        return [plain(one) for one in value] if isinstance(value, list | tuple) else value

    return json.dumps(plain(content), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def policy(shown: str, styles: str = "'unsafe-inline'") -> str:
    """Return the content policy of a page that holds `shown`: its own scripts, no requests, no frames, no forms."""
    hashes = " ".join(map(digest, SCRIPT.findall(shown))) or "'none'"
    more = "worker-src blob:; " if WORKS in shown else ""
    return (
        f"default-src 'none'; script-src {hashes}; {more}style-src {styles}; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def digest(content: str) -> str:
    """Return the source expression that allows exactly this content."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def page(groups: Sequence[dict], title: str = "Forecast of a training run") -> str:
    """Return a page of its own."""
    from html import escape

    shown = part(groups)
    variables = lambda colours: "".join(f"--{name}: {colour};" for name, colour in colours.items())  # noqa: E731
    return Template((WEB / "page.html").read_text("utf-8")).substitute(
        title=escape(title), light=variables(COLOURS), dark=variables(DARK), policy=policy(shown), part=shown
    )


def write(path: Path, groups: Sequence[dict], title: str = "Forecast of a training run") -> None:
    """Write a page of its own, whole."""
    write_text(path, page(groups, title))
