"""Odd command lines: each ends with an answer or one line, writes only what it was told to write, and deletes nothing.

    python -m tests.fuzz_doors 5000 [seed]      the suite tries 150

Schedules, options, names of logs and outputs are put together from pieces that are right, nearly right and hostile.
"""

import io
import os
import random
import sys
import tempfile
import time
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np

from losslaws.__main__ import parser
from losslaws.curves import InputError, schedules
from losslaws.curves.errors import exit_on_input_error, printable
from losslaws.forecast import specs

NUMBERS = [
    "0",
    "1",
    "-1",
    "7",
    "20",
    "900",
    "1000",
    "1500",
    "0.2",
    "2.5",
    "-0.5",
    "1e-3",
    "1e308",
    "1e-308",
    "1e400",
    "nan",
    "inf",
    "-inf",
    "20000001",
    "300000000",
    "1_000",
    "0x10",
    "١",
    "²",
]
HOSTILE = (
    *(
        "",
        " ",
        "--",
        "-",
        "=",
        ":",
        ",",
        "true",
        "null",
        "[]",
        "[[[",
        "{}",
        "[1,[2]]",
        "[0.8,0.9]",
        "[[0,1],[1,0]]",
        "[" * 20_000,
    ),
    *(
        "../../x",
        "/etc/passwd",
        "/dev/zero",
        "$(id)",
        "`id`",
        "${oc.env:HOME}",
        "%s",
        "\\",
        "'",
        '"',
        "\n",
        "=1+1",
        "@x",
    ),
    *(
        "<img src=x onerror=alert(1)>",
        "\x1b]0;title\x07",
        "\x1b[2J",
        "\u202e",
        "\udce9",
        "🙂",
        "$\\bad$",
        "a" * 300,
        "9" * 5000,
    ),
)
OUTPUTS = (
    *(
        "out/x.csv",
        "out/x.png",
        "out/x.svg",
        "out/x",
        "out/link.csv",
        "out/x.gif",
        "out/$x$.pdf",
        "out/\x1b[31m.csv",
        "out/\udce9.csv",
    ),
    *(
        "out",
        ".",
        "",
        "none/x.csv",
        "out/none/x.csv",
        "out/loop",
        "out/dangling",
        "in/log.csv",
        "in/log.csv/x",
        "a" * 300,
    ),
    *("/dev/null", "/dev/full", "/proc/x.csv", "/none/x.csv"),
)
LOGS = ("log", "a$\\bad$", "<img src=x onerror=alert(1)>", "\x1b]0;title\x07", "=1+1", "\udce9", "a|b", "_a", "-a")
VERBS = ("predict", "predict", "predict", "predict", "budget", "optimize", "", "pred", *HOSTILE[:4])


def folder_of(root: Path) -> None:
    """Make what the command lines speak of: logs, a place for outputs with links in it, and a bystander."""
    for name in ("in", "out", "other"):
        (root / name).mkdir()
    step = np.arange(20, 1001, 20)
    loss = 2.5 + 8 * step**-0.5
    rows = "".join(f"{t},{1e-3 * min(t / 50, 1):.6g},{y:.6f}\n" for t, y in zip(step, loss, strict=True))
    for name in LOGS:
        (root / "in" / f"{name}.csv").write_text(f"step,lr,val_loss\n{rows}")
    (root / "in" / "empty.csv").touch()
    (root / "other" / "victim").write_text("mine")
    (root / "out" / "target.csv").write_text("old")
    (root / "out" / "link.csv").symlink_to("target.csv")
    (root / "out" / "loop").symlink_to("loop")
    (root / "out" / "dangling").symlink_to("none/x.csv")


def tree(root: Path) -> dict[str, bytes | str | None]:
    """Everything below `root`: folders as None, links as where they lead, files as what they hold."""
    found = {}
    for path in root.rglob("*"):
        name = os.fspath(path.relative_to(root))
        found[name] = os.readlink(path) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
    return found


def schedule(rng: random.Random) -> str:
    """A word that is a schedule, or nearly, or not at all."""
    odds = rng.choice((0.0, 0.2, 1.0))  # of something wrong, at each piece
    pick = lambda good, bad: rng.choice(bad if rng.random() < odds else good)  # noqa: E731
    name = pick(schedules.names(), ("wds", *HOSTILE))
    known = schedules.options(name) if name in schedules.names() else {}
    usual = {key: str(value).replace("(", "[").replace(")", "]") for key, value in known.items() if value is not None}
    usual |= {"steps": "900", "peak": "2e-3", "warmup": "7"}
    pairs = []
    for _ in range(rng.randrange(4)):
        key = pick(list(usual), ("decy", *known, *HOSTILE))
        pairs.append(f"{key}={pick((usual.get(key, '1'),), (*NUMBERS, *NUMBERS, 'exponential', *HOSTILE))}")
    return mutated(":".join([name, *([",".join(pairs)] if pairs else [])]), rng if odds else None)


