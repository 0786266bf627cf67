"""Odd logs through the whole command: reading, fit, forecast, output. Each ends in an answer or in one line, soon, and in little memory.

    python -m tests.losslaws.fuzz_command 10000 [state]      the suite tries some dozens

A log of every form is damaged at random, or changed in ways that leave it the same run: cut, coloured, compressed, in another order, doubled.
The answer to the latter is that to the log itself, or a note says what is odd; of a cut log, it names another last step. With a file for its state
the fuzz goes on where it was stopped.
"""

import json
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from tests.fuzz_doors import outcome
from tests.losslaws.curves.logs import sample_logs
from tests.losslaws.curves.logs.consoles import console
from tests.losslaws.curves.logs.test_fuzz import (
    AS_BYTES,
    AS_LINES,
    KINDS,
    NEEDED,
    PRINTED,
    TABLES,
    coloured,
    cut,
    digit,
    drop,
    flip,
    repeat,
    spread,
    swap_lines,
)
from tests.losslaws.forecast.made import LAW, TRUTH

SECONDS = 5  # of processor time that a command may take
MEMORY = 2**20  # KiB that the process may take, everything that it imports included
DAMAGES = (flip, cut, drop, repeat, digit, swap_lines)
SPOTS = 3  # damages at most in one file
SAME = 1e-6  # relative, of two final losses
FORMS = tuple(kind for kind in KINDS if kind not in NEEDED)
VERBS = ("predict", "predict", "predict", "watch", "resume-plan", "read")


class Slow(BaseException):
    """Raised in a command that takes longer than SECONDS."""


def run_of_the_law():
    """The run of the sample logs with losses from which a forecast can be made."""
    from dataclasses import replace

    import numpy as np

    run = sample_logs.run()
    noise = np.random.default_rng(0).standard_normal
    every = np.arange(1, sample_logs.STEPS + 1)
    train = LAW.loss(TRUTH, run.schedule, every) * (1 + 2e-3 * noise(every.size))
    return replace(
        run, loss=LAW.loss(TRUTH, run.schedule, run.step) * (1 + 2e-4 * noise(run.step.size)), train_loss=train
    )


def originals(root: Path) -> dict[str, tuple[Path, Path]]:
    """Write the run in every form below `root`; return what the command is given, and the file in it that is damaged."""
    kept, sample_logs.RUN = sample_logs.RUN, run_of_the_law()
    found = {}
    try:
        for kind in FORMS:
            folder = root / kind.replace(".", "_")
            folder.mkdir()
            if kind == "trainer_state":
                path = folder / sample_logs.TRAINER_STATE.name
                path.write_bytes(sample_logs.TRAINER_STATE.read_bytes())
            elif kind in PRINTED:
                path = folder / "run.log"
                path.write_text(console(kind))
            else:
                path = sample_logs.WRITERS[kind](folder)
            suffix = "curve.csv" if kind == "run_folder" else ""
            file = path if path.is_file() else next(f for f in sorted(path.rglob(f"*{suffix}")) if f.is_file())
            found[kind] = path, file
    finally:
        sample_logs.RUN = kept
    return found


