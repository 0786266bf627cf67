"""The explorer in a real browser. Skipped where there is no Chromium; .ci/run installs it."""

import csv
import io
import json
import shutil

import numpy as np
import pandas as pd
import pytest

from analysis.pages.page import page
from analysis.papers.annealing.explorer import block, describe, explorer, families
from analysis.papers.paper import Paper
from losslaws import laws
from losslaws.curves import Schedule, schedules
from losslaws.words import markdown
from tests.analysis.papers.synthetic import SMOKE, write_experiment

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TEXT = "# A title\n\nA summary.\n\n## How well it fits and predicts\n\nText.\n"
SLOW = 120_000  # ms; a loaded machine starts a browser slowly
LAW = {"L0": 2.628, "A": 0.429, "alpha": 0.55, "C": 0.411, "lambda": 0.999}
SCHEDULES = [
    ("constant", {}),
    ("cosine", {}),
    ("cosine", {"cycle": 700, "final": 0.1}),
    ("linear", {"final": 0.05}),
    ("wsd", {"decay": 0.3, "shape": "linear"}),
    ("wsd", {"decay": 123, "shape": "1-sqrt", "final": 0.1}),
    ("wsd", {"decay": 0.25, "shape": "cosine"}),
    ("wsd", {"decay": 0.25, "shape": "power"}),
    ("wsd", {"decay": 0.25, "shape": "exponential", "final": 0.02}),
    ("two_stage", {"switch": 0.55, "ratio": 0.2}),
    ("multistep", {}),
    ("multistep_cosine", {}),
    ("cyclic", {"cycles": 3, "rewarm": 0.2, "final": 0.1}),
    ("inverse_sqrt", {"hold": 90}),
    ("polyline", {"points": [[0, 1], [0.4, 1], [0.55, 0.3], [0.7, 0.8], [1, 0.1]]}),
]


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    return Paper.load("annealing", write_experiment(tmp_path_factory.mktemp("explorer") / "smoke", SMOKE))


@pytest.fixture(scope="module")
def html(paper):
    return page(TEXT, paper.folder, explorer(paper.evidence))


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: `make extras`")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as started:
        one = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=SLOW)
        yield one
        one.close()


def opened(browser, html, folder, **options):
    """Open the page in a browser of its own; return it with the list of what went wrong, which fills as it goes on."""
    path, wrong = folder / "report.html", []
    path.write_text(html, encoding="utf-8")
    one = browser.new_context(offline=True, accept_downloads=True, **options).new_page()
    one.set_default_timeout(SLOW)
    one.on("console", lambda message: message.type in ("error", "warning") and wrong.append(message.text))
    one.on("pageerror", lambda error: wrong.append(str(error)))
    one.on("request", lambda request: request.url.startswith(("file:", "blob:", "data:")) or wrong.append(request.url))
    one.goto(path.as_uri(), wait_until="commit")
    one.wait_for_selector("#explorer[data-ready], #explorer-failure:not(:empty)")
    assert one.inner_text("#explorer-failure") == ""
    return one, wrong


@pytest.fixture(scope="module")
def desk(browser, html, tmp_path_factory):
    """The page on a desk; the last test of this fixture asserts that nothing went wrong on the way."""
    return opened(browser, html, tmp_path_factory.mktemp("desk"), viewport={"width": 1200, "height": 900})


