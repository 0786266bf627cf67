"""How a command ends when its input is bad, or when nobody reads its output any more."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = """
from losslaws.curves.errors import InputError, exit_on_input_error
def main():
    {body}
exit_on_input_error(main)
"""


def command(body, **pipes):
    code = CODE.format(body=body)
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, **{"text": True, **pipes})


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_has_seen_enough_is_no_error(lines):
    running = command(f"input(); print({lines} * 'a line\\\\n')", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    running.stdout.close()  # before anything is written
    _, said = running.communicate("go\n")
    assert said == "" and running.returncode == 1


def test_bad_input_is_one_line_and_status_2():
    running = command("raise InputError('a.csv: no column; add one')")
    _, said = running.communicate()
    assert said == "error: a.csv: no column; add one\n" and running.returncode == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("open('/none/x.csv')", "error: /none/x.csv: No such file or directory\n"),
        (
            "raise OSError(28, 'No space left on device', 'x.csv')",
            "error: x.csv: No space left on device; free some space",
        ),
        ("raise PermissionError(13, 'Permission denied', 'x.csv')", "error: x.csv: Permission denied; choose a place"),
        ("raise BrokenPipeError(32, 'Broken pipe', '/dev/fd/9')", "error: /dev/fd/9: Broken pipe\n"),
        ("raise InputError('a\\x1b]0;title\\x07\\nb\\u202e')", "error: a\\x1b]0;title\\x07\\nb\\u202e\n"),
    ],
)
def test_what_the_system_refuses_is_one_line(body, said):
    running = command(body)
    _, got = running.communicate()
    assert got.startswith(said) and got.count("\n") == 1 and running.returncode == 2


def test_a_full_disk_behind_standard_output_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "w") as full:
        running = command("print('x' * 100_000)", stdout=full)
        _, said = running.communicate()
    assert said == "error: No space left on device; free some space, or write elsewhere\n" and running.returncode == 2


def test_ctrl_c_is_status_130_without_a_traceback():
    body = "print('go', flush=True); import time; time.sleep(60)"
    running = command(body, stdout=subprocess.PIPE)
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate()
    assert said == "interrupted\n" and running.returncode == 130


def test_nothing_printed_moves_the_cursor_and_no_letter_is_too_much_for_the_terminal():
    body = "print('a\\x1b[2Jb\\r\\tc', '\\u2013', 'R\\u00b2', '\\udce9')"
    for variables, expected in (
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "\\u2013 R\\xb2"),
        ({"PYTHONUTF8": "1"}, "– R²"),
    ):
        running = command(body, stdout=subprocess.PIPE, env=os.environ | variables, encoding="utf-8")
        out, said = running.communicate()
        assert out == f"a\\x1b[2Jb\\r\tc {expected} \\udce9\n" and said == ""
