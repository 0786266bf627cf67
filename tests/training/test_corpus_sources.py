import ast
import inspect
import json
import os
from importlib.metadata import metadata, version
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from losslaws.curves import InputError
from training.corpus import hub, installed, local, packages, prepare

TEXTS = ["Grüße aus Köln\n", "x = 1\n" * 5, "日本語のテキスト", "the last one"]


# installed


def test_installed_python_is_source_in_a_fixed_mixture():
    texts = list(installed.documents(packages=["click", "packaging"]))
    assert texts == list(installed.documents(packages=["packaging", "click"]))
    assert len(texts) > 20
    for text in texts:
        ast.parse(text)
        assert 200 <= len(text) <= 200_000
    of_click = ["import click" in text or "from .core" in text or "from ._compat" in text for text in texts]
    assert sum(a != b for a, b in pairwise(of_click)) > 4  # not package by package


def test_installed_prose_is_docstrings_and_descriptions():
    texts = list(installed.documents(domain="prose", packages=["click"]))
    import click

    assert any(inspect.cleandoc(click.Command.__doc__) in text for text in texts)
    assert metadata("click")["Description"] in texts
    assert not any("import annotations" in text for text in texts)


def test_docstrings_are_read_without_running_anything(tmp_path):
    trap = tmp_path / "trap"
    source = f'"""Module."""\nopen({str(trap)!r}, "w")\nclass A:\n    """Class."""\n    def f(self):\n        """Method."""\n'
    assert packages.docstrings(source) == "Module.\n\nClass.\n\nMethod."
    assert not trap.exists()
    assert packages.docstrings('"""Not python""" (') == ""


def test_installed_headers_are_c():
    texts = list(installed.documents(domain="headers", packages=["numpy"]))
    assert any("NPY_NO_EXPORT" in text for text in texts)
    assert all("#" in text for text in texts)


def test_installed_reads_only_what_the_requirements_name(tmp_path, monkeypatch):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# pins\n--index-url https://example.org\nclick==8 # why\nnot-a-package-that-exists==1\n")
    monkeypatch.setattr(installed, "REQUIREMENTS", requirements)
    assert installed.describe()["packages"] == {"click": version("click")}
    with pytest.raises(InputError, match="does not name 'clik'; did you mean 'click'"):
        installed.describe(packages=["clik"])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("def f():\n    return 'ordinary code'\n" * 20, True),
        ("x = 1\n", False),
        ("# This file is auto-generated\n" + "x = f(y)\n" * 50, False),
        ("a generated text is fine when\npeople write about it\n" * 10, True),
        ("1.234, 5.678, 9.012,\n" * 50, False),
        ("x = '" + "a" * 2000 + "'\n", False),
        ("name = value\n" * 20_000, False),
    ],
)
def test_generated_files_and_tables_are_left_out(text, kept):
    assert packages.is_written(text) is kept


def test_an_unknown_domain_is_refused():
    with pytest.raises(InputError, match="did you mean 'prose'"):
        prepare({"source": "installed", "domain": "prosa"})


# local


def write(folder):
    """TEXTS in every format, and what the reader should find."""
    rows = [{"body": text, "n": number} for number, text in enumerate(TEXTS)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "a.txt").write_text(TEXTS[0], encoding="utf-8")
    (folder / "deep").mkdir()
    (folder / "deep" / "b.md").write_text(TEXTS[1], encoding="utf-8")
    (folder / "c.jsonl").write_text(lines + "\n", encoding="utf-8")
    compressor = zstandard.ZstdCompressor()
    half = len(lines) // 2
    packed = compressor.compress(lines[:half].encode()) + compressor.compress(lines[half:].encode())  # two frames
    (folder / "d.jsonl.zst").write_bytes(packed)
    pq.write_table(pa.Table.from_pylist([*rows, {"body": None, "n": 9}]), folder / "e.parquet")
    (folder / "ignored.bin").write_bytes(b"\xff\xfe")
    return sorted([TEXTS[0], TEXTS[1], *TEXTS, *TEXTS, *TEXTS, ""])


def test_local_reads_every_format_of_a_folder(tmp_path):
    expected = write(tmp_path)
    assert sorted(local.documents(paths=str(tmp_path), text="body")) == expected
    assert local.describe(paths=[str(tmp_path)], text="body")["files"] == 5


@pytest.mark.parametrize("name", ["c.jsonl", "d.jsonl.zst", "e.parquet"])
def test_local_reads_a_single_file(tmp_path, name):
    write(tmp_path)
    assert [text for text in local.documents(paths=[tmp_path / name], text="body") if text] == TEXTS


def test_a_long_file_becomes_several_documents_that_end_with_a_line(tmp_path):
    book = "".join(f"line {number} of a book\n" for number in range(3000))
    (tmp_path / "book.txt").write_text(book)
    parts = list(local.documents(paths=tmp_path))
    assert "".join(parts) == book
    assert len(parts) > 5
    assert all(part.endswith("\n") and len(part) <= local.LONGEST for part in parts)


