"""Odd inputs at the doors of training: each is taken or refused in one line, writes only where it was told to, and deletes nothing.

    python -m tests.training.fuzz_doors 5000 [seed]      the suite tries 60

Overrides, lists of values, sweep files, names of cells, engine settings, requests of texts, output paths and what lies in a
run folder (run.json, complete.json, config.yaml, curve.csv, checkpoints), beside the runs of a sweep and in a corpus are put together from pieces that are right, nearly
right and hostile.
"""

import copy
import io
import json
import random
import sys
import tempfile
import time
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from hashlib import sha256
from pathlib import Path

import torch
import yaml

from losslaws.curves import InputError
from losslaws.curves.errors import exit_on_input_error, printable
from tests.fuzz_doors import HOSTILE, NUMBERS, tree
from training import __main__ as door
from training import checkpoint, compose, config, corpus, engines, events, status, sweep
from training.run_folder import RunFolder, parse_origin
from training.settings import ENGINES

SWEEP = {
    "about": "fuzz",
    "workers": 2,
    "flops_per_second": 1e10,
    "common": "steps=40 schedule.warmup=5 hardware.device=cpu hardware.precision=fp32",
    "cells": {"trunk": "fit | schedule=constant", "wsd": "unseen | schedule=wsd schedule.decay=0.5"},
}
PATHS = ("out", "out/new", "out/file", "out/link", "out/loop", "../box/out/x", "none/\0x", "", ".", "out/" + "a" * 300)
VALUES = (
    *NUMBERS,
    *HOSTILE,
    "[1,2]",
    "{a: 1}",
    "a,b",
    "1,2,",
    "[a",
    "choice(1,2)",
    "range(1,3)",
    "range(3,1)",
    "range(0,1e12)",
    "range(0,1,0)",
    "shuffle(range(0,1e12))",
    "interval(0,1)",
    "sort(3,1)",
    "int(2.5)",
    "extend_list(3)",
    "glob(*)",
    "${steps}",
    "${nope}",
)
JSONS = (
    None,
    True,
    -1,
    0,
    7,
    2**70,
    1e400,
    -0.5,
    "",
    "x",
    "nan",
    [],
    {},
    [[]],
    {"a": {}},
    "\x1b[2J",
    "\ud800",
    "9" * 5000,
)


class Box:
    """A folder with what the inputs speak of: a sweep with a finished run, a place for outputs, and a bystander."""

    def __init__(self, root: Path):
        self.root = root / "box"
        for name in ("out/here", "other", "texts"):
            (self.root / name).mkdir(parents=True)
        (root / "victim").write_text("mine")
        (self.root / "other" / "victim").write_text("mine")
        (self.root / "out" / "file").write_text("old")
        (self.root / "out" / "link").symlink_to("here")
        (self.root / "out" / "loop").symlink_to("loop")
        (self.root / "texts" / "a.txt").write_text("some text\n" * 50)
        (self.root / "good.yaml").write_text(yaml.safe_dump(SWEEP))
        with chdir(self.root):
            cell = sweep.load("good.yaml").cells["trunk"]
        self.run = RunFolder(self.root / cell.folder.path)
        self.run.write_text("config.yaml", yaml.safe_dump(cell.settings, sort_keys=False))
        about = {"schedule": "constant", "warmup": 5, "steps": 40, "seed": 0, "tokens_per_step": 2048, "corpus": "x"}
        self.run.write("run.json", about | {"parameters": {"total": 9}, "flops_per_token": {"exact": 1.0}})
        rows = [
            f"{step},{rate!r},3.0,1.0,{3.0 if step % 10 == 0 else ''}" for step, rate in enumerate(cell.schedule.lr, 1)
        ]
        self.run.write_text("curve.csv", "\n".join(["step,lr,train_loss,grad_norm,val_loss", *rows]) + "\n")
        for step in (32, 40):
            checkpoint.write(self.run.checkpoints, step, {"model/x": torch.arange(4.0)})
        self.run.write("complete.json", {"status": "complete", "steps": 40, "final_loss": 3.0, "trained": 40})
        self.runs, self.corpus = self.root / "runs", self.root / "corpus"
        event = {"run": self.run.path.name, "status": "complete", "steps": 40, "final_loss": 3.0}
        events.Events(self.runs, "good").append([event])
        self.planned = {"trunk": events.Planned(40, self.run.path.name), "wsd": events.Planned(40, "ab/wsd-0f0f0f0f")}
        events.keep_plan(self.runs, "good", "k", self.planned)
        self.corpus.mkdir()
        for side in ("train", "val"):
            (self.corpus / f"{side}.bin").write_bytes(bytes(200))
        digest = sha256(bytes(200)).hexdigest()
        shards = {"val": [{"file": "val.bin", "sha256": digest, "offset": 2, "tokens": 50}]}
        about = {
            "sha256": {"train": digest, "val": digest},
            "tokenizer": {"vocab_size": 9},
            "counts": {},
            "shards": shards,
        }
        (self.corpus / "fingerprint.json").write_text(json.dumps({"dtype": "<u2"} | about))
        self.kept = {path: path.read_bytes() for path in self.metadata()}

    def metadata(self) -> list[Path]:
        """The files that are written beside runs and texts."""
        return [path for folder in (self.runs, self.corpus) for path in sorted(folder.rglob("*")) if path.is_file()]

    def restore(self) -> None:
        """Put them back."""
        for path in self.metadata():
            if path not in self.kept:
                path.unlink()
        for path, content in self.kept.items():
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)


