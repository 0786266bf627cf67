"""What the claims are held against on our own runs: three domains of text, trained and evaluated crosswise.

The domains share one tokenizer and one grid of sizes and lengths, so that runs pair by them. Laws and shifts are fitted to
the runs of role "fit"; the largest size, role "unseen", is to them what the paper's 3.3B models are to its own.
"""

from collections.abc import Callable
from functools import cached_property
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.papers.loss_to_loss.shifts import LAWS, Shift, fit_shift, flags, natural, share, translate
from losslaws import laws
from losslaws.curves import LossCurve
from losslaws.curves.runs import Noise, final, noise, seed_pairs
from losslaws.curves.store import holds_curves, load_folder
from losslaws.fitting import Fit, fit

NAMES = ("python", "prose", "headers")
COUNTED = (2, 200)  # tokens per parameter of the runs that count, as in the paper
FEW = (4, 20)  # tokens per parameter of the few runs that a new domain is given
TRAIN_TO_TRAIN, TRAIN_TO_TEST, TEST_TO_TEST = "train to train", "train to test", "test to test"

Loss = tuple[str, str]  # the domain that a model is trained on, and the one whose validation set its loss is taken on


def pairs_of_losses() -> dict[str, list[tuple[Loss, Loss]]]:
    """Return, for every kind of shift, the losses x and y of each; test to test takes the third domain as the test."""
    ordered = list(permutations(NAMES, 2))
    return {
        TRAIN_TO_TRAIN: [((x, x), (y, y)) for x, y in ordered],
        TRAIN_TO_TEST: [((x, x), (x, y)) for x, y in ordered],
        TEST_TO_TEST: [((x, z), (y, z)) for x, y in ordered for z in NAMES if z not in (x, y)],
    }


class Domains:
    """Our runs, the laws fitted to them, and the shifts between their losses."""

    def __init__(self, curves: dict[str, LossCurve], counted: tuple[float, float] = COUNTED):
        """`counted` are the least and the most tokens per parameter of the runs that count."""
        self.curves, self.counted = curves, counted
        self._fits: dict[tuple[Loss, str], Fit] = {}

    @cached_property
    def noise(self) -> Noise | None:
        """What another seed changes; None where no cell was run twice."""
        return noise(seed_pairs(self.curves.values()))

    def finals(self, loss: Loss, role: str = "fit") -> dict[tuple[int, int], LossCurve]:
        """The final losses of the models trained on a domain, on a validation set, by size and steps."""
        domain, test = loss
        low, high = self.counted
        every = [run for run in self.curves.values() if run.role == role and run.config["data"]["domain"] == domain]
        runs = [run for run in every if low <= ratio(run) <= high]
        found = [final(run if test == domain else run.on(f"installed-{test}")) for run in runs]
        return dict(sorted(((run.parameters["non_embedding"], run.schedule.steps), run) for run in found))

    def pairs(self, x: Loss, y: Loss, role: str = "fit") -> tuple[np.ndarray, np.ndarray, list[LossCurve]]:
        """Return losses x and y of the runs of equal size and steps, and the latter runs."""
        first, second = self.finals(x, role), self.finals(y, role)
        both = [key for key in first if key in second]
        return (
            np.array([first[key].final_loss for key in both]),
            np.array([second[key].final_loss for key in both]),
            [second[key] for key in both],
        )

    def fit(self, loss: Loss, law: str = "kaplan_entropy") -> Fit:
        """A law of size and tokens on one loss of the models of one domain."""
        if (loss, law) not in self._fits:
            self._fits[loss, law] = fit(laws.build(law), self.finals(loss).values())
        return self._fits[loss, law]

    def E(self, loss: Loss) -> float:
        """The loss that neither size nor tokens remove."""
        return self.fit(loss).params["E"]

    @cached_property
    def shifts(self) -> dict[tuple[str, Loss, Loss], Shift]:
        """Every shift, by its kind and its losses x and y."""
        found = {}
        for kind, every in pairs_of_losses().items():
            for x, y in every:
                before, after, _ = self.pairs(x, y)
                found[kind, x, y] = fit_shift(before, after, self.E(x), self.E(y))
        return found

    @cached_property
    def table(self) -> pd.DataFrame:
        """The shifts, and the mean absolute relative errors with which they and other ways foretell the largest models."""
        rows = []
        for (kind, x, y), shift in self.shifts.items():
            before, after, runs = self.pairs(x, y, "unseen")
            ways = {"error": shift.predict(before), "no_change": before}
            ways |= {f"law_{law}": np.concatenate([self.fit(y, law).predict(run) for run in runs]) for law in LAWS}
            errors = {way: float(np.abs(said / after - 1).mean()) for way, said in ways.items()}
            fitted = {key: getattr(shift, key) for key in ("points", "kappa", "K", "E_x", "E_y", "r2")}
            named = {"x": " on ".join(x), "y": " on ".join(y)}
            rows.append({"kind": kind} | named | fitted | errors | {"doubts": flags(shift)})
        return pd.DataFrame(rows)

    @cached_property
    def joint(self) -> pd.DataFrame:
        """Both laws on every loss, and their mean absolute relative error on the largest models."""
        rows = []
        for loss, law in product(product(NAMES, NAMES), LAWS):
            found, largest = self.fit(loss, law), self.finals(loss, "unseen").values()
            errors = [abs(float(found.predict(run)[0]) / run.final_loss - 1) for run in largest]
            rows.append(
                {"trained_on": loss[0], "loss_on": loss[1], "law": law, **natural(found), "points": found.points}
                | {"r2": found.r2, "error": np.mean(errors), "doubts": flags(found)}
            )
        return pd.DataFrame(rows)

    @cached_property
    def translation(self) -> pd.DataFrame:
        """R2 on all models of a domain, the largest too: of its own law, of laws translated from few runs, of those runs alone."""
        rows = []
        for y in NAMES:
            every = [run for role in ("fit", "unseen") for run in self.finals((y, y), role).values()]
            measured, own = np.array([run.final_loss for run in every]), self.fit((y, y))
            few = [run for run in self.finals((y, y)).values() if FEW[0] <= ratio(run) <= FEW[1]]
            alone = fit(laws.build("kaplan_entropy"), few)
            rows.append((y, "own law", "", own.points, share(own, own.params, every, measured), flags(own)))
            rows.append(
                (y, "few runs alone", "", alone.points, share(alone, alone.params, every, measured), flags(alone))
            )
            for x in NAMES:
                if x != y:
                    before, after, runs = self.pairs((x, x), (y, y))
                    chosen = np.array([FEW[0] <= ratio(run) <= FEW[1] for run in runs])
                    shift, law = fit_shift(before[chosen], after[chosen], self.E((x, x))), self.fit((x, x))
                    r2 = share(law, translate(law.params, shift), every, measured)
                    rows.append((y, "translated", x, shift.points, r2, flags(shift)))
        return pd.DataFrame(rows, columns=["target", "law", "source", "runs", "r2", "doubts"])

    def tables(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """Makers of the tables of our own runs, by name."""
        names = {"own_joint": "joint", "own_shifts": "table", "own_translation": "translation"}
        return {name: lambda attribute=attribute: getattr(self, attribute) for name, attribute in names.items()}


def load(folder: Path) -> Domains | None:
    """Return our own runs; None where they are not there."""
    return Domains(load_folder(folder)) if holds_curves(folder) else None


def ratio(run: LossCurve) -> float:
    """Tokens per parameter of a whole run."""
    return run.schedule.steps * run.tokens_per_step / run.parameters["non_embedding"]