def test_a_change_of_a_file_is_seen(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    before = local.describe(paths=str(tmp_path))
    (tmp_path / "a.txt").write_text("three")
    assert local.describe(paths=str(tmp_path)) != before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"txt": "y"}\n', "line 2 has no field 'text'; did you mean 'txt'"),
        ("a.jsonl", b'{"text": 3}\n', "line 1 holds no text"),
        ("a.jsonl", b"[1]\n", "line 1 holds no text"),
        ("a.jsonl", b'{"text": "x"\n', "line 1 is not valid JSON"),
        ("a.jsonl", b'{"text": "x"}\n' + b"[" * 99_999, "line 2 is not valid JSON"),
        ("a.jsonl", b'{"text": "x", "n": ' + b"9" * 9999 + b"}", "line 1 is not valid JSON"),
        ("a.txt", b"\xff\xfe\x00", "is not UTF-8"),
        ("a.jsonl.zst", b"plainly not zstd", "cannot be read .ZSTD decompress failed"),
        ("a.jsonl.zst", zstandard.compress(b'{"text": "' + b"x" * 999)[:-20], "cannot be read .Truncated"),
        ("a.parquet", b"plainly not parquet", "is not a parquet file"),
        ("a.parquet", b"PAR1" + bytes(99) + b"PAR1", "cannot be read"),
    ],
)
def test_bad_files_end_with_one_line_that_names_them(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        list(local.documents(paths=str(tmp_path)))
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_parquet_columns_are_checked(tmp_path):
    pq.write_table(pa.table({"texts": ["a"], "n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no column 'text'; did you mean 'texts'"):
        list(local.documents(paths=str(tmp_path)))
    with pytest.raises(InputError, match="column 'n' holds int64, not text"):
        list(local.documents(paths=str(tmp_path), text="n"))


def test_missing_and_unknown_files_are_refused(tmp_path):
    (tmp_path / "a.docx").write_text("x")
    os.mkfifo(tmp_path / "pipe.txt")  # nobody will ever write into it
    for paths, message in (
        (None, "data.paths is not set"),
        (str(tmp_path / "nowhere"), "does not exist"),
        (str(tmp_path / "a.docx"), "holds no text of a known kind"),
        (str(tmp_path), "holds no text of a known kind"),
        (str(tmp_path / "pipe.txt"), "is no file"),
        ("/dev/null", "is no file"),
    ):
        with pytest.raises(InputError, match=message):
            list(local.documents(paths=paths))


# hub


@pytest.fixture
def no_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def made(tmp_path):
    """A data set of its own: rows in jsonl and in parquet."""
    rows = [{"text": text, "n": number} for number, text in enumerate(TEXTS)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "set").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "set" / "train.parquet")
    return tmp_path


@pytest.mark.parametrize("streaming", [True, False])
def test_hub_reads_what_load_dataset_opens(made, no_cache, streaming):
    by_builder = {"path": "json", "data_files": str(made / "rows.jsonl"), "streaming": streaming}
    as_folder = {"path": str(made / "set"), "streaming": streaming}
    for options in (by_builder, as_folder):
        assert list(hub.documents(**options)) == TEXTS
    assert hub.describe(**as_folder)["name"] == "set"


def test_hub_joins_the_rows_of_a_document(tmp_path, no_cache):
    lines = [" = First = \n", "", " = = Part = = \n", "text\n", " = Second = \n", "more\n"]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    options = {"path": "json", "data_files": str(tmp_path / "rows.jsonl")}
    assert list(hub.documents(**options, document_start="^ = [^=]")) == ["".join(lines[:4]), "".join(lines[4:])]
    with pytest.raises(InputError, match="no regular expression"):
        list(hub.documents(**options, document_start="("))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": None}, "data.path is not set"),
        ({"text": "txt"}, "no text column 'txt'; did you mean 'text'"),
        ({"text": "n"}, "no text column 'n'"),
        ({"split": "test"}, "split"),
        ({"data_files": "nowhere.jsonl"}, "nowhere.jsonl"),
        ({"path": "./nowhere"}, "nowhere"),
    ],
)
def test_bad_sets_end_with_one_line(made, no_cache, wrong, message):
    options = {"path": "json", "data_files": str(made / "rows.jsonl")} | wrong
    with pytest.raises(InputError, match=message) as caught:
        list(hub.documents(**options))
    assert "\n" not in str(caught.value)


def test_the_code_of_a_set_is_not_run(tmp_path, no_cache):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "set.py").write_text(f"open({str(tmp_path / 'trap')!r}, 'w')")
    with pytest.raises(InputError, match="cannot be read"):
        list(hub.documents(path=str(tmp_path / "set")))
    assert not (tmp_path / "trap").exists()


def test_hub_becomes_a_corpus(tmp_path, no_cache):
    rows = [f"{number} is a number of its own, and this is what is said of it" for number in range(400)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    data = {
        "source": "hub",
        "path": "json",
        "data_files": str(tmp_path / "rows.jsonl"),
        "vocab_size": 300,
        "train_tokens": 1000,
        "val_tokens": 100,
        "val_fraction": 0.1,
    }
    corpus = prepare(data, tmp_path / "corpora")
    assert (len(corpus.train), len(corpus.val)) == (1000, 100)
    assert corpus.fingerprint["source"]["datasets"] == version("datasets")
    assert corpus.folder.name.startswith("json-")
