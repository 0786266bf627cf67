"""What a worker does, whichever engine started it: train one segment, and leave its output and its error in the run folder."""

import os
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path

from losslaws.curves import InputError
from losslaws.curves.files import write_text
from training import config
from training.loop import train
from training.sweep import Segment


class Mishap(Exception):
    """A segment ended early for a reason that trying again may mend: memory, a device, the file system."""


def perform(segment: Segment) -> None:
    """Train a segment, from the newest checkpoint if there is one; what it prints goes to RUN_FOLDER/log.txt.

    Raises InputError, which no second attempt mends, and Mishap; both are left in RUN_FOLDER/error.txt.
    """
    os.chdir(segment.directory)
    segment.folder.mkdir(parents=True, exist_ok=True)
    (segment.folder / "error.txt").unlink(missing_ok=True)
    with output_to(segment.folder / "log.txt"):
        try:
            train(config.load(segment.call()), until=segment.last, wait=True)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            note(segment, str(error))
            raise
        except Exception as error:
            traceback.print_exc()
            line = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]
            note(segment, line)
            raise Mishap(f"{segment.name}: {line}") from None


def note(segment: Segment, line: str) -> None:
    """Leave what a segment ended with, for `python -m training status`."""
    write_text(segment.folder / "error.txt", line + "\n")


@contextmanager
def output_to(path: Path):
    """Append everything this process prints to `path`, what libraries below Python print included."""
    sys.stdout.flush()
    sys.stderr.flush()
    before = os.dup(1), os.dup(2)
    with open(path, "a") as file:
        try:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, saved in enumerate(before, start=1):
                os.dup2(saved, number)
                os.close(saved)
