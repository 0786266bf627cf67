"""Where a run's numbers are also sent. Each library is imported only when it is chosen, and none can hold up or end a run."""

import queue
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from losslaws.curves import InputError

PATIENCE = 60.0  # seconds that the end of a run waits for a service to take what is left


class Sink(Protocol):
    """A place that takes the values of a step by name."""

    def log(self, step: int, values: dict[str, float]) -> None: ...

    def close(self) -> None: ...


class Nothing:
    """logger=none"""

    def log(self, step: int, values: dict[str, float]) -> None:
        pass

    def close(self) -> None:
        pass


class TensorBoard:
    """logger=tensorboard: event files in RUN_FOLDER/tensorboard; what an earlier attempt wrote of later steps is purged."""

    def __init__(self, folder: Path, settings: dict, start: int):
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=start + 1)

    def log(self, step, values):
        for key, value in values.items():
            self.writer.add_scalar(key, value, step)

    def close(self):
        self.writer.close()


class Tracker:
    """logger=wandb and logger=trackio, which share one interface; a resumed run goes on in the run that it began."""

    def __init__(self, folder: Path, settings: dict, start: int):
        kind = settings["logger"]["sink"]
        about = {"project": settings["logger"].get("project"), "config": settings, "resume": "allow"}
        if kind == "wandb":
            about |= {"id": folder.name, "name": settings["name"], "dir": str(folder)}
        else:
            about |= {"name": folder.name}
        self.run = import_module({"wandb": "wandb", "trackio": "trackio"}[kind]).init(**about)
        self.next = getattr(self.run, "step", 0) or 0  # W&B takes no step twice

    def log(self, step, values):
        if step >= self.next:
            self.run.log(values, step=step)

    def close(self):
        self.run.finish()


class Aside:
    """A sink in a thread: a service that fails, or does not answer, costs its own numbers and nothing else.

    open  makes the sink, in the thread
    """

    def __init__(self, name: str, open: Callable[[], Sink]):
        self.name, self.open = name, open
        self.waiting: queue.SimpleQueue = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.work, name=f"logger={name}", daemon=True)
        self.thread.start()

    def work(self) -> None:
        try:
            sink = self.open()
            while (item := self.waiting.get()) is not None:
                sink.log(*item)
            sink.close()
        except BaseException as error:  # whatever a library raises, a SystemExit too
            line = (str(error).strip().splitlines() or [""])[0][:200]
            self.warn(f"{type(error).__name__}: {line}")

    def warn(self, why: str) -> None:
        print(f"warning: logger={self.name} has failed ({why}); the run goes on without it", file=sys.stderr)

    def log(self, step: int, values: dict[str, float]) -> None:
        self.waiting.put((step, values))

    def close(self) -> None:
        """Wait for what is left, but not for ever."""
        self.waiting.put(None)
        self.thread.join(PATIENCE)
        if self.thread.is_alive():
            self.warn(f"it has not taken everything within {PATIENCE:.0f} s of the end")


SINKS: dict[str, type] = {"tensorboard": TensorBoard, "wandb": Tracker, "trackio": Tracker}


def open_sink(folder: Path, settings: dict, start: int = 0) -> Sink:
    """Open the sink that `settings["logger"]` chooses, for the steps after `start`.

    Raises InputError for one that is not known and where its library is not installed.
    """
    name = settings["logger"]["sink"]
    if name == "none":
        return Nothing()
    if name not in SINKS:
        raise InputError(f"logger.sink={name!a} is unknown (known: none, {', '.join(SINKS)})")
    if find_spec(name) is None:
        raise InputError(f"logger={name}: the package is not installed; run `pip install {name}`")
    return Aside(name, lambda: SINKS[name](folder, settings, start))