def mutated(text: str, rng: random.Random | None) -> str:
    """`text`, at times with one letter too few, too many or wrong."""
    if not text or rng is None or rng.random() < 0.8:
        return text
    at = rng.randrange(len(text))
    return text[:at] + rng.choice(("", ":", "=", ",", "[", "]", "\x1b", "é")) + text[at + rng.randrange(2) :]


def command(rng: random.Random) -> list[str]:
    """A command line."""
    verb = rng.choice(VERBS)
    number = lambda: rng.choice((*NUMBERS, *NUMBERS, *HOSTILE))  # noqa: E731
    if verb == "budget":
        runs = [rng.choice(("in/log.csv", "in", "none", *HOSTILE)) for _ in range(rng.randrange(2))]
        return [verb, f"--flops={rng.choice((*NUMBERS, '1e18', '1e12', *HOSTILE))}", *runs]
    if verb == "optimize":
        given = {"steps": number(), "family": rng.choice(("constant", "wds", *HOSTILE)), "peak": number()}
        return [verb, f"in/{rng.choice(LOGS)}.csv", *(f"--{key}={value}" for key, value in given.items())]
    words = [
        verb,
        rng.choice((*(f"in/{name}.csv" for name in (*LOGS, *LOGS)), "in/empty.csv", "none.csv", "in", "/dev/null")),
    ]
    given = {"schedule": schedule(rng)}
    for option in ("until", "steps", "warmup", "batch", "peak", "decay", "milestones", "ran", "columns"):
        if rng.random() < 0.04:
            given[option] = schedule(rng) if option == "ran" else number()
    if rng.random() < 0.3:
        given[rng.choice(("csv", "csv", "figure"))] = rng.choice(OUTPUTS)
    words += [f"--{key}={value}" for key, value in given.items()]
    return [*words, *(["--json"] if rng.random() < 0.2 else []), *(["--compare"] if rng.random() < 0.02 else [])]


def outcome(words: list[str], encoding: str) -> tuple[int, str, str]:
    """Run the command line; return its status and what it said on standard output and error."""
    out, said = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2))

    def run() -> None:
        args = parser().parse_args(words)
        args.run(args)

    status = 0
    with redirect_stdout(out), redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            exit_on_input_error(run)
        except SystemExit as end:
            status = end.code or 0
    return status, *(stream.buffer.getvalue().decode(encoding) for stream in (out, said))


def allowed(words: list[str], root: Path) -> set[str]:
    """The names, below `root`, of the files that the command line asks for."""
    named = [word.partition("=")[2] for word in words if word.startswith(("--csv=", "--figure="))]
    files = {one for name in named for one in (name, f"{name}.pdf", f"{name}.svg")}
    return {os.path.relpath(os.path.realpath(root / name), root) for name in files}


def try_one(words: list[str], encoding: str, root: Path) -> bool:
    """Assert that one command line ends well and touches nothing that it does not name; return whether it was answered.

    `root` is the working directory.
    """
    before = tree(root)
    status, out, said = outcome(words, encoding)
    assert status in (0, 2), status
    assert printable(out, "\n\t") == out and printable(said, "\n\t") == said, (out, said)
    assert status == 0 or (said.startswith("error: ") and said.count("\n") == 1), said
    after = tree(root)
    changed = {name for name in after if name not in before or after[name] != before[name]}
    assert changed <= allowed(words, root) and before.keys() <= after.keys(), (changed, before.keys() - after.keys())
    assert all(after[word] == before[word] for word in words[1:] if word in before), "what was read has changed"
    return status == 0


def try_word(word: str) -> bool:
    """Assert that a word is a schedule or refused; return whether it is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            specs.label(word, {"decay": 0.3})
            lr = specs.parse(word, {"steps": 100, "peak": 1e-3, "warmup": 10, "decay": 0.3}).lr
            assert np.isfinite(lr).all()
            return True
        except InputError as refused:
            assert str(refused)
            return False


def fuzz(tries: int, seed: int, root: Path) -> int:
    """Try schedules and command lines, half of each; return how many were answered. Raises AssertionError that shows one that failed."""
    rng, answered = random.Random(seed), 0
    folder_of(root)
    with chdir(root):
        for i in range(tries):
            words, encoding = ([schedule(rng)], "") if i % 2 else (command(rng), rng.choice(("utf-8", "ascii")))
            try:
                answered += try_one(words, encoding, root) if encoding else try_word(*words)
            except Exception as wrong:
                raise AssertionError(f"input {i} of seed {seed}: {[word[:200] for word in words]}") from wrong
    return answered


def main() -> None:
    tries, seed = (int(text) for text in (*sys.argv[1:], "0")[:2])
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        answered = fuzz(tries, seed, Path(folder).resolve())
    print(f"{tries} inputs of seed {seed} held, {answered} were answered, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
