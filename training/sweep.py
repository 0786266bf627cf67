"""Sweeps: cells, and the plan that trains every shared stretch once."""

import itertools
import json
import os
import shlex
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from losslaws.curves import InputError
from losslaws.curves.errors import nearest
from losslaws.curves.names import NAME, check_name
from training import checkpoint, config, events, settings
from training.cells import Cell, CellMaker
from training.config import product
from training.events import SWEEPS
from training.records import SweepFile, read_yaml
from training.run_folder import RunFolder

LARGE = 1000  # cells above which run folders lie one folder down, and tables leave rows out


@dataclass(frozen=True)
class Segment:
    """A stretch of one cell that ends where other cells branch off, or at the cell's end. Plain data: it travels to workers.

    name       CELL@LAST
    folder     the cell's run folder
    overrides  what `train.py` is called with, but for where it branches from
    last       the step after which it ends
    ends       whether that is the cell's end
    needs      name of the segment that it continues; None: it starts by itself
    parent     run folder that the cell branches from, after `branch` steps
    on_gpu     whether it needs one
    directory  where the launch was given, to which relative paths belong
    """

    name: str
    folder: Path
    overrides: tuple[str, ...]
    last: int
    ends: bool
    needs: str | None
    parent: Path | None
    branch: int
    on_gpu: bool
    directory: str

    def done(self) -> bool:
        """Whether its last checkpoint, or the end of its cell, is there."""
        folder = RunFolder(self.folder)
        return folder.complete is not None or (not self.ends and folder.resume_step() >= self.last)

    def calls(self) -> list[list[str]]:
        """The overrides with each checkpoint of the shared stretch to branch from, the latest first; at last with none.

        What lies between it and the branch point the cell trains by itself.
        """
        steps = checkpoint.steps_in(RunFolder(self.parent).checkpoints) if self.parent else []
        origins = [f"init_from='{self.parent}@{step}'" for step in reversed(steps) if step <= self.branch]
        return [*([*self.overrides, origin] for origin in origins), [*self.overrides]]


@dataclass(frozen=True)
class Sweep:
    """A planned sweep: cells in the order of the file, by name.

    results  where curves and tables go
    runs     where the run folders lie, in a large sweep one folder down
    """

    name: str
    workers: int
    flops_per_second: float
    cells: dict[str, Cell]
    results: Path
    runs: Path

    def planned(self) -> dict[str, events.Planned]:
        """What `events` keeps of the cells."""
        under = len(str(self.runs / "x")) - 1
        return {
            name: events.Planned(cell.schedule.steps, str(cell.folder.path)[under:])
            for name, cell in self.cells.items()
        }

    @cached_property
    def branch_steps(self) -> dict[str, list[int]]:
        """For every cell, rising, the steps from which others branch."""
        steps: dict[str, set[int]] = {name: set() for name in self.cells}
        for cell in self.cells.values():
            if cell.parent:
                steps[cell.parent].add(cell.branch)
        return {name: sorted(found) for name, found in steps.items()}

    def segment(self, cell: Cell, last: int, needs: str | None = None) -> Segment:
        """The stretch of `cell` that ends after step `last`."""
        where = cell.settings["hardware"]
        keep = ",".join(map(str, sorted({*self.branch_steps[cell.name], *cell.settings["checkpoint"]["keep"]})))
        # What "auto" meant here is said to the worker, whose machine may be another.
        fixed = [f"hardware.{key}={where[key]}" for key in ("device", "precision")]
        shard = [] if cell.flat is None else [f"runs={cell.folder.path.parent}"]
        return Segment(
            name=f"{cell.name}@{last}",
            folder=cell.folder.path,
            overrides=(*cell.overrides, *fixed, f"checkpoint.keep=[{keep}]", *shard),
            last=last,
            ends=last == cell.schedule.steps,
            needs=needs,
            parent=self.cells[cell.parent].folder.path if cell.parent else None,
            branch=cell.branch,
            on_gpu=where["device"] == "cuda",
            directory=os.getcwd(),
        )

    def children(self, cell: Cell) -> dict[int, list[Cell]]:
        """The cells that branch off from `cell`, by step."""
        return self._children.get(cell.name, {})

    @cached_property
    def _children(self):
        found: dict[str, dict[int, list[Cell]]] = {}
        for cell in self.cells.values():
            if cell.parent:
                found.setdefault(cell.parent, {}).setdefault(cell.branch, []).append(cell)
        return found

    def segments(self) -> list[Segment]:
        """Every cell cut where others branch off; each segment comes after the one that it needs."""
        found = []
        for cell in sorted(self.cells.values(), key=self._depth):
            needs = f"{cell.parent}@{cell.branch}" if cell.parent else None
            for last in sorted({*self.branch_steps[cell.name], cell.schedule.steps}):
                found.append(self.segment(cell, last, needs))
                needs = found[-1].name
        return found

    def _depth(self, cell):
        return 0 if cell.parent is None else 1 + self._depth(self.cells[cell.parent])

    def totals(self) -> dict[str, float]:
        """Steps asked for and trained, training FLOPs, and the seconds expected at the sweep's rate.

        However many workers there are, the steps of a cell come one after another, those that it shares included.
        """
        longest = max(cell.flops_per_step * cell.schedule.steps for cell in self.cells.values())
        flops = sum(cell.flops_per_step * cell.trained_steps for cell in self.cells.values())
        return {
            "steps_asked": sum(cell.schedule.steps for cell in self.cells.values()),
            "steps_trained": sum(cell.trained_steps for cell in self.cells.values()),
            "flops": flops,
            "seconds": max(flops / self.workers, longest) / self.flops_per_second,
        }


