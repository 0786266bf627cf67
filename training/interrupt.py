"""What makes a run save besides its plan: a signal that asks it to end, or minutes that have passed since it saved."""

import signal
import threading
import time
from collections.abc import Callable

from training import distributed

# Sent before a machine is taken away: by SLURM, by the owners of spot machines, by `kill`; and Ctrl-C.
SIGNALS = (signal.SIGTERM, signal.SIGUSR2, signal.SIGINT)
TOGETHER = 10  # steps after which the ranks of one run look together: it makes the host wait for the device


class Interrupted(SystemExit):
    """A run was asked to end and has saved. The exit status is the shell's for that signal: 128 + its number."""

    def __init__(self, number: int, step: int):
        super().__init__(128 + number)
        self.signal, self.step = signal.Signals(number), step


class Watch:
    """Holds signals back until the run has saved; a context manager around its steps.

    A signal that has a handler of its own keeps it: SIGTERM and SIGUSR2 under submitit, whose handler, told after the save,
    queues the job again. A second Ctrl-C ends at once. In a thread, where Python takes no signals, only the clock counts.
    """

    def __init__(self, minutes: float | None):
        self.seconds = None if minutes is None else 60 * minutes
        self.saved, self.before = time.monotonic(), {}
        self.number = self.agreed = 0  # of the signal that this process was sent; of the one that all ranks know of

    def __enter__(self) -> "Watch":
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                handler = signal.getsignal(number)
                own = handler not in (signal.SIG_DFL, signal.default_int_handler)
                # SIGTERM of submitit is not meant for the run: SIGUSR2 comes with it.
                if handler is not signal.SIG_IGN and not (own and number != signal.SIGUSR2):
                    self.before[number] = signal.signal(number, self.note)
        return self

    def note(self, number: int, frame) -> None:
        self.number = number
        if number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)

    def __exit__(self, *error) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def due(self, step: int) -> bool:
        """Whether to save after `step`. Ranks of one run agree, since they save together."""
        late = self.seconds is not None and time.monotonic() - self.saved >= self.seconds
        self.agreed = self.number
        if distributed.ranks() > 1:
            if step % TOGETHER:
                late, self.agreed = False, 0
            else:
                late, self.agreed = distributed.highest(int(late), self.number)
        return bool(late or self.agreed)

    def has_saved(self, step: int, finish: Callable[[], None] = lambda: None) -> None:
        """Begin to count anew. Raises Interrupted where `due` knew of a signal, after telling the signal's own handler.

        finish  called before that: it waits until what was saved is written

        A signal that came after `due` waits for the next: the other ranks do not know of it.
        """
        self.saved = time.monotonic()
        if not self.agreed:
            return
        finish()
        distributed.meet()  # torchrun ends the others when one has ended, and rank 0 may still write
        before = self.before.get(self.agreed)
        if callable(before) and before is not signal.default_int_handler:
            before(self.agreed, None)
        raise Interrupted(self.agreed, step)
