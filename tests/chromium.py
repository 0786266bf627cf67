"""Pages in a real browser, for tests. Skipped where there is no Chromium; .ci/run installs it."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SLOW = 120_000  # ms; a loaded machine starts a browser slowly


@contextmanager
def started():
    """A browser."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: `make extras`")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as one:
        browser = one.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=SLOW)
        yield browser
        browser.close()


def opened(browser, html, folder, fragment="", **options):
    """Open a page with a forecast in a browser of its own; return it with the list of what went wrong, which fills as it goes on."""
    path, wrong = folder / "page.html", []
    path.write_text(html, encoding="utf-8")
    one = browser.new_context(offline=True, accept_downloads=True, **options).new_page()
    one.set_default_timeout(SLOW)
    one.on("console", lambda message: message.type in ("error", "warning") and wrong.append(message.text))
    one.on("pageerror", lambda error: wrong.append(str(error)))
    one.on("request", lambda request: request.url.startswith(("file:", "blob:", "data:")) or wrong.append(request.url))
    one.goto(path.as_uri() + fragment, wait_until="commit")
    one.wait_for_selector("#forecast-box[data-ready], #forecast-failure:not(:empty)", state="attached")
    assert one.inner_text("#forecast-failure") == ""
    return one, wrong


def settled(page):
    """Wait until the page has answered, and return the page."""
    page.wait_for_function(
        "() => !busy && $('forecast-box').getAttribute('aria-busy') === null && $('reading').textContent === ''"
    )
    return page
