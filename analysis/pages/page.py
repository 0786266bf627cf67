"""One self-contained HTML page from a report in Markdown: figures inside, light and dark, no network.

page(text, folder, explorer) -> str     `folder` is where the links of the text start

Names and texts come from data, so the page trusts neither: of their HTML only plain tags of layout count, all else is
shown as text, and the page's content policy lets no script run but the explorer's own, and nothing be fetched.
"""

import html
import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt

from losslaws.browser.page import policy
from losslaws.style import COLOURS, DARK
from losslaws.words import inert

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1]),  # a template lies beside what fills it
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
GLYPH = re.compile(r'<path id="(DejaVu[^"]+)"[^>]*/>\s*')
FIGURE = re.compile(r'<p><img src="(figures/([\w.+-]+)\.svg)" alt="([^"]*)" /></p>\s*<p><em>(.*?)</em></p>', re.DOTALL)
FRAMED = re.compile(r"<(?:h[1-4]|summary)>(.*?)</(?:h[1-4]|summary)>|<table>.*?</table>", re.DOTALL)
LONG = 16  # rows above which a table scrolls within its frame
TABLES = (Path(__file__).parent / "tables.js").read_text("utf-8")
LAYOUT = ("br", "details", "div", "small", "sub", "summary", "sup")  # tags that templates and tables use


def page(text: str, folder: Path, explorer: str = "", marked: tuple[str, ...] = ()) -> str:
    """Return the report `text` as HTML, with `explorer` before its first section.

    marked  words that get a class of their own where they fill a cell of a table, e.g. verdicts

    Raises FileNotFoundError for a figure that is not in `folder`.
    """
    body = markdown(text)
    title = re.sub("<.*?>", "", re.search("<h1>(.*?)</h1>", body)[1])
    body = FIGURE.sub(lambda match: inline(folder / match[1], *match.groups()[1:]), body)
    body = once(body)
    body = re.sub(r'href="figures/([^"]+)\.svg"', r'href="#\1"', body)
    body = framed(body)
    for verdict in marked:
        body = body.replace(f"<td>{verdict}</td>", f'<td class="verdict {verdict.replace(" ", "-")}">{verdict}</td>')
    start = body.index("<h2>")
    body = body[:start] + explorer + body[start:]
    sections = [(heading.lower().replace(" ", "-"), heading) for heading in re.findall("<h2>(.*?)</h2>", body)]
    for anchor, heading in sections:
        body = body.replace(f"<h2>{heading}</h2>", f'<h2 id="{anchor}">{heading}</h2>')
    scripts = f"<script>{TABLES}</script>" if "<table>" in body else ""
    template = TEMPLATES.get_template("pages/page.html.j2")
    return template.render(
        title=title,
        body=body,
        scripts=scripts,
        sections=sections,
        colours=COLOURS,
        dark=DARK,
        policy=policy(explorer + scripts),
    )


def framed(body: str) -> str:
    """Return `body` with every table in a frame that scrolls on its own, by keyboard too, and says of what it is; long ones keep their head in view."""
    heading = ""

    def frame(match: re.Match) -> str:
        nonlocal heading
        if match[1]:
            heading = html.escape(html.unescape(re.sub("<.*?>", "", match[1])))
            return match[0]
        table = match[0].replace("<th>", '<th scope="col">').replace("<th style", '<th scope="col" style')
        tall = " tall" if table.count("<tr>") > LONG else ""
        return f'<div class="wide{tall}" role="region" aria-label="table: {heading}" tabindex="0">{table}</div>'

    return FRAMED.sub(frame, body)


def markdown(text: str) -> str:
    """Return Markdown as HTML in which tags other than those of LAYOUT stand as text."""
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    for kind in ("html_block", "html_inline"):
        reader.add_render_rule(kind, lambda self, tokens, i, options, env: inert(tokens[i].content, LAYOUT))
    return reader.render(text)


def once(body: str) -> str:
    """Return `body` with the outline of every letter only where it first occurs; figures share their font."""
    seen = set()
    return GLYPH.sub(lambda match: "" if match[1] in seen or seen.add(match[1]) else match[0], body)


def inline(path: Path, stem: str, title: str, caption: str) -> str:
    """Return the SVG file `path` as an HTML figure whose colours are variables and whose ids, but for letters', are its own."""
    # Figures of one page share it, so each is cut down to what is its own:
    drawing = path.read_text(encoding="utf-8")
    # what stands before <svg, and who made the file and when,
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing[drawing.index("<svg") :], flags=re.DOTALL)
    # the size in points, so that the figure is as wide as its place,
    head = re.match(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', drawing)
    drawing = f'<svg {head[1]} role="img" aria-label="{title}">{drawing[head.end() :]}'
    # ids, which two figures may both have; those of letters (DejaVu...) stay, since `once` keeps one copy of each,
    drawing = re.sub(r'( id="|href="#|url\(#)(?!DejaVu)', rf"\g<1>{stem}-", drawing)
    # digits of coordinates beyond a hundredth of a point, a twentieth of the bytes,
    drawing = re.sub(r'(?<= d=")[^"]*', lambda match: re.sub(r"(\.\d\d)\d+", r"\1", match[0]), drawing)
    # and the colours, which the page sets for light and dark.
    for name, colour in COLOURS.items():
        drawing = drawing.replace(colour, f"var(--{name})")
    return f'<figure id="{stem}"><div tabindex="0">{drawing}</div><figcaption><strong>{title}</strong> {caption}</figcaption></figure>'
