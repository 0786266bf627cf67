"""What is odd about losses: values that are none, that end in NaN or inf, that stay for many rows, of another unit or an implausible size."""

from pathlib import Path

import numpy as np

from losslaws.curves.errors import InputError

LEAST, MOST = 1e-9, 1e9  # beyond, a value is no loss in any unit
LOW, HIGH = 0.05, 15.0  # nats per token between which language models' losses lie; ln(vocabulary) is below 13
HALF = 0.5  # share of rows up to which NaN is a loss that was lost; beyond, it says that there is none
# share of losses up to which single ones are wanting, and rows between two of them; beyond, that is how the log was written
EMPTY, FAR = 0.1, 3
SHOWN = 5  # steps that a note names
SHORT = 8  # losses that a forecast needs
FIRST, SHARE = 2, 0.03  # ... behind so many times the warm-up and behind this share of the steps
STAYS = 0.75  # share of rows with another loss than the row before, below which a loss is written on until the next evaluation
MOVES = 0.9  # ... while so many training losses are others
NEAR = 0.02  # relative, of a loss to the logarithm of its perplexity; both are rounded
LN2 = float(np.log(2))
UNITS = ("nats", "bits", "perplexity")


def checked(
    step: np.ndarray, loss: np.ndarray, column: str, unit: str, path: Path, notes: list[str]
) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Return the steps after 0 with a loss, the losses in nats where the unit is known, how many were NaN or inf at the end, and the step from which on all are (0: none).

    Raises InputError for impossible losses.
    """
    step, loss = step[step > 0], loss[step > 0]
    nan = np.isnan(loss)
    finite = np.flatnonzero(np.isfinite(loss))
    if finite.size:
        nan[finite[-1] + 1 :] = True  # inf at the end is no other than NaN there
    diverged = note_end(step, nan, float(loss[-1]) if loss.size else 0.0, column, notes)
    if not diverged and 0 < nan.sum() < HALF * nan.size:
        notes.append(f"'{column}' is NaN at {nan.sum()} of {nan.size} steps ({listed(step[nan])}), which are left out")
    step, loss = step[~nan], loss[~nan]
    with np.errstate(divide="ignore", invalid="ignore"):
        if unit == "perplexity":
            odd = ~np.isfinite(loss) | (loss <= 1)
        else:
            odd = ~np.isfinite(loss) | (loss < LEAST) | (loss > MOST)
    if unit == "perplexity" and odd.any() and not odd.all():
        step, loss = step[loss != np.inf], loss[loss != np.inf]  # exp() of a first loss
        odd = loss <= 1
    if odd.any():
        i = int(np.argmax(odd))
        raise InputError(
            f"{path}: column '{column}' holds {loss[i]:g} at step {step[i]}; a loss is a finite positive number of a size that occurs, so cut the log "
            "before it, or correct the row"
        )
    if unit == "perplexity":
        notes.append(f"'{column}' is a perplexity; its logarithm is used, in nats")
        loss = np.log(loss)
    if unit == "bits":
        notes.append(f"'{column}' is in bits, and so are the forecasts")
    elif unit == "nats" and loss.size:
        note_size(loss, column, notes)
    return step, loss, int(nan.sum()), diverged


def note_empty(step: np.ndarray, rows: np.ndarray, others: np.ndarray, column: str, notes: list[str]) -> None:
    """Note rows that lack a loss which stands at equal distances, before and behind them too.

    step    where the loss stands, rising
    rows    the steps of all rows
    others  steps at which none is due
    """
    apart = np.diff(step)
    usual = np.median(apart) if apart.size >= SHORT else 0
    near, wide = apart == usual, (apart > usual) & (apart <= FAR * usual)
    alone = 1 + np.flatnonzero(near[:-2] & wide[1:-1] & near[2:])
    due = np.array([t for i in alone for t in np.arange(step[i] + usual, step[i + 1], usual)])
    # at equal distances they are rows of another kind, as of a second evaluation, that never hold it
    if not 0 < due.size <= EMPTY * step.size or (due.size > 2 and np.ptp(np.diff(due)) == 0):
        return
    empty = due[np.isin(due, rows) & ~np.isin(due, others)]
    if empty.size:
        notes.append(
            f"'{column}' is empty in {empty.size} of {step.size + empty.size} rows that should hold it (steps {listed(empty)}), which are left out"
        )


def listed(step: np.ndarray) -> str:
    """Return some steps in words."""
    more = f" and {step.size - SHOWN} more" if step.size > SHOWN else ""
    return ", ".join(f"{t:.0f}" for t in step[:SHOWN]) + more


def note_end(step: np.ndarray, nan: np.ndarray, last: float, column: str, notes: list[str]) -> int:
    """Note a loss that is NaN from some step on, `last` or inf at the end, for longer than it ever was before, and return that step: the run has diverged. Else 0."""
    if not nan.any() or not nan[-1]:
        return 0
    finite = np.flatnonzero(~nan)
    end = int(finite[-1]) + 1 if finite.size else 0
    before = int(np.diff(finite).max()) - 1 if finite.size > 1 else 0
    if step.size - end > max(before, 0) or not finite.size:
        notes.append(
            f"'{column}' is {'NaN' if np.isnan(last) else 'NaN or inf'} from step {step[end]} on, in the last {step.size - end} of {step.size} losses: the run has diverged; what is used ends before"
        )
        return int(step[end])
    return 0


def without_stays(
    step: np.ndarray, loss: np.ndarray, train: np.ndarray, column: str, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return validation losses without those that only repeat the last evaluation in row after row of training losses `train`."""
    if loss.size < 2 * SHORT or loss.size < STAYS * train.size:
        return step, loss
    new, moves = np.append(True, np.diff(loss) != 0), np.diff(train) != 0
    if new.mean() > STAYS or new.sum() < 2 or moves.mean() < MOVES:
        return step, loss
    notes.append(
        f"'{column}' repeats its last value in {int((~new).sum())} of {new.size} rows; the first of each counts"
    )
    return step[new], loss[new]


def note_perplexity(loss: np.ndarray, perplexity: np.ndarray, column: str, name: str, notes: list[str]) -> bool:
    """Note losses in bits: 2 to their power is the perplexity that stands beside them; return whether they are."""
    known = np.isfinite(loss) & np.isfinite(perplexity) & (perplexity > 1) & (loss > 0)
    if known.sum() < SHORT:
        return False
    off = {
        base: float(np.median(np.abs(loss[known] * np.log(base) / np.log(perplexity[known]) - 1))) for base in (2, np.e)
    }
    if off[2] < NEAR < off[np.e]:
        notes.append(f"'{column}' is in bits, since 2 to its power is '{name}', and so are the forecasts")
        return True
    return False


def note_size(loss: np.ndarray, column: str, notes: list[str]) -> None:
    """Note losses that are no nats per token of a language model."""
    end = float(np.median(loss[-max(loss.size // 10, 1) :]))
    if end > HIGH or float(np.median(loss)) > HIGH:
        notes.append(
            f"'{column}' ends at {end:.4g}: more than nats per token of a language model; a perplexity (--unit perplexity), or a sum over "
            "micro-batches or tokens, of which all forecasts are then multiples"
        )
    elif end < LOW:
        notes.append(f"'{column}' ends at {end:.2g}: less than language models reach per token; is it the loss?")


def usable(step: np.ndarray, warmup: int, last: int) -> int:
    """Return how many losses a forecast can use: those behind the aftermath of the warm-up."""
    return int((step >= max(FIRST * warmup, SHARE * last)).sum())
