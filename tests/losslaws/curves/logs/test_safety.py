"""No line, file or number makes the reader hang, eat memory, obey or run what a file holds."""

import gzip
import json
import os
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from losslaws.curves import InputError, logs
from losslaws.curves.logs import source, wandb_service

ROOT = Path(__file__).parents[4]
HEADER = "step,lr,loss\n"
ROWS = "".join(f"{t},0.001,{3 + 1 / t:.4f}\n" for t in range(1, 40))


def refused(path, message):
    begin = time.process_time()
    with pytest.raises(InputError, match=message) as caught:
        logs.look(path)
    assert "\n" not in str(caught.value) and time.process_time() - begin < 5
    return str(caught.value)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.log", "a.jsonl"])
def test_a_pipe_and_a_device_are_refused(name, tmp_path):
    os.mkfifo(tmp_path / name)
    refused(tmp_path / name, "is a pipe or a device; copy what it gives into a file")
    refused("/dev/zero", "is a pipe or a device")


HOSTILE = {
    "digits.log": "step " + "1" * 200_000 + " loss 3\n",
    "digits and points.log": "step 5 loss " + "1.1," * 50_000 + "\n",
    "blanks.log": "step" + " " * 200_000 + "x loss:" + " \t" * 100_000 + "\n",
    "brackets.log": "loss:" * 50_000 + "\n",
    "words.log": "a " * 200_000 + "1\n",
    "colours.log": "\x1b[" * 100_000 + "\x1b]" * 100_000 + "\n",
    "signs.log": "loss " + "-+" * 100_000 + "3 step 1\n",
    "exponents.log": "loss " + "1e" * 100_000 + "\n",
    "quotes.csv": 'step,lr,loss\n"' + 'a"",' * 50_000 + "\n",
    "deep.json": '{"a":' + "[" * 100_000,
    "deep.jsonl": '{"a":' + "[" * 100_000 + "\n" + '{"a":1}\n',
    "nested.jsonl": ('{"a":' * 200 + "1" + "}" * 200 + "\n") * 20,
    "huge.jsonl": '{"step": ' + "9" * 5_000 + ', "loss": 3}\n' + '{"step": 1, "loss": 3}\n',
    "wide.csv": ",".join(f"c{i}" for i in range(60_000)) + "\n" + ",".join(["1"] * 60_000) + "\n",
    "wide.jsonl": json.dumps({f"c{i}": i for i in range(60_000)}) + "\n{}\n",
    "templates.log": "".join(f"step {i} x{hex(i * 7919)[2:]}y loss {i}z\n" for i in range(50_000)),
    "newlines.log": "\n" * (source.LINES + source.PIECE),
    "nul.log": b"\0" * 100_000,
}


@pytest.mark.parametrize(
    "name", ["run.csv", "run.log", "run.jsonl", "run.json", "run.wandb", "run", "run.csv.gz", "trainer_state.json"]
)
@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xef\xbb\xbf\n"])
def test_an_empty_file_is_said_to_be_empty(name, content, tmp_path):
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    refused(tmp_path / name, f"{name}: is empty; give a log that holds losses")


def test_a_log_behind_many_blank_lines_is_not_empty(tmp_path):
    lines = "step,lr,loss\n" + "".join(f"{t},1e-3,{3 + 1 / t}\n" for t in range(1, 101))
    assert logs.read(write(tmp_path / "a.csv", "\n" * 200_000 + lines)).step.size == 100


def test_an_empty_folder_is_said_to_be_empty(tmp_path):
    refused(tmp_path, "is empty; give a log that holds losses")


