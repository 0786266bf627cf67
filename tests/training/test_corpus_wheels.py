"""The source `wheels`: text of named versions, from archives that are read and never installed."""

import hashlib
import zipfile

import pytest

from losslaws.curves import InputError
from training import config
from training.corpus import installed, prepare, sources, wheels

SOURCE = '"""What the module is for, said at some length: a docstring that is kept as prose."""\n' + "".join(
    f"def function_{letter}(value):\n    return value + '{letter}'\n" for letter in "abcdefghij"
)


def make_wheel(folder, name, version, files):
    folder.mkdir(exist_ok=True)
    about = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    described = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n" + "A package that has a description.\n" * 8
    )
    files = files | {
        f"{about}/METADATA": described,
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    return path


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of wheels that pip is pointed at; no index is asked, and the cache is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "shelf"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (tmp_path / "shelf").mkdir()
    return tmp_path / "shelf"


def test_wheels_are_fetched_by_pip_and_read(shelf, tmp_path):
    trap = SOURCE + f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    made = make_wheel(
        shelf,
        "tiny",
        "1.0",
        {
            "tiny/a.py": trap,
            "tiny/b.py": SOURCE.replace("function", "method").replace("\n", "\r\n"),
            "tiny/include/c.h": "int x;\n" * 50,
            "tiny/data.pkl": b"\x80\x04.",
            "tiny/_version.py": SOURCE,
            "tiny/latin.py": b"# \xe9\n" * 100,
        },
    )
    make_wheel(shelf, "tiny", "2.0", {"tiny/a.py": "# another version\n" * 40})
    asked = {"packages": ["tiny==1.0"]}
    assert sorted(wheels.documents(**asked)) == sorted([trap, SOURCE.replace("function", "method")])
    assert list(wheels.documents(domain="headers", **asked)) == ["int x;\n" * 50]
    assert any("has a description" in text for text in wheels.documents(domain="prose", **asked))
    assert not (tmp_path / "ran").exists()
    assert wheels.record(**asked) == {"wheels": {made.name: hashlib.sha256(made.read_bytes()).hexdigest()}}

    made.unlink()  # what is in the cache needs no pip
    assert len(list(wheels.documents(**asked))) == 2


def test_a_corpus_of_wheels_records_their_hashes(shelf, tmp_path):
    for number in range(3):
        files = {f"p{number}/m{m}.py": SOURCE.replace("function", f"f{number}_{m}_") for m in range(30)}
        make_wheel(shelf, f"p{number}", "0.1", files)
    data = {"source": "wheels", "packages": ["p2==0.1", "p0==0.1", "P1 == 0.1"], "vocab_size": 300, "val_tokens": 512}
    data |= {"train_tokens": 4000, "val_fraction": 0.2}
    made = prepare(data, tmp_path / "corpora")
    assert len(made.fingerprint["wheels"]) == 3
    assert made.fingerprint["source"] == {"name": "wheels-python", "packages": {"p0": "0.1", "p1": "0.1", "p2": "0.1"}}
    again = prepare(data | {"packages": ["p0==0.1", "p1==0.1", "p2==0.1"]}, tmp_path / "corpora")
    assert again.folder == made.folder


def test_a_wheel_that_cannot_be_had_is_named_with_the_remedy(shelf):
    make_wheel(shelf, "tiny", "1.0", {"tiny/a.py": SOURCE})
    with pytest.raises(InputError, match=r"the wheel of absent==3.0 cannot be had .*PIP_FIND_LINKS.*put it into"):
        list(wheels.documents(packages=["tiny==1.0", "absent==3.0"]))


@pytest.mark.parametrize("packages", [None, [], "tiny==1.0", ["tiny"], ["tiny>=1.0"], ["tiny==1.*"], ["a b"], [3]])
def test_packages_must_name_versions(packages):
    with pytest.raises(InputError, match=r"data.packages.*write"):
        wheels.describe(packages=packages)


def test_a_damaged_wheel_is_named(shelf):
    path = make_wheel(shelf, "tiny", "1.0", {"tiny/a.py": SOURCE * 9})
    list(wheels.documents(packages=["tiny==1.0"]))
    (held,) = shelf.parent.glob("cache/**/tiny*.whl")
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    for damaged in (b"no archive", bytes(content)):
        held.write_bytes(damaged)
        with pytest.raises(InputError, match=r"tiny-1.0-py3-none-any.whl: is damaged; delete it"):
            list(wheels.documents(packages=["tiny==1.0"]))


@pytest.mark.parametrize("name", ["python", "prose", "headers"])
def test_presets_name_versions(name):
    data = config.preset(name)
    assert data["source"] == "wheels" and "wheels" in sources()
    assert wheels.describe(domain=data["domain"], packages=data["packages"])["name"] == f"wheels-{name}"


def test_installed_and_wheels_read_the_same_files_alike(shelf, monkeypatch):
    """The wheel of an installed pure package gives the documents that the installed package gives."""
    from importlib.metadata import distribution

    package = distribution("click")
    files = {
        str(file): package.locate_file(file).read_bytes()
        for file in package.files
        if ".." not in file.parts and ".dist-info" not in str(file) and file.suffix == ".py"
    }
    make_wheel(shelf, "click", package.version, files)
    for domain in ("python", "headers"):
        ours = list(wheels.documents(domain=domain, packages=[f"click=={package.version}"]))
        assert ours == list(installed.documents(domain=domain, packages=["click"]))
