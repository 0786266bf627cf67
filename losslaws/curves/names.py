"""Names of runs, cells and curves, which become names of files, cells of tables and words of figures."""

import re

from losslaws.curves.errors import InputError

NAME = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._+-]{1,80}")  # and not . or .., which are folders


def check_name(name: str, what: str) -> str:
    """Return `name`. Raises InputError, which calls it `what`, unless it is 1 to 80 of A-Z a-z 0-9 . _ + -"""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        shown = ascii(name)
        raise InputError(
            f"{what} {shown if len(shown) <= 90 else shown[:87] + '...'} is no name: write 1 to 80 of A-Z a-z 0-9 . _ + -"
        )
    return name
