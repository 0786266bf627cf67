"""Figures: the same bytes on every machine, and names that are names."""

import warnings

import numpy as np
import pytest

from losslaws import style
from losslaws.curves import InputError


def drawn(shift=0.0, name="a"):
    """A figure with clipped lines, markers and filled areas, its axes moved by `shift`."""
    with style.applied():
        figure = style.canvas()
        axes = figure.subplots(1, 2)
        for one in axes:
            one.plot(np.arange(5), np.arange(5) + shift, "o-", label=name)
            one.fill_between(np.arange(5), np.arange(5), 2)
        axes[0].set_xscale("log")
        axes[1].set_yticks([0, 1], [name, "$x$"])
        axes[1].legend()
        return style.headline(figure, f"{name} is best")


def saved(figure, folder, **how):
    with style.applied():
        return [path.read_bytes() for path in style.save(figure, folder / "figure", **how)]


def test_the_last_bits_of_numbers_change_no_figure(tmp_path):
    assert saved(drawn(), tmp_path) == saved(drawn(1e-14), tmp_path)


def test_made_up_ids_are_numbered_and_every_reference_follows():
    svg = b'<clipPath id="p0123456789"/><use href="#m00aa11bb22"/><g clip-path="url(#p0123456789)" fill="#0072b2"/>'
    assert style.numbered(svg) == b'<clipPath id="i1"/><use href="#i2"/><g clip-path="url(#i1)" fill="#0072b2"/>'


def test_a_name_is_no_formula(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as of a glyph that the font lacks, which matplotlib would print
        pdf, svg = saved(drawn(name="loss$\\bad$\x1b[2J"), tmp_path)
    assert pdf.startswith(b"%PDF") and rb"<!-- loss$\bad$\x1b[2J -->" in svg and b"<!-- $x$ -->" in svg
    assert rb"$\mathdefault{10^{0}}$" in svg or b"10^{0}" in svg  # the numbers of an axis still are


def test_a_letter_that_the_font_lacks_is_drawn_without_a_word(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, svg = saved(drawn(name="🙂 日本"), tmp_path)
    assert "<!-- 🙂 日本 -->".encode() in svg


def test_a_figure_is_written_in_the_format_of_its_ending(tmp_path):
    stem, kinds = style.kinds_of(tmp_path / "a.b.PNG")
    assert (stem, kinds) == (tmp_path / "a.b", ("png",))
    assert saved(drawn(), tmp_path, kinds=kinds)[0].startswith(b"\x89PNG")
    assert style.kinds_of(tmp_path / "a") == (tmp_path / "a", ("pdf", "svg"))
    with pytest.raises(InputError, match=r"a.jpg: a figure ends in .pdf, .svg, .png"):
        style.kinds_of(tmp_path / "a.jpg")
    with pytest.raises(InputError, match=r"/dev/null: a figure ends in"):
        style.kinds_of(style.Path("/dev/null"))


def test_titles_are_broken_into_lines_about_equally_long():
    text = "Counted as Kaplan et al. counted them, the law of Chinchilla gives their exponent of .73 again"
    lines = style.broken(text, 91).split("\n")
    assert " ".join(lines) == text and len(lines) == 2
    assert max(map(len, lines)) - min(map(len, lines)) <= 12 and len(style.broken(text, 200).split("\n")) == 1
