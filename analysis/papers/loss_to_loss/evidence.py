"""What the claims of Loss-to-Loss Prediction are held against: the public table of its models, fitted anew, and our own runs."""

from collections.abc import Callable
from functools import cached_property
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd

from analysis import RESULTS
from analysis.papers.loss_to_loss import domains
from analysis.papers.loss_to_loss.shifts import LAWS, Shift, fit_shift, flags, natural, share, translate
from losslaws import laws
from losslaws.curves.public import loss_to_loss
from losslaws.fitting import Fit, fit

SOURCE = "fineweb-edu-100b"  # from which the paper predicts tests
RATIO = (16, 23)  # tokens per parameter of the few runs that a new data set is given

OWN = RESULTS / "loss_to_loss"


class Evidence:
    """The models of the public table, the laws fitted to them, the shifts between their losses; and our own domains."""

    def __init__(self, runs: Path | None = None):
        """`runs` holds the curves of our own runs (default: results/loss_to_loss)."""
        self.runs = Path(runs or OWN)

    @cached_property
    def own(self) -> domains.Domains | None:
        """Our own runs; None where they are not there."""
        return domains.load(self.runs)

    @cached_property
    def models(self) -> dict[str, pd.DataFrame]:
        """The rows of every data set."""
        table = loss_to_loss.sweep()
        return {name: table[table["data"] == name] for name in loss_to_loss.SETS}

    @cached_property
    def largest(self) -> pd.DataFrame:
        """The 3.3B model of every data set, by its name."""
        return loss_to_loss.extrapolation()

    @cached_property
    def fits(self) -> dict[tuple[str, str], Fit]:
        """Both laws on the models' losses on their own data, by data set and law."""
        return {(name, law): self.law(name, "val_loss", law) for name in loss_to_loss.SETS for law in LAWS}

    @cached_property
    def task_fits(self) -> dict[str, Fit]:
        """The law `kaplan_entropy` on every test, for the models trained on SOURCE."""
        return {task: self.law(SOURCE, loss_to_loss.task_column(task)) for task in loss_to_loss.TASKS}

    def law(self, name: str, loss: str, law: str = "kaplan_entropy") -> Fit:
        """Fit `law` to one loss of the models trained on data set `name`."""
        return fit(laws.build(law), loss_to_loss.points(self.models[name], loss))

    def E(self, name: str) -> float:
        """The loss on data set `name` that nothing removes."""
        return self.fits[name, "kaplan_entropy"].params["E"]

    def pairs_of(self, x: str, y: str, few: bool = False) -> pd.DataFrame:
        """Return the models trained on `x` beside those of the same size and tokens trained on `y`: columns end in _x and _y.

        few  only those that a new data set is given: RATIO tokens per parameter, and not of 20 layers
        """
        both = self.models[x].merge(self.models[y], on=["params", "tokens"], suffixes=("_x", "_y"))
        return both[both["data_ratio_y"].between(*RATIO) & (both["n_layers_y"] != 20)] if few else both

    @cached_property
    def shifts(self) -> dict[tuple[str, str], Shift]:
        """Train to train: the shift of every ordered pair of data sets."""
        found = {}
        for x, y in permutations(loss_to_loss.SETS, 2):
            both = self.pairs_of(x, y)
            found[x, y] = fit_shift(both["val_loss_x"], both["val_loss_y"], self.E(x), self.E(y))
        return found

    @cached_property
    def train_to_test(self) -> dict[str, Shift]:
        """From the loss on SOURCE to every test, of the same model."""
        rows = self.models[SOURCE]
        return {
            task: fit_shift(rows["val_loss"], rows[loss_to_loss.task_column(task)], self.E(SOURCE), found.params["E"])
            for task, found in self.task_fits.items()
        }

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The 30 shifts, and what each says of the 3.3B model of its target."""
        rows = []
        for (x, y), shift in self.shifts.items():
            said, found = float(shift.predict(self.largest["val_loss"][x])), self.largest["val_loss"][y]
            rows.append((x, y, shift.points, shift.kappa, shift.K, shift.r2, said, found, abs(said / found - 1)))
        return pd.DataFrame(
            rows, columns=["source", "target", "points", "kappa", "K", "r2", "predicted", "measured", "error"]
        )

    @cached_property
    def joint(self) -> pd.DataFrame:
        """The 12 joint fits beside the published ones, and what each says of the 3.3B model of its data set."""
        rows = []
        for (name, law), found in self.fits.items():
            ours, theirs = natural(found), self.published(name, law)
            (largest,) = loss_to_loss.points(self.largest.loc[[name]].reset_index())
            said = float(found.predict(largest)[0])
            rows.append(
                {"data": name, "law": law, **ours, "r2": found.r2}
                | {f"published_{key}": theirs[key] for key in ours}
                | {
                    "apart": max(abs(ours[key] / theirs[key] - 1) for key in ours),
                    "error": said / largest.final_loss - 1,
                }
            )
        return pd.DataFrame(rows)

    def published(self, name: str, law: str) -> pd.Series:
        """Return the published parameters of one joint fit."""
        table = loss_to_loss.published_fits()
        kind = table["kaplan"] == (law == "kaplan_entropy")
        return table[(table["data"] == name) & kind & (table["loss_name"] == "val_loss")].iloc[0]

    @cached_property
    def translation(self) -> pd.DataFrame:
        """R2 on all models of a data set: of its own law, of laws translated to it from few runs, and of a law of those few."""
        rows = []
        for y in loss_to_loss.SETS:
            measured, every = self.models[y]["val_loss"].to_numpy(), loss_to_loss.points(self.models[y])
            translated, shifts = [], []
            for x in loss_to_loss.SETS:
                if x != y:
                    few = self.pairs_of(x, y, few=True)
                    shifts.append(fit_shift(few["val_loss_x"], few["val_loss_y"], self.E(x)))
                    law = self.fits[x, "kaplan_entropy"]
                    translated.append(share(law, translate(law.params, shifts[-1]), every, measured))
            few = self.models[y][self.models[y]["data_ratio"].between(*RATIO) & (self.models[y]["n_layers"] != 20)]
            alone = fit(laws.build("kaplan_entropy"), loss_to_loss.points(few))
            rows.append(
                {
                    "target": y,
                    "own_law": self.fits[y, "kaplan_entropy"].r2,
                    "translated": np.mean(translated),
                    "worst_translated": min(translated),
                    "few_runs_alone": share(alone, alone.params, every, measured),
                    "runs": f"{min(s.points for s in shifts)} to {max(s.points for s in shifts)}; alone {len(few)}",
                    "doubts_translated": f"{sum(bool(s.warnings) for s in shifts)} of {len(shifts)} fits flagged",
                    "doubts_alone": flags(alone),
                }
            )
        return pd.DataFrame(rows)

    @cached_property
    def test_losses(self) -> pd.DataFrame:
        """From SOURCE to the tests of the 3.3B models of the other data sets, each from few runs: error and doubts."""
        rows = []
        for task, y in ((task, y) for task in loss_to_loss.TASKS for y in loss_to_loss.SETS if y != SOURCE):
            column, few = loss_to_loss.task_column(task), self.pairs_of(SOURCE, y, few=True)
            found = self.largest[column][y]
            for kind, x, E in (
                ("train to test", "val_loss", self.E(SOURCE)),
                ("test to test", column, self.task_fits[task].params["E"]),
            ):
                shift = fit_shift(few[f"{x}_x"], few[f"{column}_y"], E)
                error = abs(float(shift.predict(self.largest[x][SOURCE])) / found - 1)
                rows.append((task, y, kind, shift.points, shift.kappa, shift.K, shift.E_y, error, flags(shift)))
            rows.append((task, y, "identity", 0, 1.0, 1.0, 0.0, abs(self.largest[column][SOURCE] / found - 1), ""))
        columns = ["task", "target", "kind", "points", "kappa", "K", "E_y", "error", "doubts"]
        return pd.DataFrame(rows, columns=columns)

    def tables(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """Makers of the tables beside the claims, by name."""
        names = ("joint", "pairs", "translation", "test_losses")
        public = {name: lambda name=name: getattr(self, name) for name in names}
        return public | (self.own.tables() if self.own else {})
