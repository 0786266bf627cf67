"""The explorer of the report in a real browser. Skipped where there is no Chromium; .ci/run installs it."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.pages.page import page
from analysis.papers.annealing.explorer import explorer, families
from analysis.papers.paper import Paper
from losslaws import laws
from losslaws.curves import schedules
from losslaws.words import markdown
from tests.analysis.papers.synthetic import SMOKE, write_experiment
from tests.chromium import opened, settled, started

TEXT = "# A title\n\nA summary.\n\n## How well it fits and predicts\n\nText.\n"
LAW = {"L0": 2.628, "A": 0.429, "alpha": 0.55, "C": 0.411, "lambda": 0.999}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    return Paper.load("annealing", write_experiment(tmp_path_factory.mktemp("explorer") / "smoke", SMOKE))


@pytest.fixture(scope="module")
def offered(paper):
    return families(paper.evidence)


@pytest.fixture(scope="module")
def html(paper):
    return page(TEXT, paper.folder, explorer(paper.evidence))


@pytest.fixture(scope="module")
def browser():
    with started() as one:
        yield one


@pytest.fixture(scope="module")
def desk(browser, html, tmp_path_factory):
    """The page on a desk; the last test of this fixture asserts that nothing went wrong on the way."""
    return opened(browser, html, tmp_path_factory.mktemp("desk"), viewport={"width": 1200, "height": 900})


def same(page):
    """Assert that what the page shows is what the annealing law gives in Python, and return the losses of the first schedule."""
    settled(page).wait_for_function(
        "() => shown.schedules.length === state.schedules.length"
        " && shown.schedules.every((one, i) => one.step && one.step[one.step.length - 1] === state.schedules[i].steps)"
    )
    shown = settled(page).evaluate("""() => ({
        specs: state.schedules, all: shown.schedules.map((one) => ({ ...one, loss: Array.from(one.loss) })),
        law: state.law === "own" ? { params: state.own, rule: state.rule } : group().law,
    })""")
    for spec, one in zip(shown["specs"], shown["all"], strict=True):
        schedule = schedules.build(spec["name"], spec["steps"], spec["peak"], spec["warmup"], **spec["options"])
        law = laws.build("annealing", warmup=shown["law"]["rule"])
        np.testing.assert_allclose(one["loss"], law.loss(shown["law"]["params"], schedule, one["step"]), rtol=1e-9)
        sums = law.features([laws.Planned(schedule, [schedule.steps])])
        assert one["S1"] == pytest.approx(sums.S1[0], rel=1e-9)
        assert one["S2"] == pytest.approx(sums.S2(shown["law"]["params"]["lambda"])[0][0], rel=1e-9, abs=1e-12)
    return np.array(shown["all"][0]["loss"])


def test_every_measured_run_is_told_exactly(paper, offered):
    for one in offered:
        assert one["runs"] and set(one["law"]["fittedTo"]) <= {run["name"] for run in one["runs"]}
    for run in offered[0]["runs"]:
        spec = run["schedule"]
        built = schedules.build(spec["name"], spec["steps"], spec["peak"], spec["warmup"], **spec["options"])
        np.testing.assert_allclose(built.lr, paper.evidence.own.curves[run["name"]].schedule.lr, rtol=1e-9, atol=1e-15)


def test_the_page_is_small_and_asks_for_nothing_from_outside(html):
    assert len(html) < 1_000_000
    assert " src=" not in html and "@import" not in html and "unsafe-eval" not in html


def test_every_family_shows_its_runs_and_agrees(desk, offered):
    one = desk[0]
    for i, family in enumerate(offered):
        one.select_option("#group", str(i))
        one.wait_for_function(f"() => state.group === {i} && state.runs.length === {len(family['runs'])}")
        same(one)
        assert one.evaluate("() => shown.measured.filter(({ residual }) => residual).length") >= len(
            family["law"]["fittedTo"]
        )


def test_the_forecast_of_the_command_is_one_choice_away(desk):
    one = desk[0]
    one.select_option("#group", "1")
    settled(one).select_option("#law", "forecast")
    assert settled(one).evaluate("() => shown.schedules.every((one) => one.low && one.low[0] < one.loss[0])")
    one.select_option("#law", "annealing")
    same(one)


def test_a_fit_of_ones_own_is_pasted_and_refused_where_it_cannot_be(desk):
    one = desk[0]
    one.select_option("#law", "own")
    one.fill("#paste", json.dumps(LAW))
    assert one.evaluate("() => state.own") == LAW
    same(one)
    one.fill("#paste", "nonsense")
    assert one.inner_text("#paste-note").startswith("Nothing read")
    one.fill("#paste", json.dumps(LAW | {"lambda": 1.5}))
    assert "lambda must lie between 0 and 1" in settled(one).inner_text("#problem")
    assert one.inner_text("tr[data-schedule='0'] .final") == "–"
    one.fill("#paste", json.dumps(LAW))
    same(one)


def test_moving_a_control_by_keyboard_changes_the_curve(desk):
    one = desk[0]
    before = same(one)
    one.focus("[aria-label='peak rate, slider']")
    one.keyboard.press("ArrowRight")
    assert not np.allclose(before, same(one))


def test_knots_are_set_by_number_and_dragged(desk):
    one = desk[0]
    one.select_option("#schedule", "polyline")
    before = same(one)
    one.fill("[aria-label='rate of knot 3, per cent']", "20")
    assert not np.allclose(before, same(one))
    one.click("[aria-label='add a knot after knot 2']")
    assert one.evaluate("() => state.schedules[0].options.points.length") == 6
    one.fill("[aria-label='rate of knot 2, per cent']", "-5")
    assert one.get_attribute("[aria-label='rate of knot 2, per cent']", "aria-invalid") is not None
    settled(one)
    box = one.locator("[data-knot='2']").bounding_box()
    one.mouse.move(box["x"] + 7, box["y"] + 7)
    one.mouse.down()
    one.mouse.move(box["x"] + 12, box["y"] + 50)
    one.mouse.up()
    assert one.evaluate("() => state.schedules[0].options.points[2][1]") < 0.9
    same(one)


def test_nothing_went_wrong_on_the_way(desk):
    assert desk[1] == []
    assert desk[0].evaluate("() => document.documentElement.scrollWidth") <= 1200


def test_tables_are_sorted_by_a_click_and_searched(browser, html, paper, tmp_path):
    rows = "\n".join(
        f"| run{i} | {value} |" for i, value in enumerate(["10 %", "9.5 %", "–", *[f"{1000 + i:,}" for i in range(20)]])
    )
    text = f"{TEXT}\n| run | error |\n| --- | ---: |\n{rows}\n"
    one, wrong = opened(browser, page(text, paper.folder, explorer(paper.evidence)), tmp_path)
    first = "() => document.querySelector('.tall tbody tr').innerText.split('\\t')[0]"
    one.click(".tall th:nth-child(2) button")
    assert one.evaluate(first) == "run1" and one.get_attribute(".tall th:nth-child(2)", "aria-sort") == "ascending"
    one.click(".tall th:nth-child(2) button")
    assert one.evaluate(first) == "run22"
    assert one.evaluate("() => document.querySelector('.tall tbody').lastChild.innerText").startswith("run2")
    one.fill(".search input", "run1 9.5")
    assert one.evaluate("() => document.querySelectorAll('.tall tbody tr:not([hidden])').length") == 1
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
    assert one.evaluate("() => document.querySelectorAll('img, iframe, body style').length") <= 1
    assert one.evaluate("() => document.scripts.length") == 4  # data, worker, code; that of tables
    cells = one.evaluate(
        "() => Array.from(document.querySelectorAll('main > .wide td:first-child'), (td) => td.innerText)"
    )
    assert {*HOSTILE[:4], HOSTILE[5]} <= set(cells)
    assert "The end." in one.inner_text("main") and one.evaluate("() => state.runs.length") > 1
    runs = {run["name"] for run in json.loads(one.inner_text("#forecast-data"))["groups"][0]["runs"]}
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
