"""Three questions beside the protocols, each a table of its own: `tables(board)` asks them of every group.

    oracle        where a form is wrong whatever its parameters: fitted to all curves of one peak rate
    one_cosine    what one cosine run and other families' parameters tell of other schedules
    compute       what a prediction of the final loss consumes, the runs that taught its priors included, against its error

Each takes a group, a procedure and what that knows beforehand, and returns rows.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.leaderboard import procedures
from analysis.leaderboard.board import Board
from analysis.leaderboard.procedures import BEST, PROCEDURES, Beforehand, Priors, Procedure, at_each_peak
from analysis.leaderboard.protocols import trained
from losslaws import laws
from losslaws.curves import LossCurve
from losslaws.curves.public import Group
from losslaws.curves.runs import decays, final, shape
from losslaws.fitting import fit
from losslaws.fitting.metrics import score

JUDGED = ("annealing-full", "annealing-progress-.7", "multi-power", "functional", "relaxation")
FROM_ONE = ("annealing", "multi-power", "relaxation", BEST)
COMPARED = ("annealing", "relaxation", BEST)  # the first without priors, the law of BEST too
MANY = 16  # curves of one peak rate that an oracle fit takes; of more, every second, third, ...
LARGE = ("mpl", "slimpajama-124m")  # the data sets on which compute is compared


def tables(board: Board) -> dict[str, pd.DataFrame]:
    """Return the three tables, by the stem of their file."""
    found = {}
    for ask, (names, apart) in STUDIES.items():
        tasks = [
            (i, PROCEDURES[name], board.beforehand(PROCEDURES[name], group, apart))
            for i, group in enumerate(board.groups)
            for name in names
        ]
        answers = board.everywhere(ask, ask.__name__, tasks)
        found[ask.__name__] = pd.DataFrame([row for rows in answers for row in rows])
    return found


def oracle(group: Group, procedure: Procedure, beforehand: Beforehand) -> list[dict]:
    """Return the errors of the procedure on the very curves it was fitted to, a row for every peak rate."""
    rows = []
    for runs in at_each_peak(group):
        seen = some(runs)
        fits = procedures.fitted(procedure, seen, [None] * len(procedure.parts))
        scores = [score(loss, run.loss) for loss, run in predictions(procedure, fits, seen)]
        rows.append(
            about(group, procedure)
            | {
                "peak": seen[0].schedule.peak,
                "curves": len(seen),
                "PredE": np.mean([s.mean_error for s in scores]),
                "final_error": np.mean([s.final_error for s in scores]),
                "worst_final_error": max(s.final_error for s in scores),
                "noise": group.noise,
            }
        )
    return rows


def one_cosine(group: Group, procedure: Procedure, beforehand: Beforehand) -> list[dict]:
    """Return a row for the longest cosine of every peak rate: errors at the end of the decayed runs that are no cosines.

    Beside them stands what bounds them: of BEST `own_error`, that of a fit to these runs themselves with nothing known beforehand,
    the noise floor, and how many times as long as the cosine the longest of them is.
    """
    rows = []
    for cosine, tests in cosines(group):
        errors = final_errors(procedure, [cosine], beforehand.priors, tests)
        own = np.nan
        if procedure.name == BEST:
            own = np.mean(final_errors(procedure, some([cosine, *tests]), [None] * len(procedure.parts), tests))
        rows.append(
            about(group, procedure)
            | {
                "peak": cosine.schedule.peak,
                "fit": cosine.name,
                "curves": len(errors),
                "final_error": np.mean(errors),
                "worst_final_error": max(errors),
                "own_error": own,
                "noise": group.noise,
                "times_longer": max(run.schedule.steps for run in tests) / cosine.schedule.steps,
            }
        )
    return rows


def some(runs: list[LossCurve]) -> list[LossCurve]:
    """Return at most MANY of `runs`."""
    return runs[:: -(-len(runs) // MANY)]


def cosines(group: Group) -> Iterator[tuple[LossCurve, list[LossCurve]]]:
    """Yield the longest full cosine of every peak rate, and the decayed runs at that peak that follow another schedule."""
    for runs in at_each_peak(group):
        whole = [run for run in runs if run.schedule.name == "cosine"]
        tests = [run for run in runs if run.schedule.name != "cosine" and decays(run)]
        if whole and tests:
            yield max(whole, key=lambda run: run.schedule.steps), tests


def compute(group: Group, procedure: Procedure, beforehand: Beforehand) -> list[dict]:
    """Return a row for every way to predict the final loss of the longest run of a schedule from its shorter runs.

    The procedure takes the shortest alone, the two shortest, and all shorter ones; Chinchilla's power law in steps (one
    model size, so N adds nothing) takes the last points of all of them, of which it needs three.
    """
    rows = []
    for *shorter, target in series(group) if group.dataset in LARGE else ():
        known = about(group, procedure) | {"schedule": target.name, "steps": target.schedule.steps}
        for count in range(1, len(shorter) + 1):
            used = shorter[:count]
            error = final_errors(procedure, used, beforehand.priors, [target])[0]
            prior = beforehand.steps / trained([target])
            cost = {"compute_fraction": trained(used) / trained([target]) + prior, "prior_fraction": prior}
            rows.append(known | {"runs": count, **cost, "error": error})
        if procedure.name == COMPARED[0] and len(shorter) >= 3:
            steps = fit(laws.build("steps_power"), [final(run) for run in shorter])
            error = abs(steps.predict(final(target))[0] / target.final_loss - 1)
            cost = {"compute_fraction": trained(shorter) / trained([target]), "prior_fraction": 0.0}
            rows.append(known | {"law": "chinchilla", "runs": len(shorter), **cost, "error": error})
    return rows


def series(group: Group) -> Iterator[list[LossCurve]]:
    """Yield the decayed runs that follow one schedule at one peak rate over two lengths or more, shortest first."""
    found: dict[tuple, list[LossCurve]] = {}
    for run in group.curves.values():
        if decays(run):
            found.setdefault((run.schedule.peak, *shape(run.schedule)), []).append(run)
    for runs in found.values():
        if len(runs) > 1:
            yield sorted(runs, key=lambda run: run.schedule.steps)


def final_errors(
    procedure: Procedure, seen: Sequence[LossCurve], priors: Priors, tests: Sequence[LossCurve]
) -> list[float]:
    """Return the relative error of the last loss of every test."""
    fits = procedures.fitted(procedure, seen, priors)
    return [abs(loss[-1] / run.final_loss - 1) for loss, run in predictions(procedure, fits, [final(t) for t in tests])]


def predictions(procedure: Procedure, fits, runs: Sequence[LossCurve]) -> Iterator[tuple[np.ndarray, LossCurve]]:
    """Yield the predicted losses of each run, beside it."""
    for run in runs:
        yield procedures.predict(fits, procedures.features(procedure, run)), run


def about(group: Group, procedure: Procedure) -> dict:
    return {"dataset": group.dataset, "size": group.size, "law": procedure.name}


# procedures that each is asked of, and who tells what they know beforehand: groups of other authors, or all other groups
STUDIES = {oracle: (JUDGED, "authors"), one_cosine: (FROM_ONE, "name"), compute: (COMPARED, "authors")}