def load(name: str, extra: list[str] | None = None) -> Sweep:
    """Read conf/sweep/NAME.yaml (or a file of that format) and plan it; `extra` overrides go to every cell.

    Raises InputError for a missing file, an unknown key, and cells whose overrides do not compose.
    """
    path = events.sweep_file(name)
    if not path.is_file():
        known = sorted(p.stem for p in SWEEPS.glob("*.yaml"))
        raise InputError(f"sweep '{name}': there is no {path}{nearest(name, known)} (known: {', '.join(known)})")
    check_name(path.stem, f"{path}: the sweep")
    content = read_yaml(path)
    if not isinstance(content, dict) or not isinstance(content.get("cells"), dict):
        raise InputError(f"{path}: needs the key 'cells', a mapping from names to overrides")
    for key in content:
        if key not in SweepFile.model_fields:
            raise InputError(f"{path}: unknown key {settings.shown(key)}{nearest(str(key), SweepFile.model_fields)}")
    settings.check(content, SweepFile, str(path))
    common = [*words(content.get("common", ""), f"{path}: common"), *(extra or [])]
    make = CellMaker()
    cells: dict[str, Cell] = {}
    for entry, line in content["cells"].items():
        check_name(entry, f"{path}: cell")
        role, _, overrides = line.partition("|")
        if (role := role.strip()) and not NAME.fullmatch(role):
            raise InputError(f"{path}: cell '{entry}' must read ROLE | overrides of train.py")
        try:
            expanded = list(product(words(overrides, "overrides")))
        except InputError as error:
            raise InputError(f"{path}: cell '{entry}': {error}") from None
        for suffix, chosen in expanded:
            name = check_name(entry + suffix, f"{path}: cell")
            if name in cells:
                raise InputError(f"{path}: two cells are called '{name}'; rename one")
            try:
                cells[name] = make(name, role, [*common, *chosen, f"name={name}"], entry)
            except InputError as error:
                raise InputError(f"{path}: cell '{name}': {error}") from None
    results = Path(content.get("results") or f"results/{path.stem}")
    runs = Path(next(iter(cells.values())).settings["runs"])
    flat = frozenset(os.listdir(runs) if runs.is_dir() else ()) if len(cells) > LARGE else None
    return Sweep(
        path.stem, content.get("workers", 1), float(content["flops_per_second"]), plan(cells, flat), results, runs
    )