def test_a_header_alone_is_said_to_hold_nothing(tmp_path):
    refused(
        write(tmp_path / "a.csv", "step,lr,val_loss\n"), "no column holds a number; is it a log, and has the run begun?"
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_at_once(name, tmp_path):
    refused(write(tmp_path / name, HOSTILE[name]), "")


def test_a_long_line_within_a_log_is_left_out_with_a_note(tmp_path):
    lines = ROWS.splitlines()
    text = [f"step {t} loss {3 + 1 / t:.4f} lr 0.001" for t in range(1, 40)]
    reading = logs.look(write(tmp_path / "a.log", "\n".join([*text[:9], "x" * (source.LINE + 10), *text[9:]]) + "\n"))
    assert reading.losses["train_loss"] == len(lines)
    assert any("1 lines of more than 1,048,576 characters are left out" in note for note in reading.notes)


def limited(code: str, folder: Path, megabytes: int) -> str:
    """Run `code` with so much memory above what Python and its packages take; return what it says last."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "WHERE": str(folder)}
    )
    assert done.returncode == 0, done.stderr
    answer, peak = done.stdout.splitlines()[-2:]
    assert int(peak) < megabytes * 1024, peak
    return answer


MEASURED = """
import os, re
from losslaws.curves import InputError, logs
try:
    print(logs.look(os.environ["WHERE"]).last)
except InputError as error:
    print(error)
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of one process is read from /proc")
def test_bombs_are_refused_before_they_are_unpacked(tmp_path):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    column = pa.array(np.zeros(source.ROWS + 1))
    parquet.write_table(pa.table({"step": column, "loss": column}), tmp_path / "bomb.parquet", compression="zstd")
    assert (tmp_path / "bomb.parquet").stat().st_size < 2**20
    assert "at most 5,000,000 rows" in limited(MEASURED, tmp_path / "bomb.parquet", 300)
    with gzip.open(tmp_path / "bomb.log.gz", "wb", compresslevel=1) as file:
        file.write((b"a" * 1023 + b"\n") * (17 * 2**10))
    small = MEASURED.replace("try:", "logs.source.LARGEST = 2**24\ntry:", 1)
    assert "unpacks to more than 16 MiB" in limited(small, tmp_path / "bomb.log.gz", 300)


def test_a_database_runs_nothing_of_its_own(tmp_path):
    with sqlite3.connect(tmp_path / "evil.db") as store:
        store.execute(
            "CREATE VIEW metrics AS WITH RECURSIVE r(step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM r) "
            "SELECT 'a' AS run_name, step, '{}' AS metrics FROM r"
        )
    store.close()
    refused(tmp_path / "evil.db", "is of no known format")
    write(tmp_path / "cut.db", (tmp_path / "evil.db").read_bytes()[:3000])
    refused(tmp_path / "cut.db", "is of no known format")


@pytest.mark.parametrize(
    "packed", [b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd\x00\x01\x02", b"BZh91AY", b"\xfd7zXZ\x00\x00"]
)
def test_damaged_packings_are_refused(packed, tmp_path):
    refused(write(tmp_path / "a.csv.gz", packed + b"junk" * 10), "ends too early|cannot be unpacked|cannot be read")


def test_control_characters_of_a_file_never_reach_a_terminal(tmp_path):
    for name, content in (
        ("a.csv", HEADER + "1,2\x1b]0;PWNED\x07\x1b[31m,3\n"),
        ("b.jsonl", '{"step": 1, "lr": 0.1, "loss": 3, "eval/\\u001b[31mx/loss": 3, "eval/\\u009b/loss": 4}\n' * 2),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "losslaws", "read", write(tmp_path / name, content)],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        shown = done.stdout + done.stderr
        assert shown and all(c.isprintable() or c == "\n" for c in shown), (name, shown)


def run_of(rows):
    class Run:
        def scan_history(self):
            return iter(rows)

    class Api:
        def run(self, name):
            if name != "me/gpt/abc123":
                raise ValueError("Could not find run <Run me/gpt/x (not found)>\nsecond line")
            return Run()

    return type("wandb", (), {"Api": Api})


def test_a_run_on_the_service_is_read_whole(monkeypatch):
    rows = [
        {"_step": i, "trainer/global_step": 10 * i, "lr": 1e-3, "train/loss": 3 + 1 / i, "val/loss": None}
        for i in range(1, 2000)
    ]
    rows[5]["val/loss"], rows[7]["train/loss"] = 3.3, "NaN"
    monkeypatch.setitem(sys.modules, "wandb", run_of(rows))
    reading = logs.look("wandb:me/gpt/abc123")
    assert (
        reading.last == 19990
        and reading.losses == {"train_loss": 1998, "val_loss": 1}
        and reading.format == "wandb service"
    )
    assert reading.columns["step"] == "trainer/global_step"
    with pytest.raises(
        InputError, match=r"wandb:me/gpt/x: cannot be read \(Could not find run .*\); log in with `wandb login`"
    ):
        logs.look("wandb:me/gpt/x")
    with pytest.raises(InputError, match="write wandb:ENTITY/PROJECT/RUN"):
        logs.look("wandb:me/gpt")
    assert wandb_service.MARK == "wandb:"


@pytest.mark.parametrize("form", ["text", "json lines", "nested", "csv"])
def test_600_000_lines_take_seconds(form, tmp_path):
    n = 100_000  # a sixth, to be quick
    line, head, seconds = {
        "text": (
            lambda t: (
                f"[2024-05-01 12:00:00] iter {t}/600000 | loss {3 + 1 / t:.6f} | lr 6.0e-04 | norm 0.43 | 123.4ms | 3,502 tok/s"
            ),
            "",
            5,
        ),
        "json lines": (lambda t: f'{{"step": {t}, "lr": 0.0006, "loss": {3 + 1 / t:.6f}, "grad_norm": 0.43}}', "", 3),
        "nested": (lambda t: f'{{"step": {t}, "train": {{"lr": 0.0006, "loss": {3 + 1 / t:.6f}}}}}', "", 5),
        "csv": (
            lambda t: f"{t},0.0006,{3 + 1 / t:.6f},{3.3 if t > 90_000 and t % 1000 == 0 else ''}",
            "step,lr,loss,val_loss\n",
            3,
        ),
    }[form]
    path = write(
        tmp_path / ("log.csv" if form == "csv" else "log"), head + "\n".join(map(line, range(1, n + 1))) + "\n"
    )
    used = []
    for _ in range(3):  # the fastest: a busy neighbour takes caches and memory, too
        begin = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        reading = logs.look(path)
        used.append(resource.getrusage(resource.RUSAGE_SELF).ru_utime - begin)
    assert reading.losses["train_loss"] == n
    assert min(used) < 2 * seconds * n / 600_000, used  # twice what an idle core may take
