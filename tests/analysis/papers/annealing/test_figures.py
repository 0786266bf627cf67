import hashlib

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from analysis.pages import figure as figures
from analysis.papers.paper import Paper
from losslaws import style
from tests.analysis.papers.synthetic import SMOKE, write_experiment

EXPECTED = [
    "fig01_schedules",
    "fig02_fit",
    "fig03_unseen",
    "fig04_s1_s2",
    "fig05_delay",
    "fig06_cosine_length",
    "fig07_constant_vs_cosine",
    "fig08_wsd_ratio",
    "fig09_decay_shape",
    "fig10_rewarmup",
    "fig11_size",
    "fig12_compute_accuracy",
    "fig13_lambda",
    "fig14_falsifiers",
    "fig15_paper",
    "fig16_noise",
]
PLACE = "analysis.papers.annealing.figures"
EVERY = figures.registered(PLACE)
SHOWN_BY_SMOKE = ["fig01", "fig02", "fig04", "fig08", "fig13", "fig15", "fig16"]


pytestmark = pytest.mark.slow


def title(figure):
    """The title of a figure in one line, wherever it is broken."""
    return " ".join(figure.get_suptitle().split())


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    return Paper.load("annealing", write_experiment(tmp_path_factory.mktemp("profile"), seeds=2))


@pytest.fixture(scope="module")
def drawn(paper):
    """Every figure of a full profile, laid out in the style of the house."""
    with style.applied():
        found = {name: EVERY[name](paper.evidence) for name in EVERY}
        for figure in found.values():
            FigureCanvasAgg(figure).draw()
    return found


def panel_titles(figure):
    """The boxes of the titles of panels, and what they say."""
    for axis in figure.axes:
        title = axis.get_title(loc="left")
        yield from (
            (text.get_window_extent(), title) for text in axis.findobj(Text) if title and text.get_text() == title
        )


def test_every_figure_is_there_and_states_a_finding(drawn):
    assert list(drawn) == EXPECTED
    for name, figure in drawn.items():
        assert len(figure.get_suptitle()) > 20, name
        assert EVERY[name].__doc__.strip().endswith("."), name


def test_figures_have_the_width_of_a_column(drawn):
    for name, figure in drawn.items():
        assert figure.get_figwidth() in (style.SINGLE, style.DOUBLE), name
        assert figure.get_figheight() <= 6, name


def test_nothing_that_is_written_is_cut_off(drawn):
    for name, figure in drawn.items():
        headings = [(text.get_window_extent(), text.get_text()) for text in figure.texts]
        for box, text in [*headings, *panel_titles(figure)]:
            assert box.x0 >= -1 and box.y0 >= -1, (name, text)
            assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, (name, text)


def test_titles_of_panels_keep_apart(drawn):
    for name, figure in drawn.items():
        found = list(panel_titles(figure))
        for i, (box, text) in enumerate(found):
            assert not any(box.overlaps(other) for other, _ in found[:i]), (name, text)


def test_legends_lie_outside_the_data(drawn):
    for name, figure in drawn.items():
        inner = [axis.get_legend() for axis in figure.axes if axis.get_legend()]
        for legend in [*figure.legends, *inner]:
            assert not any(legend.get_window_extent().overlaps(axis.bbox) for axis in figure.axes), name


def test_the_same_data_gives_the_same_bytes_with_fonts_and_without_dates(paper, tmp_path):
    names = ("fig02_fit", "fig16_noise")
    for folder in ("one", "two"):
        for name in names:
            figures.draw(PLACE, name, paper.evidence, tmp_path / folder)
    digest = [
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((tmp_path / folder).iterdir())}
        for folder in ("one", "two")
    ]
    assert digest[0] == digest[1]
    assert sorted(digest[0]) == [f"{name}.{kind}" for name in names for kind in ("pdf", "svg")]
    pdf = (tmp_path / "one" / "fig02_fit.pdf").read_bytes()
    assert b"CreationDate" not in pdf and b"/FontFile2" in pdf and b"/Type3" not in pdf
    svg = (tmp_path / "one" / "fig02_fit.svg").read_text()
    assert "<dc:date>" not in svg and "<text" not in svg


def test_a_reader_s_own_settings_change_nothing(paper, tmp_path):
    import matplotlib

    figures.draw(PLACE, "fig16_noise", paper.evidence, tmp_path / "plain")
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9, "axes.facecolor": "red"}):
        figures.draw(PLACE, "fig16_noise", paper.evidence, tmp_path / "odd")
    one, two = (tmp_path / folder / "fig16_noise.svg" for folder in ("plain", "odd"))
    assert one.read_bytes() == two.read_bytes()


def test_a_small_profile_leaves_out_what_it_did_not_run(tmp_path):
    paper = Paper.load("annealing", write_experiment(tmp_path, SMOKE, seeds=2))
    left_out = {}
    for name in EVERY:
        try:
            EVERY[name](paper.evidence)
        except figures.NotRun as reason:
            left_out[name] = str(reason)
    assert [name for name in EXPECTED if name[:5] in SHOWN_BY_SMOKE] == [n for n in EXPECTED if n not in left_out]
    assert left_out["fig05_delay"] == "needs a run whose rate dips once, not run in this profile"


def test_old_files_of_a_figure_that_is_left_out_go_away(tmp_path):
    paper = Paper.load("annealing", write_experiment(tmp_path, SMOKE, seeds=2))
    folder = tmp_path / "figures"
    folder.mkdir()
    for name in ("fig05_delay.svg", "fig05_delay.pdf", "fig06_other.svg"):
        (folder / name).write_text("of an earlier profile")
    assert figures.draw(PLACE, "fig05_delay", paper.evidence, folder).missing
    assert [path.name for path in folder.iterdir()] == ["fig06_other.svg"]


def test_titles_tell_the_numbers(paper, drawn):
    score = paper.evidence.own.fit.r2
    assert f"R² = {score:.4f}" in title(drawn["fig02_fit"])
    predictions = paper.evidence.own.predictions()
    unseen = predictions[(predictions["fit"] == "annealing") & (predictions["role"] == "unseen")]
    assert f"mean error of {100 * unseen['mean_error'].mean():.2f} %" in title(drawn["fig03_unseen"])
    assert "R² = 0.99964" in title(drawn["fig15_paper"])


def test_page_colours_exist_for_light_and_dark():
    assert style.COLOURS.keys() == style.DARK.keys()
    assert len(set(style.COLOURS.values())) == len(style.COLOURS)


def test_claims_point_to_figures_that_exist(paper):
    stems = {claim.figure for claim in paper.claims} - {""}
    assert stems and stems <= set(EVERY)
