"""Files are whole or absent; what is no file is written into; nothing is planted, and no folder made by a mistyped name."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from losslaws.curves import InputError, files

ROOT = Path(__file__).parents[3]


def left(folder):
    """What lies in `folder`, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "x.csv"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and left(tmp_path) == ["x.csv"]


def test_a_new_file_has_usual_permissions_and_an_old_one_keeps_its_own(tmp_path):
    files.write_text(tmp_path / "new", "x")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~os.umask(os.umask(0o22) or 0o22)
    (tmp_path / "new").chmod(0o600)
    files.write_text(tmp_path / "new", "y")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link.csv").symlink_to("there/x.csv")
    for text in ("first", "second"):
        files.write_text(tmp_path / "link.csv", text)
        assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "there" / "x.csv").read_text() == text
    assert left(tmp_path / "there") == ["x.csv"]


def test_temporary_files_are_new_and_their_names_cannot_be_guessed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / f".x.csv.{os.getpid()}.tmp").symlink_to(victim)  # what the name once was
    names = set()
    for _ in range(3):
        with files.atomic(tmp_path / "x.csv") as temporary:
            names.add(temporary.name)
            temporary.write_text("text")
    assert len(names) == 3 and victim.read_text() == "mine" and not (tmp_path / "x.csv").is_symlink()


def test_a_planted_name_is_refused(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr("losslaws.curves.files.secrets.token_hex", lambda size: "known")
    (tmp_path / ".known.tmp").symlink_to(victim)
    with pytest.raises(FileExistsError):
        files.write_text(tmp_path / "x.csv", "text")
    assert victim.read_text() == "mine" and not (tmp_path / "x.csv").exists()


def test_two_threads_do_not_meet(tmp_path):
    texts = [character * 100_000 for character in "abcdefgh"]
    threads = [threading.Thread(target=files.write_text, args=(tmp_path / "x", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "x").read_text() in texts and left(tmp_path) == ["x"]


def test_a_fifo_is_written_into(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    files.write_text(tmp_path / "pipe", "through")
    reader.join()
    assert got == [b"through"] and stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode) and left(tmp_path) == ["pipe"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_written_into(tmp_path):
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        files.write_text(device, "nothing")
    except PermissionError:
        pytest.skip("devices cannot be made or used here")
    assert stat.S_ISCHR(device.stat().st_mode) and left(tmp_path) == ["null"]


def written(code, **pipes):
    code = f"from losslaws.curves import files\n{code}"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, **pipes)


def test_standard_output_is_written_in_order(tmp_path):
    code = "print('before'); files.write_text('/dev/stdout', 'table\\n'); print('after')"
    done = written(code, stdout=subprocess.PIPE)
    assert done.stdout == "before\ntable\nafter\n"
    with open(tmp_path / "out.txt", "w") as out:
        written(code, stdout=out)
    assert (tmp_path / "out.txt").read_text() == "before\ntable\nafter\n"


def test_what_cannot_be_written_is_said_of_the_file_that_was_asked_for(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="is a folder; give the name of a file"):
        files.write_text(tmp_path, "x")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError) as refused:
        files.write_text(tmp_path / "file" / "x.csv", "x")
    assert refused.value.filename == str(tmp_path / "file" / "x.csv")
    with pytest.raises(OSError, match="No space left") as refused, files.atomic(tmp_path / "x.csv"):
        raise OSError(28, "No space left on device")
    assert refused.value.filename == str(tmp_path / "x.csv") and left(tmp_path) == ["file"]


def test_a_name_that_a_person_gave_makes_no_folder(tmp_path):
    assert files.named(tmp_path / "x.csv") == tmp_path / "x.csv"
    with pytest.raises(
        InputError, match=r"mistyped/x.csv: there is no folder .*mistyped; make it, or correct the name"
    ):
        files.named(tmp_path / "mistyped" / "x.csv")
    with pytest.raises(InputError, match="is a folder"):
        files.named(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "none" / "x.csv")
    with pytest.raises(InputError, match="there is no folder"):
        files.named(tmp_path / "link")
    assert left(tmp_path) == ["link"]
    assert files.named("/dev/null") == Path("/dev/null")


def test_a_folder_that_a_person_gave_is_one_or_can_become_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("none/here")
    for path in (".", "", "new", "below/the/working/folder", tmp_path, tmp_path / "new", tmp_path.parent / "beside"):
        assert files.named_folder(path) == Path(path)
    for path, message in (
        ("file", "is no folder"),
        ("file/below", "is no folder"),
        ("/dev/null", "is no folder"),
        ("/dev/null/below", "is no folder"),
        (tmp_path.parent / "mistyped" / "x", "there is no folder .*mistyped; make it, or correct the name"),
        ("a\0b", "is no name of a folder"),
    ):
        with pytest.raises(InputError, match=message):
            files.named_folder(path)
    assert left(tmp_path) == ["file", "link"]


def test_a_table_is_what_pandas_writes(tmp_path):
    frame = pd.DataFrame({"name": ["a,b", None, 'c"d', "-", "-0.5 %", "+1 (-2)"], "x": np.arange(6) / 3, "n": range(6)})
    for digits in (None, 4):
        files.write_table(frame, tmp_path / "x.csv", digits)
        expected = frame.to_csv(index=False, float_format=digits and f"%.{digits}g")
        assert (tmp_path / "x.csv").read_text() == expected


def test_no_cell_of_text_is_a_formula(tmp_path):
    odd = ["=cmd|'/C calc'!A1", "@SUM(A1)", "+1+cmd|'x'!A1", "-2+3+HYPERLINK(A1)", "\t=1", "fine=1"]
    frame = pd.DataFrame({"=name": odd, "n": [-1.5] * 6})
    files.write_table(frame, tmp_path / "x.csv")
    read = pd.read_csv(tmp_path / "x.csv")
    assert read["'=name"].tolist() == [*(f"'{cell}" for cell in odd[:5]), "fine=1"] and (read["n"] == -1.5).all()
    assert frame["=name"].tolist() == odd


def test_tables_are_written_in_one_place():
    sources = [path for room in ("losslaws", "analysis") for path in (ROOT / room).rglob("*.py")]
    assert [path.name for path in sources if ".to_csv(" in path.read_text(encoding="utf-8")] == ["files.py"]