def overrides(rng: random.Random, keys: list[str]) -> list[str]:
    """Up to four lines KEY=VALUE."""
    odds = rng.choice((0.0, 0.3, 1.0))
    lines = []
    for _ in range(rng.randrange(1, 5)):
        key = (
            rng.choice(keys)
            if rng.random() > odds / 2
            else rng.choice(("stepz", "+x.y", "~batch", "hydra.run.dir", *HOSTILE))
        )
        value = rng.choice(("1", "2", "0.1", "cosine", "cosine,wsd", "true", "null") if rng.random() > odds else VALUES)
        lines.append(
            rng.choice(
                (f"{key}={value}", f"{key}={value},{rng.choice(VALUES)}", f"'{key}={value}'", f"{key}:{value}", key)
            )
            if rng.random() < odds / 3
            else f"{key}={value}"
        )
    return lines


def spoil(rng: random.Random, content: bytes) -> bytes:
    """A file with a value replaced, a key gone, a byte turned, or an end missing."""
    kind = rng.randrange(5)
    if kind == 0:
        at = rng.randrange(len(content))
        return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
    if kind == 1:
        return content[: rng.randrange(len(content))]
    if kind == 2:
        return rng.choice(
            (b"", b"\xff\xfe", b"[" * 50_000, b"{}", b"null", b"\0" * 99, b"a: &a [*a]", b"!!python/object:os.system x")
        )
    try:
        tree = yaml.safe_load(content) if content[:1] != b"{" else json.loads(content)
    except (ValueError, yaml.YAMLError):
        return content[::-1]
    if not isinstance(tree, dict):  # a table
        lines = content.decode().split("\n")
        lines[rng.randrange(len(lines))] = rng.choice(
            (",,,", "1,2", "x", "9" * 400, "nan,nan,nan,nan,nan", "1e400," * 5)
        )
        return "\n".join(lines).encode()
    node = tree = copy.deepcopy(tree)
    while isinstance(node, dict) and node:
        key = rng.choice(list(node))
        if not isinstance(node[key], dict) or not node[key] or rng.random() < 0.3:
            if rng.random() < 0.3:
                del node[key]
            else:
                node[key] = rng.choice(JSONS)
            break
        node = node[key]
    return json.dumps(tree).encode() if content[:1] == b"{" else yaml.safe_dump(tree).encode()


def sweep_file(rng: random.Random, keys: list[str]) -> bytes:
    """A sweep file that is right, nearly right or not one at all."""
    content = copy.deepcopy(SWEEP)
    for _ in range(rng.randrange(3)):
        name = rng.choice(("a", "b-1", "../../evil", "x" * 81, "a b", *HOSTILE[:40]))
        line = rng.choice(("fit | ", "| ", "fit ", "fi t | ", "")) + " ".join(overrides(rng, keys))
        content["cells"][name] = rng.choice((line, line, line, *JSONS[:4]))
    if rng.random() < 0.2:
        content[rng.choice((*SWEEP, "more"))] = rng.choice((*JSONS, *NUMBERS, "-" * 90))
    text = yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "surrogatepass")
    return spoil(rng, text) if rng.random() < 0.15 else text


def outcome(words: list[str]) -> tuple[int, str]:
    """Give a command line to the door; return status and what it said, both of which are asserted to be in order."""
    out, said, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["training", *words]
    status = 0
    try:
        with redirect_stdout(out), redirect_stderr(said):
            exit_on_input_error(door.main)
    except SystemExit as end:
        status = end.code or 0
    finally:
        sys.argv = before
    assert status in (0, 2), (status, said.getvalue())
    line = said.getvalue()
    assert printable(out.getvalue(), "\n\t") == out.getvalue() and "Traceback" not in line
    if status == 2 and not line.startswith("usage: "):
        assert line.splitlines()[-1].startswith("error: ") and len(line) < 1000 + sum(map(len, words)), line
    return status, line


def refused(do, *arguments) -> bool:
    """Whether the input is refused; any exception but those that a door makes a line of passes through."""
    try:
        do(*arguments)
    except InputError as error:
        assert str(error)
        return True
    except OSError:
        return True
    return False


