import sys

import pytest

from losslaws.curves import InputError, plugins


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two things and a shared part."""
    for name in ("__init__", "round", "square", "_shared"):
        (tmp_path / "shapes_of_a_test").mkdir(exist_ok=True)
        (tmp_path / "shapes_of_a_test" / f"{name}.py").write_text(f"called = '{name}'")
    monkeypatch.syspath_prepend(tmp_path)
    yield "shapes_of_a_test"
    for name in [name for name in sys.modules if name.startswith("shapes_of_a_test")]:
        del sys.modules[name]


def test_a_file_is_found_by_its_name(package):
    assert plugins.names(package) == ("round", "square")
    assert plugins.load(package, "square", "shape").called == "square"


def test_an_unknown_name_is_refused_with_the_nearest(package):
    with pytest.raises(
        InputError, match=r"^shape 'squares' is unknown; did you mean 'square'\? \(known: round, square\)$"
    ):
        plugins.load(package, "squares", "shape")
    with pytest.raises(InputError, match="shape '_shared' is unknown"):
        plugins.load(package, "_shared", "shape")