def same(page, side):
    """Assert that what the page shows for `side` is what Python gives, and return the shown losses, last step included."""
    shown = page.evaluate(f"""() => {{
        const one = explorer.shown().{side}, law = explorer.family();
        const last = one.lr.length - 1, every = Math.max(Math.floor(last / 400), 1);
        const at = Array.from(one.lr.keys()).filter((i) => (last - i) % every === 0);
        const lists = Object.fromEntries(["lr", "S1", "S2", "loss"].map((key) => [key, at.map((i) => one[key][i])]));
        return {{ ...lists, at, spec: one.schedule, params: law.params, rule: law.warmupRule }};
    }}""")
    spec = shown["spec"]
    schedule = schedules.build(spec["name"], spec["steps"], spec["peak"], spec["warmup"], **spec["options"])
    law = laws.build("annealing", warmup=shown["rule"])
    step = np.array(shown["at"]) + 1
    sums = law.features([laws.Planned(schedule, step)])
    np.testing.assert_allclose(shown["lr"], schedule.lr[step - 1], rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(shown["S1"], sums.S1, rtol=1e-9)
    np.testing.assert_allclose(shown["S2"], sums.S2(shown["params"]["lambda"])[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(shown["loss"], law.loss(shown["params"], schedule, step), rtol=1e-9)
    return np.array(shown["loss"])


@pytest.fixture(scope="module")
def offered(paper):
    return families(paper.evidence)


def test_every_measured_run_is_told_exactly(paper, offered):
    for one in offered:
        assert one["runs"] and set(one["fittedTo"]) <= {run["name"] for run in one["runs"]}
    own = {run["name"]: run["schedule"] for run in offered[0]["runs"]}
    for name, spec in own.items():
        curve = paper.evidence.own.curves[name].schedule
        built = schedules.build(spec["name"], spec["steps"], spec["peak"], spec["warmup"], **spec["options"])
        np.testing.assert_allclose(built.lr, curve.lr, rtol=1e-9, atol=1e-15)
    assert describe(Schedule(np.random.default_rng(0).uniform(1, 2, 500))) is None


def test_the_page_is_small_and_asks_for_nothing_from_outside(html):
    assert len(html) < 1_000_000
    assert "src=" not in html.replace("srcdoc", "") and "@import" not in html
    assert "BSD-3-Clause" in html and "MB within this page" not in html and " MB unpacked" in html


@pytest.mark.parametrize("rule", ["as-peak", "true", "full"])
def test_schedules_and_law_agree_with_python(desk, rule):
    law = laws.build("annealing", warmup=rule)
    for name, options in SCHEDULES:
        spec = {"name": name, "steps": 1001, "peak": 3e-3, "warmup": 40, "options": options}
        got = desk[0].evaluate(
            "([spec, law]) => { const c = explorer.compute(spec, law); return [Array.from(c.lr), Array.from(c.loss)]; }",
            [spec, {"params": LAW, "warmupRule": rule}],
        )
        schedule = schedules.build(name, 1001, 3e-3, 40, **options)
        np.testing.assert_allclose(got[0], schedule.lr, rtol=1e-9, atol=1e-15, err_msg=f"{name} {options}")
        np.testing.assert_allclose(got[1], law.loss(LAW, schedule), rtol=1e-9, err_msg=f"{name} {options}")


def test_moving_a_control_changes_the_curve(desk):
    one = desk[0]
    one.select_option("#a-schedule", "wsd")
    before, said = same(one, "a"), one.inner_text("#loss-a")
    one.fill("#a-decay", "0.5")
    after = same(one, "a")
    assert not np.allclose(before, after)
    assert one.inner_text("#loss-a") == f"{after[-1]:.4f}" != said
    drawn = one.evaluate("() => Array.from(Bokeh.documents[0].roots()[0].renderers[0].data_source.data.y)")
    assert drawn[-1] == after[-1]


def test_the_keyboard_alone_moves_a_control(desk):
    one = desk[0]
    one.focus("#family")
    for _ in range(40):
        one.keyboard.press("Tab")
        if one.evaluate("() => document.activeElement.getAttribute('aria-label')") == "peak rate, slider":
            break
    before = same(one, "a")
    one.keyboard.press("ArrowRight")
    assert not np.allclose(before, same(one, "a"))
    assert "peak rate" in one.inner_text("#problem-a")


def test_every_family_shows_its_runs_and_agrees(desk, offered):
    one = desk[0]
    for i, family in enumerate(offered):
        one.select_option("#family", str(i))
        run = family["runs"][-1]
        one.select_option("#b-schedule", f"run:{run['name']}")
        same(one, "a"), same(one, "b")
        assert one.inner_text("#measured-b") == f"{run['loss'][-1]:.4f}"


def test_a_fit_of_ones_own_is_pasted(desk):
    one = desk[0]
    one.select_option("#family", label="A fit of your own")
    one.fill("#paste", json.dumps(LAW))
    assert one.evaluate("() => explorer.family().params") == LAW
    same(one, "a")
    one.fill("#paste", "nonsense")
    assert one.inner_text("#paste-note").startswith("Nothing read")
    one.select_option("#family", "0")


def test_knots_are_set_by_number_and_dragged(desk):
    one = desk[0]
    one.select_option("#a-schedule", "polyline")
    before = same(one, "a")
    one.fill("[aria-label='rate of knot 3, per cent']", "20")
    assert not np.allclose(before, same(one, "a"))
    one.click("[aria-label='add a knot after knot 2']")
    assert one.evaluate("() => explorer.state.a.options.points.length") == 6
    one.fill("[aria-label='rate of knot 2, per cent']", "-5")
    assert one.get_attribute("[aria-label='rate of knot 2, per cent']", "aria-invalid") == "true"
    one.evaluate("""() => {
        const source = Bokeh.documents[1].roots()[0].renderers[1].data_source, { x, y } = source.data;
        source.data = { x: x.map((v, i) => (i === 2 ? v + 5 : v)), y: y.map((v, i) => (i === 2 ? v / 2 : v)) };
    }""")
    assert one.evaluate("() => explorer.state.a.options.points[2][1]") < 0.5
    same(one, "a")
    one.select_option("#a-schedule", "cosine")


def test_what_cannot_be_built_is_said_and_mended(desk):
    one = desk[0]
    one.select_option("#a-schedule", "wsd")
    one.fill("#a-decay", "1")
    assert "does not fit" in one.inner_text("#problem-a")
    one.fill("#a-decay", "0.2")
    assert one.inner_text("#problem-a") == ""


@pytest.mark.parametrize(
    ("schedule", "control", "value", "said"),
    [
        ("cosine", "a-steps", "1e9", "at most 1,000,000 steps"),
        ("cyclic", "a-cycles", "1e9", "cycles must lie between 1 and 100"),
        ("wsd", "a-decay", "2.5", "a share of all steps, at most 1, or a whole number"),
        ("cosine", "a-warmup", "1e7", "steps must exceed the warm-up"),
    ],
)
def test_what_cannot_be_computed_is_refused_at_once_and_leaves_no_stale_number(desk, schedule, control, value, said):
    one = desk[0]
    one.select_option("#a-schedule", schedule)
    before = one.input_value(f"#{control}")
    one.fill(f"#{control}", value)
    assert said in one.inner_text("#problem-a") and one.inner_text("#loss-a") == one.inner_text("#s1-a") == "–"
    assert one.inner_text("#verdict") == "" and "a" not in one.evaluate("() => Object.keys(explorer.shown())")
    one.fill(f"#{control}", before)
    assert np.isfinite(same(one, "a")).all() and one.inner_text("#loss-a") != "–"


def test_a_lambda_that_cannot_be_is_refused(desk):
    one = desk[0]
    one.select_option("#family", label="A fit of your own")
    one.fill("#paste", json.dumps(LAW | {"lambda": 1.5}))
    assert "lambda must lie between 0 and 1" in one.inner_text("#problem-a") and one.inner_text("#loss-b") == "–"
    one.fill("#paste", json.dumps(LAW))
    same(one, "a")
    one.select_option("#family", "0")


def test_downloads_hold_what_is_shown(desk):
    one = desk[0]
    with one.expect_download() as got:
        one.click("#download-csv")
    rows = list(csv.DictReader(io.StringIO(got.value.path().read_text())))
    losses, shown = [float(row["loss_b"]) for row in rows if row["loss_b"]], same(one, "b")
    assert losses[-1] == shown[-1] and set(shown) <= set(losses)
    with one.expect_download() as got:
        one.click("#download-png")
    assert got.value.path().read_bytes().startswith(b"\x89PNG") and got.value.path().stat().st_size > 20_000
    with one.expect_download() as got:
        one.click("#download-svg")
    drawing = got.value.path().read_text()
    assert drawing.startswith("<svg") and drawing.count("<svg") == 5 and "NaN" not in drawing


def test_nothing_went_wrong_on_the_way(desk):
    assert desk[1] == []
    assert desk[0].evaluate("() => document.documentElement.scrollWidth") <= 1200


def test_a_phone_in_dark_mode(browser, html, tmp_path):
    one, wrong = opened(
        browser,
        html,
        tmp_path,
        viewport={"width": 360, "height": 740},
        is_mobile=True,
        has_touch=True,
        color_scheme="dark",
    )
    assert one.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert one.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(21, 23, 26)"
    assert one.evaluate("() => Bokeh.documents[0].roots()[0].renderers[0].glyph.line_color.value") == "#5cb3ee"
    one.emulate_media(color_scheme="light")
    one.wait_for_function("() => Bokeh.documents[0].roots()[0].renderers[0].glyph.line_color.value === '#0072b2'")
    assert wrong == []


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "a<!--<script>",
    "</script><script>alert(2)</script>",
    "<svg/onload=alert(3)>",
    "[x](javascript:alert(4))",
    "<style>*{display:none}</style>",
    '"><iframe srcdoc="<script>alert(5)</script>">',
)


def hostile(paper, monkeypatch):
    """A page whose runs, tables, paragraphs and headings have the names HOSTILE."""
    offered = families(paper.evidence)
    for run, odd in zip(offered[0]["runs"], HOSTILE, strict=False):
        run["name"] = odd
    offered[0]["name"] = HOSTILE[2]
    monkeypatch.setattr("analysis.papers.annealing.explorer.families", lambda e: offered)
    table = markdown(pd.DataFrame({"run": HOSTILE, "loss": [1.0] * len(HOSTILE)}))
    prose = "\n\n".join(f"{name}\n\n- {name}, too high\n\n*{name}*" for name in HOSTILE)
    return page(f"{TEXT}\n{table}\n\n{prose}\n\n## {HOSTILE[0]}\n\nThe end.\n", paper.folder, explorer(paper.evidence))


def test_a_page_of_hostile_names_runs_nothing(browser, paper, monkeypatch, tmp_path):
    one, wrong = opened(browser, hostile(paper, monkeypatch), tmp_path, viewport={"width": 1200, "height": 900})
    said = []
    one.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    one.wait_for_timeout(300)
    assert said == [] and wrong == []
    assert one.evaluate("() => document.querySelectorAll('img, iframe, body style:not(#explorer style)').length") <= 1
    assert one.evaluate("() => document.scripts.length") == 4  # data, library packed, code; the library unpacked
    cells = one.evaluate(
        "() => Array.from(document.querySelectorAll('main > .wide td:first-child'), (td) => td.innerText)"
    )
    assert {*HOSTILE[:4], HOSTILE[5]} <= set(cells)
    assert "The end." in one.inner_text("main") and len(one.query_selector_all("#a-schedule option")) > len(HOSTILE)
    runs = {run["name"] for run in json.loads(one.inner_text("#explorer-data"))["families"][0]["runs"]}
    assert set(HOSTILE[: len(runs)]) == runs


def test_the_policy_alone_stops_scripts(browser, html, tmp_path):
    one, wrong = opened(browser, html, tmp_path)
    one.evaluate("""() => {
        document.body.insertAdjacentHTML("beforeend", "<img src=data:, onerror='window.hit = 1'><img src='https://example.org/x.png'>");
        const script = document.createElement("script");
        script.textContent = "window.hit = 2";
        document.body.append(script);
        fetch("https://example.org/").catch(() => null);
    }""")
    one.wait_for_timeout(300)
    assert one.evaluate("() => window.hit") is None
    assert sum("Content Security Policy" in line for line in wrong) >= 4


def test_the_data_of_the_page_cannot_end_it():
    told = block({"name": "</script><!--", "value": [1 / 3, 12345678901, float(f"{2 / 3:.12g}")]})
    assert told == '{"name":"\\u003c/script>\\u003c!--","value":[0.3333333333,12345678901,0.6666666667]}'
    assert block([0.1 + 0.2]) == block([0.3])
