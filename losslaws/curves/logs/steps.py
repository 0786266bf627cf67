"""The optimiser step of every row, and the order of rows: epochs, micro-steps, restarts, abandoned branches.

of_rows(table, picked, ...)     the step of every row, float64 [rows]
Order(step, columns, ...)       which rows count; `.series(column)` gives steps and values, int64 and float64 [n], steps rising
"""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.logs import names
from losslaws.curves.logs.roles import Picked, no_steps
from losslaws.curves.logs.table import Column, Table
from losslaws.curves.schedule import LONGEST

MIXED = 0.2  # share of rows that go back, above which rows are in no order at all
RUN = 8  # losses from which on an earlier part of a file is a run and no false start
FALSE_START = 0.2  # share of the later part's steps up to which an earlier part is a false start
EACH = 8  # validations at consecutive counts, which no one makes after every update
CALLS, MICRO = 9, 7  # ranks of counters that count calls of W&B's log, and micro-batches
EQUAL = 1e-6  # relative
BAR = 5  # rank of what progress bars count
LAST = 4  # rank of counters from which on they are taken only where their numbers rise
GOES_BACK = 0.3  # share of rows in which such a counter may fall
BATCH = 16  # samples, of which usual batches are multiples
MEAN = "mean"
REPEATS = (MEAN, "first", "last")
SEVERAL = 0.3  # share of steps with several losses from which on it is asked what they are


def of_rows(
    table: Table, picked: Picked, path: Path, unit: Fraction | None, part: str | None, notes: list[str]
) -> np.ndarray:
    """Return the step of every row, NaN where none is known. Raises InputError for steps that cannot be the optimiser's."""
    rows, found = table.rows, {}
    for name in picked.steps:
        found[name] = table.numbers(name, path).dense(rows)
    if "progress k" in found:  # 1.20k
        found["progress k"] = np.rint(1000 * found["progress k"])
        notes.append("a progress bar shortens its counts to thousands; steps are as near as it writes them")
    for name in ("progress", "position"):
        if name in found:
            found[name] = of_longest_bar(found[name], table)
    if unit is None:
        found = {name: count for name, count in found.items() if plausible(name, count)} or found
    if all(rank_of(name) >= LAST and not plausible(name, count) for name, count in found.items()):
        raise InputError(
            no_steps(path, [n for n in table.columns if n not in found], [picked.epoch] if picked.epoch else [], [])
        )
    first, *others = by_use(found, table, picked)
    step, rank = found[first].copy(), rank_of(first)
    if not np.isfinite(step).any():
        raise InputError(f"{path}: column '{first}' holds no step at all")
    if unit is None:
        refuse_calls(table, picked, first, step, path)
        refuse_samples(first, step, path)
    for other in others:
        fill(step, found[other], first, other, rank, notes)
    if picked.val_step and picked.val_step in table.columns:
        theirs = of_training(table.columns[picked.val_step].dense(rows), step, picked.val_step, notes)
        fill(step, theirs, first, picked.val_step, rank, notes)
    if unit is not None:
        if unit > 1 and whole(step) and np.nanmin(step) == 0:
            notes.append(
                f"column '{first}' begins at 0, taken as step 0, before the first update; if that row was logged after the first {unit} updates, all steps "
                f"here are {unit} too few: write the column 1 higher"
            )
        step = np.rint(step * float(unit))
        notes.append(f"steps are column '{first}' times {unit}")
    elif rank == MICRO:
        notes.append(f"'{first}' counts batches; if several make one update, give --step-unit 1/N")
    elif counts_calls(first, table) and consecutive(step):
        notes.append(
            f"'{first}' counts calls of log, taken as updates; if one call stands for N updates, give --step-unit N"
        )
    refuse_odd(step, first, path)
    step = within_epochs(step, table, picked, path, part, notes)
    refuse_odd(step, first, path)
    return carried(step, table, picked, notes)


def of_longest_bar(step: np.ndarray, table: Table) -> np.ndarray:
    """Return the counts of progress bars without those of shorter ones, as of each evaluation."""
    total = table.columns["total"].dense(table.rows) if "total" in table.columns else np.full(table.rows, np.nan)
    bars = np.isfinite(step) & np.isfinite(total)
    return np.where(bars & (total < np.max(total[bars], initial=0)), np.nan, step)


