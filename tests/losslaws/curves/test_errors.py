"""How a command ends when its input is bad, or when nobody reads its output any more."""

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
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True, **pipes)


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
