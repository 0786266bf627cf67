"""Runs on W&B's service, `wandb:ENTITY/PROJECT/RUN`: the full history, which `scan_history` gives; `history` gives a sample of it."""

from collections.abc import Iterable

from losslaws.curves.errors import InputError
from losslaws.curves.logs.table import Table, collect

MARK = "wandb:"


def read(where: str) -> Table:
    """Return the history of the run. Raises InputError where there is none, or the package or an account is missing."""
    name = where.removeprefix(MARK).strip("/")
    if name.count("/") != 2 or not all(name.split("/")):
        raise InputError(f"{where}: write wandb:ENTITY/PROJECT/RUN, where RUN is the last part of the run's address")
    return collect(where, history(name, where))


def history(name: str, where: str) -> Iterable[dict]:
    """Yield the rows of the run's history. Raises InputError for what the service or its client refuses."""
    try:
        import wandb
    except ImportError:
        raise InputError(f"{where}: needs the package wandb; install it, or export the run as CSV") from None
    try:
        yield from wandb.Api().run(name).scan_history()
    except InputError:
        raise
    except Exception as error:  # the client raises errors of many kinds: of the network, of its own, of requests
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            f"{where}: cannot be read ({said[0][:160]}); log in with `wandb login`, or export the run as CSV"
        ) from None
