import os
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryFile

import pytest
import yaml

ROOT = Path(__file__).parents[2]

CELLS = {
    "trunk": "fit | schedule=constant schedule.warmup=5 steps=60",
    "wsd": "unseen | schedule=wsd schedule.decay=0.5 schedule.warmup=5",
    "cosine": "fit | schedule=cosine schedule.warmup=5",
}


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    """A folder of real text: the source of some of Python's standard library."""
    folder = tmp_path_factory.mktemp("text")
    library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted([*library.glob("[a-i]*.py"), *library.glob("email/*.py")]):
        (folder / f"{path.stem}.txt").write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="session")
def corpora(tmp_path_factory):
    return tmp_path_factory.mktemp("corpora")


@pytest.fixture
def overrides(text, corpora, tmp_path):
    """Overrides of a run that takes about a second: 40 steps of 8 x 32 tokens."""
    return [
        "model=llama-0.1m",
        "data=local",
        f"data.paths=['{text}']",
        "data.vocab_size=384",
        "data.train_tokens=200000",
        "data.val_tokens=4096",
        "batch.sequences=8",
        "batch.length=32",
        "steps=40",
        "schedule.warmup=5",
        "eval.every=10",
        "eval.sequences=16",
        "checkpoint.every=8",
        "hardware.device=cpu",
        "hardware.compile=false",
        f"runs={tmp_path / 'runs'}",
        f"corpora={corpora}",
    ]


@pytest.fixture
def command():
    """Run `python train.py` (or another door) as a user does; return the finished process."""

    def run(arguments, script=("train.py",), **options):
        return subprocess.run(
            [sys.executable, *script, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            **options,
        )

    return run


def start_ranks(arguments, ranks=2):
    """Start the processes of one run as torchrun does, without torchrun: a Popen for each rank, to be given to `end_of`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"TORCHELASTIC_RUN_ID": "test", "OMP_NUM_THREADS": "1"}
    started = []
    for rank in range(ranks):
        said = TemporaryFile("w+")  # noqa: SIM115 (a pipe that nobody reads would hold one rank, and all others with it)
        own = os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        started.append(subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=own, stderr=said, text=True))
        started[-1].said = said
    return started


def end_of(started, timeout=150):
    """Wait for the processes of a run; return their statuses and what each wrote to stderr."""
    texts = []
    for process in started:
        try:
            process.wait(timeout)
        finally:
            process.kill()
        process.said.seek(0)
        texts.append(process.said.read())
        process.said.close()
    return [process.returncode for process in started], texts


@pytest.fixture
def write_sweep(overrides, tmp_path):
    def write(cells, name="small", extra=()):
        path = tmp_path / f"{name}.yaml"
        common = " ".join(f'"{o}"' for o in [*overrides, *extra])
        content = {"about": "a test", "workers": 2, "flops_per_second": 1e10, "common": common, "cells": cells}
        path.write_text(yaml.safe_dump(content))
        return str(path)

    return write


def worker_of(cell):
    """The process that holds the lock of the cell's folder, as the kernel lists it."""
    inode = (cell.folder.path / "lock").stat().st_ino
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return next(int(fields[4]) for fields in locks if int(fields[5].split(":")[2]) == inode)