def read_metadata(box: Box) -> None:
    """Everything that is read of a run folder, of the runs of a sweep and of a text, by whoever reads it."""
    folder = box.run
    for do in (
        lambda: corpus.open_corpus(box.corpus).val[3:5],
        lambda: events.kept_plan(box.runs, "good", "k"),
        lambda: status.states(box.runs, "good", events.kept_plan(box.runs, "good", "k") or box.planned),
        lambda: folder.complete,
        folder.config,
        lambda: folder.curve("x"),
        folder.applied_rates,
        folder.recorded_steps,
        lambda: sweep.state_of(folder),
        lambda: checkpoint.newest_sound(folder.checkpoints),
        lambda: folder.begin_record(folder, 8),
        lambda: parse_origin(f"{folder.path}@40"),
    ):
        refused(do)


def try_one(rng: random.Random, box: Box, keys: list[str]) -> tuple[str, object]:
    """Try one input; return its kind and itself. Raises AssertionError, or what no door expects."""
    kind = rng.choice(("override", "override", "sweep", "sweep", "metadata", "metadata", "engine", "text", "origin"))
    may = {
        "override": (),
        "engine": (),
        "origin": (),
        "text": (),
        "sweep": ("out", "runs", "odd.yaml", "curves"),
        "metadata": ("runs", "corpus"),
    }[kind]
    if kind == "override":
        given = overrides(rng, keys)
        do = lambda: refused(compose.check, given, rng.random() < 0.7)  # noqa: E731
    elif kind == "sweep":
        (box.root / "odd.yaml").write_bytes(sweep_file(rng, keys))
        words = [
            rng.choice(("status", "collect", "collect", "pln")),
            rng.choice(("odd.yaml", "odd.yaml", "good.yaml", *HOSTILE[:25])),
        ]
        given = [*words, *(overrides(rng, keys) if rng.random() < 0.3 else []), f"--results={rng.choice(PATHS)}"]
        do = lambda: outcome(given)  # noqa: E731
    elif kind == "metadata":
        path = rng.choice([*box.kept])
        given = (path.name, spoil(rng, box.kept[path]))
        path.write_bytes(given[1])
        do = lambda: read_metadata(box)  # noqa: E731
    elif kind == "engine":
        name = rng.choice((*ENGINES, "lokal", *HOSTILE[:9]))
        known = [*ENGINES[name].model_fields] if name in ENGINES else ["x"]
        given = (name, [f"{rng.choice((*known, 'wrkers'))}={rng.choice(VALUES)}" for _ in range(rng.randrange(1, 3))])
        do = lambda: refused(engines.options, *given)  # noqa: E731
    elif kind == "text":
        given = {
            "source": rng.choice(("local", "local", "pretokenized", "installed", "web", None, 3)),
            "paths": "texts",
        }
        given |= {
            rng.choice(("paths", "vocab_size", "val_tokens", "tokenizer", "packages", "dtype", "x")): rng.choice(
                (*JSONS, *VALUES)
            )
        }
        do = lambda: refused(corpus.work, given, "corpora")  # noqa: E731
    else:
        given = rng.choice(("runs", str(box.run.path), *HOSTILE)) + rng.choice(
            ("@40", "@", "@²", "@-1", "", "@" + "9" * 30)
        )
        do = lambda: refused(parse_origin, given)  # noqa: E731
    before = tree(box.root.parent)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            do()
        after = tree(box.root.parent)
        changed = {name for name in before.keys() | after.keys() if before.get(name, ...) != after.get(name, ...)}
        assert all(name.startswith(tuple(f"box/{one}" for one in may)) for name in changed), changed
        gone = {name for name in before.keys() - after.keys() if not name.endswith(".safetensors")}
        assert not gone, gone
    except Exception as wrong:
        raise AssertionError(f"{kind}: {ascii(given)[:600]}") from wrong
    finally:
        if kind == "metadata":
            box.restore()
    return kind, given


def paths_of(node: dict, prefix: str = "") -> list[str]:
    """Every key of a config, as overrides write them."""
    return [
        one
        for key, value in node.items()
        for one in ([prefix + key] if not isinstance(value, dict) else paths_of(value, f"{prefix}{key}."))
    ]


def fuzz(tries: int, seed: int, root: Path) -> dict[str, int]:
    """Try inputs; return how many of each kind. Raises AssertionError that shows the first that does not hold."""
    rng, counts = random.Random(seed), {}
    box = Box(root)
    keys = [*paths_of(config.plain(config.assemble([]))), *config.GROUPS, *config.GROUPS]
    with chdir(box.root):
        for number in range(tries):
            try:
                kind, _ = try_one(rng, box, keys)
            except AssertionError as wrong:
                raise AssertionError(f"input {number} of seed {seed}: {wrong}") from wrong.__cause__
            counts[kind] = counts.get(kind, 0) + 1
    return counts


def main() -> None:
    tries, seed = (int(text) for text in (*sys.argv[1:], "0")[:2])
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        counts = fuzz(tries, seed, Path(folder).resolve())
    print(f"{tries} inputs of seed {seed} held {counts}, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
