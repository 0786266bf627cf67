"""Our own family of models, the runs of conf/sweep/kaplan.yaml, as papers on families of models read theirs.

Family.load("results/kaplan")       None where the runs are not there
family.ends, .equal, .stable, .frontier, .texts, .batches       runs, cut to what a law speaks of
family.noise, .error                what another seed changes, and what is uncertain in a mean over seeds
family.table(family.ends)           the checkpoints as the families of `losslaws.curves.public.hitchhiker`

Every curve is the mean over its seeds.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from losslaws.curves import LossCurve, Schedule
from losslaws.curves.public.hitchhiker import family as family_table
from losslaws.curves.runs import Noise, final, kinds, mean_curve, noise, seed_pairs, select, settled
from losslaws.curves.store import holds_curves, load_folder
from losslaws.fitting import Fit, fit
from losslaws.laws import build, counts, tokens

NOT_RUN = "not run: results/kaplan is not there; `python -m training run kaplan` trains it"


@dataclass(frozen=True, eq=False)
class Family:
    """The curves of the sweep, means over seeds, sorted by size and length. Roles: rate, family, batch, text.

    curves    the means
    runs      what each is the mean of, by its name and seed
    """

    curves: list[LossCurve]
    runs: dict[str, dict[int, LossCurve]]

    @classmethod
    def load(cls, folder: Path | str) -> "Family | None":
        """Read `folder`/curves; None where there is none."""
        if not holds_curves(folder):
            return None
        runs = kinds(load_folder(folder).values())
        means = (mean_curve(kind, list(seeds.values())) for kind, seeds in runs.items())
        return cls(sorted(means, key=lambda c: (size(c), c.schedule.steps)), runs)

    def role(self, *roles: str) -> list[LossCurve]:
        """The runs of these roles."""
        return [curve for curve in self.curves if curve.role in roles]

    @cached_property
    def ends(self) -> list[LossCurve]:
        """The final losses of every size and length."""
        return [final(curve) for curve in self.role("family")]

    @cached_property
    def equal(self) -> list[LossCurve]:
        """The whole runs of every size at the longest length that all sizes have."""
        lengths = [{c.schedule.steps for c in runs} for _, runs in groupby(self.role("family"), size)]
        longest = max(set.intersection(*lengths))
        return [curve for curve in self.role("family") if curve.schedule.steps == longest]

    @cached_property
    def stable(self) -> list[LossCurve]:
        """The stable phase of every size after the warm-up: all steps at one rate."""
        longest = [list(runs)[-1] for _, runs in groupby(self.role("family"), size)]
        return [settled(select(c, c.schedule.lr[c.step - 1] == c.schedule.peak)) for c in longest]

    @cached_property
    def frontier(self) -> list[LossCurve]:
        """Those points of the stable phases whose loss no other point had for less compute, 6 N D."""
        runs = self.stable
        compute = [6 * counts([run], "non_embedding") * tokens([run]) for run in runs]
        order = np.argsort(np.concatenate(compute), kind="stable")
        losses = np.concatenate([run.loss for run in runs])
        best = np.empty(losses.size, dtype=bool)
        best[order] = losses[order] <= np.minimum.accumulate(losses[order])
        parts = np.split(best, np.cumsum([run.step.size for run in runs])[:-1])
        return [select(run, part) for run, part in zip(runs, parts, strict=True) if part.any()]

    @cached_property
    def texts(self) -> list[LossCurve]:
        """The lowest loss of every size on every text, each as one step whose batch is the whole text: D are distinct tokens.

        The longest text is the stretch of the family's stable phase of as many steps as the others had.
        """
        short = self.role("text")
        if not short:
            return []
        steps = min(curve.schedule.steps for curve in short)
        found = [lowest(curve, curve.source["train_tokens"]) for curve in short]
        for curve in self.stable:
            if any(curve.parameters == other.parameters for other in short):
                stretch = select(curve, curve.step <= steps)
                found.append(lowest(stretch, stretch.step[-1] * curve.tokens_per_step))
        return found

    @cached_property
    def batches(self) -> list[LossCurve]:
        """The runs of role "batch" after their warm-up: two sizes, each with several batches at several constant rates."""
        return [settled(curve) for curve in self.role("batch")]

    @cached_property
    def noise(self) -> Noise | None:
        """What another seed changes, of the longest run of every size, which no other shares steps with; None where none has one."""
        longest = {size(curve): curve.name for curve in self.role("family")}
        return noise(seed_pairs(run for name in longest.values() for run in self.runs[name].values()))

    @cached_property
    def error(self) -> float:
        """Relative standard error of a mean over the seeds of the family; nan where there is one seed."""
        seeds = min(len(self.runs[curve.name]) for curve in self.role("family"))
        return self.noise.relative / np.sqrt(2 * seeds) if self.noise else np.nan

    def spread(self, role: str) -> tuple[float, int]:
        """Relative standard deviation over seeds of one role's final losses, pooled, and the fewest seeds of a run; nan and 1 without any."""
        groups = [[np.log(run.final_loss) for run in self.runs[curve.name].values()] for curve in self.role(role)]
        seeds = min(map(len, groups), default=1)
        return (float(np.sqrt(np.mean([np.var(group, ddof=1) for group in groups]))) if seeds > 1 else np.nan), seeds

    @cached_property
    def chinchilla(self) -> Fit:
        """Chinchilla's law on the ends."""
        return fit(build("chinchilla"), self.ends)

    def table(self, curves: list[LossCurve]) -> pd.DataFrame:
        """Return the evaluated points of `curves` as a family of `losslaws.curves.public.hitchhiker`: model, N (all parameters), D and loss."""
        names = np.concatenate([np.full(curve.step.size, curve.name) for curve in curves])
        loss = np.concatenate([curve.loss for curve in curves])
        return family_table(pd.Series(names), counts(curves, "total"), tokens(curves), loss)


def size(curve: LossCurve) -> int:
    """The parameters of a run without embeddings."""
    return curve.parameters["non_embedding"]


def lowest(curve: LossCurve, distinct: int) -> LossCurve:
    """Return the lowest loss of `curve` as that of one step on `distinct` tokens: what a law of the text's length reads."""
    return LossCurve(
        name=curve.name,
        schedule=Schedule(np.array([curve.schedule.peak])),
        step=np.array([1]),
        loss=curve.loss[[curve.loss.argmin()]],
        tokens_per_step=int(distinct),
        parameters=curve.parameters,
        seed=curve.seed,
        role=curve.role,
        source=curve.source,
    )