def keep_plan(sweep: Sweep, name: str, extra: list[str]) -> None:
    """Leave the plan of a large sweep, called by `name` with overrides `extra`, for its next `status`."""
    if len(sweep.cells) > LARGE:
        events.keep_plan(sweep.runs, sweep.name, events.key(events.sweep_file(name), extra), sweep.planned())


def words(line: str, what: str) -> list[str]:
    """Split a line as a shell does. Raises InputError for a quotation that does not end."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise InputError(f"{what}: {str(error).lower()} in {ascii(line)[:80]}") from None


def plan(cells: dict[str, Cell], flat: frozenset[str] | None = None) -> dict[str, Cell]:
    """Give every cell the parent with which it shares its longest prefix, and `flat`.

    Cells that agree in everything but the schedule are sorted by their rates, highest first, as words are in a
    dictionary: the longest prefix that a cell shares with any earlier one is the one it shares with its neighbour, so
    one pass finds the smallest number of steps to train (the edges of the prefix tree).
    """
    trained_alike = _Alike()
    groups: dict[str, list[Cell]] = {}
    rates: dict[int, bytes] = {}  # of each schedule, which many cells share
    alike: dict[tuple[int, int], int] = {}
    for cell in cells.values():
        if id(cell.schedule) not in rates:  # Big-endian bytes of non-negative floats sort as the numbers do.
            rates[id(cell.schedule)] = cell.schedule.lr.astype(">f8").tobytes()
        groups.setdefault(trained_alike(cell), []).append(cell)
    planned = {}
    for group in groups.values():
        group.sort(key=lambda cell: rates[id(cell.schedule)], reverse=True)
        planned[group[0].name] = replace(group[0], flat=flat)
        for before, cell in itertools.pairwise(group):
            if (pair := (id(before.schedule), id(cell.schedule))) not in alike:
                alike[pair] = before.schedule.common_steps(cell.schedule)
            # At least one step is left, so that every cell evaluates its own last step.
            shared = min(alike[pair], cell.schedule.steps - 1)
            owner = planned[before.name]
            while owner.parent is not None and owner.branch >= shared:
                owner = planned[owner.parent]
            parent = owner.name if shared else None
            planned[cell.name] = replace(cell, parent=parent, branch=shared, flat=flat)
    return {name: planned[name] for name in cells}


class _Alike:
    """Gives cells that agree in everything but the schedule the same key. What cells share is one object, so that most are told by
    their objects alone, and only one of those is written out."""

    def __init__(self):
        self.written: dict[tuple, str] = {}

    def __call__(self, cell: Cell) -> str:
        parts = ((k, v) for k, v in cell.settings.items() if k not in (*config.NOT_IDENTITY, "schedule", "steps"))
        quick = tuple(id(v) if isinstance(v, dict | list) else (k, repr(v)) for k, v in parts)
        if quick not in self.written:
            who = config.identity(cell.settings)
            kept = {key: value for key, value in who.items() if key not in ("schedule", "steps")}
            self.written[quick] = json.dumps(kept, sort_keys=True)
        return self.written[quick]


def state(cell: Cell) -> tuple[str, int, str]:
    """What has become of a cell: (complete | diverged | running | interrupted | failed | waiting, recorded steps, note)."""
    return state_of(cell.folder)


def state_of(folder: RunFolder) -> tuple[str, int, str]:
    """`state` of the run in a folder."""
    if end := folder.complete:
        return events.outcome(end)
    done = folder.recorded_steps()
    if folder.running():
        return "running", done, ""
    error = folder.path / "error.txt"
    if error.is_file():
        line = (error.read_text(errors="replace").strip().splitlines() or [""])[-1][:160]
        return "interrupted" if line.startswith("interrupted") else "failed", done, line
    return "waiting", done, ""
