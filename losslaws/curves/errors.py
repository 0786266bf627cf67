"""One exception for everything a user can put right, and how every command ends."""

import errno
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from difflib import get_close_matches

REMEDIES = {
    errno.ENOSPC: "free some space, or write elsewhere",
    errno.EDQUOT: "free some space, or write elsewhere",
    errno.EACCES: "choose a place that you may use",
    errno.EPERM: "choose a place that you may use",
    errno.EROFS: "choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
}


class InputError(ValueError):
    """Bad input. The message is one line that names the file, the field and the remedy."""


class Printable:
    """A stream in which control characters, as of a file's name, are shown and not sent to the terminal."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text: str) -> int:
        return self.stream.write(printable(text, "\n\t"))

    def __getattr__(self, name):
        return getattr(self.stream, name)


def printable(text: str, kept: str = "") -> str:
    """Return `text` with every unprintable character but those `kept` as its escape, ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in kept else c.encode("unicode_escape").decode() for c in text)


def nearest(word: str, known) -> str:
    """Return ``"; did you mean 'x'?"`` for the known word closest to `word`, or an empty string."""
    match = get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean '{match[0]}'?" if match else ""


def exit_on_input_error(main: Callable[[], None]) -> None:
    """Run `main`; bad input, and a file that the system refuses, become one line on standard error and exit status 2.

    Ctrl-C ends with status 130. Where the reader of the output, such as `head`, has seen enough, the rest is dropped
    without a word, status 1. Nothing that is printed moves the cursor, and what the terminal's encoding lacks is escaped.
    """
    for own in (sys.stdout, sys.stderr):
        if hasattr(own, "reconfigure"):
            own.reconfigure(errors="backslashreplace")
    try:
        with redirect_stdout(Printable(sys.stdout)):
            main()
            sys.stdout.flush()
    except KeyboardInterrupt:
        end("interrupted", 130)
    except InputError as error:
        end(f"error: {error}", 2)
    except OSError as error:
        if isinstance(error, BrokenPipeError) and error.filename is None:
            end("", 1)
        end(f"error: {reason(error)}", 2)


def reason(error: OSError) -> str:
    """Return what the system refused, of which file, and what to do about it."""
    if error.errno is None or error.strerror is None:
        return str(error) or type(error).__name__
    where = "" if error.filename is None else f"{error.filename}: "
    remedy = REMEDIES.get(error.errno)
    return f"{where}{error.strerror}{f'; {remedy}' if remedy else ''}"


def end(line: str, status: int) -> None:
    """Say `line`, if any, on standard error and exit; output that cannot be written any more is dropped."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes there at exit
    if line:
        with suppress(OSError):
            print(printable(line), file=sys.stderr)
    sys.exit(status)
