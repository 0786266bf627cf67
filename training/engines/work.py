"""What a worker does, whichever engine started it: train one segment, and leave its output and its error in the run folder."""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from contextlib import contextmanager
from pathlib import Path

from losslaws.curves import InputError
from losslaws.curves.files import write_text
from training import checkpoint, config, loop
from training.engines.stalls import LOOK, Stalls
from training.interrupt import Interrupted as Asked
from training.run_folder import RunFolder
from training.sweep import Segment

BAD_INPUT = 2  # exit status of a process whose input no second attempt mends
STALLED = "no progress for long; it is ended and tried again"
GRACE = 60  # seconds that a process has to save a checkpoint when its job is interrupted


class Mishap(Exception):
    """A segment ended early for a reason that trying again may mend: memory, a device, the file system."""


class Interrupted(Mishap):
    """A segment was told to end early, and saved what it had."""


def perform(segment: Segment) -> None:
    """Train a segment, from the newest checkpoint if there is one; what it prints goes to RUN_FOLDER/log.txt.

    Raises InputError, which no second attempt mends, and Mishap; both are left in RUN_FOLDER/error.txt.
    """
    os.chdir(segment.directory)
    segment.folder.mkdir(parents=True, exist_ok=True)
    (segment.folder / "error.txt").unlink(missing_ok=True)
    with output_to(segment.folder / "log.txt"):
        try:
            train(segment)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            note(segment, str(error))
            raise
        except Asked as end:
            raise Interrupted(f"{segment.name}: interrupted by {end.signal.name} at step {end.step}") from None
        except Exception as error:
            traceback.print_exc()
            line = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0]
            note(segment, line)
            raise Mishap(f"{segment.name}: {line}") from None


def train(segment: Segment) -> None:
    """Train a segment, branching off where the shared stretch can be read; what cannot is found as it is loaded, and passed over."""
    *branching, alone = segment.calls()
    for call in branching:
        try:
            loop.train(config.load(call), until=segment.last, wait=True)
            return
        except checkpoint.Unusable as error:
            if RunFolder(segment.folder).resume_step():  # a checkpoint of its own: no branch point was read
                raise
            print(f"warning: {error}; it is passed over", file=sys.stderr)
    loop.train(config.load(alone), until=segment.last, wait=True)


class Trials:
    """Tries a segment in a process of its own, again from the newest checkpoint when that dies, `attempts` times in all.

    stalled_min  minutes without progress after which the process is killed; None: never
    """

    def __init__(self, segment: Segment, attempts: int, stalled_min: float | None):
        self.segment, self.attempts, self.stalls = segment, attempts, stalls_of(segment, stalled_min)
        self.process: multiprocessing.Process | None = None

    def run(self) -> None:
        """Raises InputError and Mishap as `perform` does, the latter also for a process that was killed."""
        for _ in range(self.attempts):
            # A copy of this process, which has imported everything and used no device yet.
            self.process = multiprocessing.get_context("fork").Process(target=_trial, args=(self.segment,), daemon=True)
            self.process.start()
            self.wait()
            if self.process.exitcode == 0 and self.segment.done():
                return
            if self.process.exitcode == BAD_INPUT:
                raise InputError(f"{self.segment.name}: see {self.segment.folder / 'error.txt'}")
            if self.process.exitcode < 0:
                note(self.segment, f"killed by signal {-self.process.exitcode}")
        raise Mishap(f"{self.segment.name}: {self.attempts} attempts failed; see {self.segment.folder / 'error.txt'}")

    def wait(self) -> None:
        """Wait until the process has ended; one whose run has stalled is killed."""
        while self.process.exitcode is None:
            self.process.join(LOOK)
            if self.stalls.find({self.segment.name: self.process}):
                print(f"{self.segment.name}: {STALLED}", flush=True)
                self.process.kill()

    def interrupt(self) -> None:
        """Have the process save what it has and end."""
        if self.process and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGUSR2)
            self.process.join(GRACE)


def _trial(segment):
    for number in (signal.SIGUSR2, signal.SIGTERM, signal.SIGCONT):  # the parent's handlers are not for its child
        signal.signal(number, signal.SIG_DFL)
    try:
        perform(segment)
    except InputError:
        sys.exit(BAD_INPUT)
    except Mishap:
        sys.exit(1)


def stalls_of(segment: Segment, minutes: float | None) -> Stalls:
    """What finds that the run of a segment has stalled."""
    return Stalls(minutes, lambda name: RunFolder(segment.folder).recorded_steps())


@contextmanager
def killed_when_stalled(segment: Segment, minutes: float | None):
    """A block in which a thread kills this process where the run has stalled, for a process that nobody else watches.

    A stalled run waits, for a device or a file system, and leaves threads their turn.
    """
    stalls, over = stalls_of(segment, minutes), threading.Event()

    def watch():
        while not over.wait(LOOK):
            if stalls.find({segment.name: segment}):
                note(segment, STALLED)
                os.kill(os.getpid(), signal.SIGKILL)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


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