def changed(kind: str, content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Return the content changed so that it is still the run, and by what; unchanged where the form allows nothing."""
    ways: list = []
    if kind in (*TABLES, *PRINTED):
        ways += [way for way in AS_LINES if not (kind in TABLES and way in (coloured, spread))]
    if kind in (*TABLES, "array", *PRINTED):
        ways += list(AS_BYTES)
    if not ways:
        return content, "as it is"
    way = rng.choice(ways)
    if isinstance(way, str):
        return AS_BYTES[way](content), way
    header, *lines = content.rstrip(b"\n").split(b"\n")
    if kind in ("jsonl", "json_in_text", *PRINTED):
        header, lines = b"", [header, *lines]
    return b"\n".join([header, *way(lines)]).lstrip(b"\n") + b"\n", way.__name__


def words_for(path: Path, rng: random.Random) -> list[str]:
    """Return a command line for the log."""
    verb = rng.choice(VERBS)
    own = {
        "predict": ["--schedule", rng.choice(("wsd", "cosine", "linear")), "--steps", "600"],
        "watch": ["--once", "--schedule", "cosine", "--steps", "600"],
        "resume-plan": ["--steps", "800"],
        "read": [],
    }[verb]
    return [verb, path.name, *own, *(["--json"] if verb == "predict" or rng.random() < 0.3 else [])]


@contextmanager
def limited() -> Iterator[None]:
    """Raise Slow in what takes longer than SECONDS of processor time."""

    def stop(*_):
        raise Slow

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def answer(words: list[str]) -> dict | None:
    """Run a command; assert that it ends well, soon and in little memory, and return what it answered: None where it refused.

    A forecast as JSON is returned as it is, everything else as an empty dict.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with limited():
            status, out, said = outcome(words, "utf-8")
    except Slow:
        raise AssertionError(f"takes longer than {SECONDS} s") from None
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # beyond what this process has ever taken
    assert memory < MEMORY, f"took {memory / 2**10:.0f} MiB"
    assert status in (0, 2), f"status {status}"
    if status == 2:
        lines = said.splitlines()
        assert lines and lines[-1].startswith("error: ") and "Traceback" not in said, said
        return None
    found = json.loads(out) if "--json" in words else {}
    return found if isinstance(found, dict) and "logs" in found else {}


def agree(one: dict, other: dict) -> bool:
    """Whether two forecasts are the same, or the reader is told what is not: another note, warning or last step."""
    told = [
        ([log.get("notes") for log in each["logs"]], [log["last_step"] for log in each["logs"]])
        for each in (one, other)
    ]
    if told[0] != told[1]:
        return True
    ends = [[forecast["final_loss"] for forecast in each["forecasts"]] for each in (one, other)]
    return all(abs(a / b - 1) <= SAME for a, b in zip(*ends, strict=True))


def try_one(seed: int, found: dict, root: Path) -> str:
    """Try one log; return what became of it: "same run", "answered" or "refused". Raises AssertionError."""
    rng = random.Random(seed)
    kind = FORMS[seed % len(FORMS)]
    path, file = found[kind]
    content, still = file.read_bytes(), rng.random() < 0.4
    if still:
        content, way = changed(kind, content, rng)
    else:
        for _ in range(rng.randrange(1, SPOTS + 1)):
            content = rng.choice(DAMAGES)(content or b" ", rng)
        way = "damaged"
    with tempfile.TemporaryDirectory(dir=root) as name:
        folder = Path(name)
        if path.is_dir():
            copy = folder / path.name
            for one in path.rglob("*"):
                if one.is_file():
                    to = copy / one.relative_to(path)
                    to.parent.mkdir(parents=True, exist_ok=True)
                    to.write_bytes(content if one == file else one.read_bytes())
        else:
            copy = folder / path.name
            copy.write_bytes(content)
        words = words_for(copy, rng)
        try:
            with chdir(folder):
                given = answer(words)
            if still and given:
                with chdir(path.parent):
                    usual = answer(words)
                assert usual is None or agree(usual, given), "another answer, without a note"
        except Exception as wrong:
            raise AssertionError(
                f"seed {seed}, {kind}, {way}: {' '.join(words)}: {type(wrong).__name__}: {wrong}"
            ) from wrong
    return "refused" if given is None else "same run" if still else "answered"


def fuzz(seeds: range, root: Path, state: Path | None = None) -> dict[str, int]:
    """Try the logs of `seeds`; return how many ended how. What failed is kept in `state`, or raised where there is none."""
    counts = {"done": seeds.start, "failed": [], "same run": 0, "answered": 0, "refused": 0, "slowest": 0.0}
    if state and state.exists():
        counts = json.loads(state.read_text())
    found = originals(root)
    for seed in range(counts["done"], seeds.stop):
        begun = time.process_time()
        try:
            counts[try_one(seed, found, root)] += 1
        except AssertionError as wrong:
            if state is None:
                raise
            counts["failed"].append(str(wrong)[:500])
        counts["done"], counts["slowest"] = seed + 1, max(counts["slowest"], round(time.process_time() - begun, 2))
        if state and seed % 10 == 9:
            state.write_text(json.dumps(counts, indent=1))
    if state:
        state.write_text(json.dumps(counts, indent=1))
    return counts


def main() -> None:
    state = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(fuzz(range(int(sys.argv[1])), Path(folder).resolve(), state), indent=1))


if __name__ == "__main__":
    main()