def plausible(name: str, count: np.ndarray) -> bool:
    """Whether a column may count steps: by whole numbers, and if it is no step by its name, by numbers that rise."""
    known = count[np.isfinite(count)]
    rises = known.size < 3 or (known.max() > known.min() and np.mean(np.diff(known) < 0) < GOES_BACK)
    return whole(count) and (rank_of(name) < LAST or bool(rises))


def of_training(theirs: np.ndarray, step: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """Return validation's own count of steps if it is one of training's steps; else no steps: it counts evaluations, or their batches."""
    inside, count, apart = among(theirs, step)
    last, rising = np.nanmax(step, initial=0), not np.any(np.diff(count) < 0)
    if inside or (rising and count.size > 1 and 0.5 * last <= count.max() <= last + apart):
        return theirs
    notes.append(f"'{name}' counts no steps of training; its rows count at the step last named")
    return np.full(theirs.size, np.nan)


def among(theirs: np.ndarray, step: np.ndarray) -> tuple[bool, np.ndarray, float]:
    """Return whether another count lies between the steps before and behind it, in rows that name none; these counts, and how far steps are apart."""
    here = np.flatnonzero(np.isfinite(theirs) & np.isnan(step))
    known = np.flatnonzero(np.isfinite(step))
    count, place = theirs[here], np.searchsorted(known, here)
    if not here.size or not known.size:
        return True, count, 0.0
    apart = float(np.median(np.abs(np.diff(step[known])))) if known.size > 1 else 0.0
    before = np.where(place > 0, step[known[np.maximum(place - 1, 0)]], -np.inf)
    after = np.where(place < known.size, step[known[np.minimum(place, known.size - 1)]], np.inf)
    inside = (count >= before - apart) & (count <= np.where(after >= before, after, np.inf) + apart)
    return bool(inside.mean() > 0.8), count, apart


def refuse_samples(name: str, step: np.ndarray, path: Path) -> None:
    """Raise InputError for "[25600/60000]" that may count samples: all counts are multiples of a batch of usual size."""
    known = step[np.isfinite(step) & (step > 0)]
    if name != "position" or not known.size or np.any(known != np.floor(known)):
        return
    common = int(np.gcd.reduce(known.astype(np.int64)))
    if common % BATCH == 0:
        raise InputError(
            f"{path}: numbers before a total, {known[0]:.0f} and so on, are all multiples of {common}: samples or steps; give --columns step=position "
            f"--step-unit 1/N for batches of N samples (1: steps)"
        )


def consecutive(step: np.ndarray) -> bool:
    """Whether the steps are 0, 1, 2, ..., as calls are counted."""
    known = np.unique(step[np.isfinite(step)])
    return bool(known.size > 1 and known[0] == 0 and np.all(np.diff(known) == 1))


def whole(count: np.ndarray) -> bool:
    """Whether most numbers are whole, as of a count and not of a share of an epoch."""
    known = count[np.isfinite(count)]
    return bool(np.mean(known == np.floor(known)) > 0.5) if known.size else True


def rank_of(name: str) -> int:
    role = names.role(name)
    return role.rank if role else 0


def by_use(found: dict[str, np.ndarray], table: Table, picked: Picked) -> list[str]:
    """Return the counters, the best first: of two that stand in the same rows, one that never goes back before one that does."""
    best, *others = found
    if picked.epoch is None or not goes_back(found[best]):
        return list(found)
    here = np.isfinite(found[best])
    for other in others:
        beside = np.isfinite(found[other])
        if rank_of(other) < MICRO and not goes_back(found[other]) and (here & beside).sum() >= 0.9 * here.sum():
            return [other, *(name for name in found if name not in (other, best))]
    return list(found)


def goes_back(step: np.ndarray) -> bool:
    return bool(np.any(np.diff(step[np.isfinite(step)]) < 0))


def fill(step: np.ndarray, other: np.ndarray, first: str, name: str, rank: int, notes: list[str]) -> None:
    """Fill in steps that column `first` lacks from another counter, by what both say where both stand."""
    both, lacking = np.isfinite(step) & np.isfinite(other), np.isnan(step) & np.isfinite(other)
    x, y = other[both], step[both]
    same = not x.size or np.array_equal(x, y)
    if not same and rank != CALLS and x.size > 1 and rank_of(name) != CALLS and x[-1] > 0 and y[-1] > 0:
        ratio = x[-1] / y[-1]
        if max(ratio, 1 / ratio) > 1.5:
            notes.append(f"steps are '{first}'; '{name}' counts {ratio:.4g} for each of them (step={name} takes it)")
    if not lacking.any() or (
        not x.size and rank_of(name) > BAR and not (rank_of(name) < MICRO and among(other, step)[0])
    ):
        return
    if same and (x.size or rank_of(name) != CALLS):
        step[lacking] = other[lacking]
    elif x.size > 1 and np.all(np.diff(x) > 0):
        step[lacking] = np.rint(np.interp(other[lacking], x, y))


def counts_calls(name: str, table: Table) -> bool:
    """Whether a column is W&B's count of the calls of log, which an exported chart calls "Step"."""
    return rank_of(name) == CALLS or (table.chart and names.split(name) == ("step",))


def refuse_calls(table: Table, picked: Picked, name: str, step: np.ndarray, path: Path) -> None:
    """Raise InputError where W&B's count of calls numbers validations one by one: nobody validates after every update."""
    if not picked.val_loss or not counts_calls(name, table):
        return
    at = step[table.columns[picked.val_loss[0]].row] if picked.val_loss[0] in table.columns else np.array([])
    at = np.unique(at[np.isfinite(at)])
    if at.size >= EACH and np.all(np.diff(at) == 1):
        raise InputError(
            f"{path}: column '{name}' counts calls of log, {at[0]:.0f} to {at[-1]:.0f}, one for each validation, or the run was validated "
            "after every update; give --step-unit N, the updates from one to the next (1: every update)"
        )


def refuse_odd(step: np.ndarray, column: str, path: Path) -> None:
    """Raise InputError for steps that are not whole numbers from 0 to LONGEST; a row without a step is left out later."""
    known = step[~np.isnan(step)]
    with np.errstate(invalid="ignore"):
        odd = known[(known < 0) | (known > LONGEST) | (known != np.floor(known))]
    if odd.size:
        raise InputError(
            f"{path}: column '{column}' holds {odd[0]:g}; steps are whole numbers from 0 to {LONGEST}, counted in updates of the optimiser; "
            "of other counts, --step-unit says how many updates one is"
        )


def carried(step: np.ndarray, table: Table, picked: Picked, notes: list[str]) -> np.ndarray:
    """Return steps in which a row that names none has the step last named."""
    known = np.flatnonzero(np.isfinite(step))
    if known.size == step.size:
        return step
    last = np.searchsorted(known, np.arange(step.size), side="right") - 1
    full = np.where(last >= 0, step[known[np.maximum(last, 0)]], np.nan)
    for role in ("val_loss", "train_loss", "lr"):
        for name in getattr(picked, role):
            rows = table.columns[name].row if name in table.columns else np.array([], int)
            lacking = np.isnan(step[rows]) & np.isfinite(full[rows])
            again = rows[lacking & np.isin(full[rows], step[rows][~lacking])]
            if again.size:
                notes.append(
                    f"{again.size} rows of '{name}' name no step, and the step last named has a value; they are left out"
                )
                full[again] = np.nan
            if lacking.sum() > again.size and lacking.mean() < 1:
                notes.append(
                    f"{lacking.sum() - again.size} rows of '{name}' name no step and count at the step last named"
                )
    return full


def within_epochs(
    step: np.ndarray, table: Table, picked: Picked, path: Path, part: str | None, notes: list[str]
) -> np.ndarray:
    """Return steps counted from the beginning of the run where the log counts them anew in every epoch."""
    rows = np.flatnonzero(np.isfinite(step))
    back = np.flatnonzero(np.diff(step[rows]) < 0) + 1
    if not back.size:
        return step
    epoch = forward(table.columns[picked.epoch].dense(step.size)) if picked.epoch in table.columns else step * np.nan
    if part != "all" and np.all(epoch[rows] == np.floor(epoch[rows])):  # and so not NaN
        if not np.all(epoch[rows][back] > epoch[rows][back - 1]):
            return step
    elif begins_anew_in_epochs(step, rows, back, table, picked, path, part):
        epoch = np.full(step.size, np.nan)
        epoch[rows] = np.searchsorted(back, np.arange(rows.size), side="right")
    else:
        return step
    number = epoch[rows] - (0 if epoch[rows].min() == 0 else 1)
    full = np.full(step.size, np.nan)
    if part == "all":
        ends = np.append(step[rows][back - 1], 0)
        full[rows] = step[rows] + np.concatenate([[0], np.cumsum(ends)])[number.astype(int)]
        notes.append(f"steps begin anew {back.size} times, and each time count on from the last one before")
        return full
    length = epoch_length(step, rows, number, table)
    notes.append(
        f"steps begin anew in every epoch; the step is {length:.0f} x epoch + step, {length:.0f} being the steps of one"
    )
    full[rows] = number * length + step[rows]
    return full


def forward(values: np.ndarray) -> np.ndarray:
    """Return values in which a missing one is the last before it, and the first ones the next."""
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return values
    return values[known[np.maximum(np.searchsorted(known, np.arange(values.size), side="right") - 1, 0)]]


def epoch_length(step: np.ndarray, rows: np.ndarray, number: np.ndarray, table: Table) -> float:
    """Return the steps of an epoch: as the log says, or the last step of those that ended, and one interval if steps begin at 0."""
    ended = step[rows][number < number.max()]
    total = table.columns.get("total")
    if total is not None and np.all(total.value == total.value[0]) and total.value[0] >= ended.max():
        return float(total.value[0])
    zero = 1 if step[rows].min() == 0 else 0
    return float(ended.max()) + zero * max(
        float(np.median(np.abs(np.diff(np.unique(ended))))) if ended.size > 2 else 1, 1
    )


def begins_anew_in_epochs(
    step: np.ndarray, rows: np.ndarray, back: np.ndarray, table: Table, picked: Picked, path: Path, part: str | None
) -> bool:
    """Whether parts that all begin at the first steps and end at one last step are epochs of one run, by their rates.

    Raises InputError where nothing tells epochs from runs.
    """
    if part is not None:
        return part == "all"
    parts = np.split(step[rows], back)
    ends, gap = np.array([p[-1] for p in parts[:-1]]), max(np.median(np.abs(np.diff(step[rows]))), 1)
    starts = np.array([p[0] for p in parts[1:]])
    if (
        min(p.size for p in parts[:-1]) < RUN
        or np.ptp(ends) > gap
        or np.any(starts > parts[0][0] + gap)
        or parts[-1][-1] > ends.max() + gap
    ):
        return False
    rates = table.columns.get(picked.lr[0]) if picked.lr else None
    if rates is None:
        if len(parts) < 3:
            return False  # asked about as two runs
        raise InputError(
            f"{path}: steps begin anew {len(starts)} times, in every epoch or in another run; give --part all for epochs of one run, or --part N "
            "for one of several"
        )
    rate = rates.dense(step.size)[rows]
    if not np.isfinite(rate).all():
        return False
    stays = np.abs(rate[back] - rate[back - 1])
    return bool(np.all(stays <= 0.5 * np.abs(rate[back] - rate[0])) and np.any(rate != rate[0]))


@dataclass
class Order:
    """Which values of a table count.

    step     of every row, float64 [rows]
    columns  the columns that are read, by name
    part     of a file that holds several runs one after the other, which: "1", "2", ...
    repeats  which of several values at one step counts: "mean", "first" or "last"; None: not known

    Steps that go back are a resumed run: what the abandoned branch logged from there on is dropped. One row alone that stands too early or too late is a
    misplaced row. Raises InputError where the log begins anew and is a run both before and after.
    """

    step: np.ndarray
    columns: dict[str, Column]
    path: Path
    part: str | None = None
    repeats: str | None = None
    notes: list[str] = field(default_factory=list)
    restarts: list[tuple[int, int]] = field(default_factory=list)  # from which step back to which
    repeated: int = 0
    dropped: int = 0

    def __post_init__(self):
        self.alive = {name: np.isfinite(self.step[column.row]) for name, column in self.columns.items()}
        main = max(self.columns, key=lambda name: self.columns[name].row.size)
        for name in sorted(self.columns, key=lambda name: name != main):
            self._purge(name, ask=name == main)
        if self.restarts:
            some = ", ".join(f"from {a} to {b}" for a, b in self.restarts[:3])
            more = f" and {len(self.restarts) - 3} times more" if len(self.restarts) > 3 else ""
            self.notes.append(
                f"the step goes back {some}{more}, read as a resumed run: {self.dropped} values that were logged before from there on are dropped"
            )

    def _purge(self, name: str, ask: bool) -> None:
        """Drop what branches that were given up logged, as seen in one column, from all columns."""
        rows, values = self.columns[name].row[self.alive[name]], self.columns[name].value[self.alive[name]]
        step = self.step[rows]
        back = np.flatnonzero(np.diff(step) < 0) + 1
        if back.size > MIXED * step.size:
            self.notes.append(f"the rows of '{name}' are not in the order of their steps, by which they are sorted")
            return
        single = 0
        for i in back:
            early = i < 2 or step[i - 2] < step[i]
            late = i + 1 >= step.size or step[i + 1] > step[i - 1]
            if early or late:
                single += 1
                continue
            if step[i] <= step[:i].min():
                self._begin_anew(values, rows, i, ask)
            dead = np.flatnonzero(step[:i] >= step[i])
            event = (int(step[i - 1]), int(step[i]))
            if event not in self.restarts:
                self.restarts.append(event)
            for other, column in self.columns.items():
                gone = (
                    self.alive[other]
                    & (column.row >= rows[dead[0]])
                    & (column.row < rows[i])
                    & (self.step[column.row] >= step[i])
                )
                self.dropped += int(gone.sum())
                self.alive[other] &= ~gone
        if single:
            self.notes.append(
                f"{single} rows of '{name}' stand too early or too late, by their steps; they are sorted in"
            )

    def _begin_anew(self, values: np.ndarray, rows: np.ndarray, i: int, ask: bool) -> None:
        """Raise InputError if the rows before and after row `i`, at which the log begins anew, are two runs."""
        step = self.step[rows]
        _, a, b = np.intersect1d(step[:i], step[i:], return_indices=True)
        same = a.size and np.allclose(values[:i][a], values[i:][b], rtol=EQUAL, equal_nan=True)
        if same or not ask or i < RUN or step.size - i < RUN or step[:i].max() < FALSE_START * step[i:].max():
            return
        raise InputError(
            f"{self.path}: begins anew in row {rows[i] + 1}, at step {step[i]:.0f} after {step[i - 1]:.0f}: two runs, or one that was started "
            "afresh; choose with --part 1, --part 2, ... (--part last: the last)"
        )

    def last_row(self, names_of: list[str]) -> int:
        """Return the last row in which one of some columns has a number."""
        finite = [self.columns[name].row[np.isfinite(self.columns[name].value)] for name in names_of]
        return max((int(rows[-1]) for rows in finite if rows.size), default=0)

    def series(self, name: str, loss: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps and values of a column; of equal steps the last value counts, or as `repeats` says.

        Raises InputError for a `loss` that has several values at many steps, if nothing says what they are.
        """
        column, alive = self.columns[name], self.alive[name]
        step, value = self.step[column.row[alive]].astype(np.int64), column.value[alive]
        order = np.argsort(step, kind="stable")
        step, value = step[order], value[order]
        keep = np.append(np.diff(step) > 0, True) if step.size else np.array([], bool)
        follows = np.flatnonzero(~keep)
        with np.errstate(invalid="ignore"):
            changed = follows[~np.isclose(value[follows], value[follows + 1], rtol=EQUAL, atol=0, equal_nan=True)]
        self.repeated += follows.size
        if not changed.size:
            return step[keep], value[keep]
        some = np.unique(step[changed]).size
        if loss and keep.sum() == 1 and changed.size > 1:
            raise InputError(
                f"{self.path}: column '{name}' holds {changed.size + 1} losses at step {step[0]} and none at another: a table of runs and no history; "
                "give the history of one run"
            )
        if loss and self.repeats is None and some > SEVERAL * keep.sum() and some >= RUN:
            raise InputError(
                f"{self.path}: column '{name}' holds several values at {some} of {keep.sum()} steps: of micro-batches, ranks, sets or runs; give "
                "--repeats mean, first or last, or the log of one run"
            )
        which = self.repeats or "last"
        self.notes.append(
            f"column '{name}' has other values at {some} steps that it holds again; "
            + ("their means count" if which == MEAN else f"the {which} ones count")
        )
        if which == "first":
            keep = np.insert(np.diff(step) > 0, 0, True)
        if which != MEAN:
            return step[keep], value[keep]
        _, number = np.unique(step, return_inverse=True)
        return step[keep], np.bincount(number, value) / np.bincount(number)


def parts_of(step: np.ndarray, column: Column) -> list[int]:
    """Return the rows at which the log begins anew, 0 first: a column's steps fall back to its first and rise again."""
    rows = column.row[np.isfinite(step[column.row])]
    at = step[rows]
    back = np.flatnonzero(np.diff(at) < 0) + 1
    if back.size > MIXED * at.size:
        return [0]
    starts = [
        i
        for i in back
        if at[i] <= at[:i].min() and i > 1 and i + 1 < at.size and at[i - 2] > at[i] and at[i + 1] < at[i - 1]
    ]
    return [0, *(int(rows[i]) for i in starts)]
