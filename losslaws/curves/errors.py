"""One exception for everything a user can put right."""

import os
import sys
from collections.abc import Callable
from difflib import get_close_matches


class InputError(ValueError):
    """Bad input. The message is one line that names the file, the field and the remedy."""


def nearest(word: str, known) -> str:
    """Return ``"; did you mean 'x'?"`` for the known word closest to `word`, or an empty string."""
    match = get_close_matches(word, [str(k) for k in known], n=1, cutoff=0.5)
    return f"; did you mean '{match[0]}'?" if match else ""


def exit_on_input_error(main: Callable[[], None]) -> None:
    """Run `main`; an InputError becomes one line on standard error and exit status 2.

    Where the reader of the output, such as `head`, has seen enough, the rest is dropped without a word, status 1.
    """
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes there at exit
        sys.exit(1)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
