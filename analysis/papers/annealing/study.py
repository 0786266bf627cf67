"""Study: a profile's experiment and all that figures, report and checks say of it, computed once, on first use."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.papers import claim as claims
from analysis.papers.annealing import benchmark
from analysis.papers.annealing.evidence import Evidence
from analysis.papers.annealing.experiment import Experiment
from losslaws.curves import public


@dataclass(frozen=True, eq=False)
class Study:
    """One profile.

    folder      results/PROFILE, where tables, figures and report go
    experiment  its curves, fits and predictions
    """

    folder: Path
    experiment: Experiment

    @classmethod
    def load(cls, folder: Path | str) -> "Study":
        """Read the curves of results folder `folder`. Raises InputError where there are none."""
        return cls(Path(folder), Experiment.load(folder))

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key != "evidence"}  # it holds a module

    @cached_property
    def evidence(self) -> Evidence:
        """What claims are held against: these runs, the annealing paper's own points, and other people's curves."""
        return Evidence(self.experiment, public)

    @cached_property
    def benchmark(self) -> pd.DataFrame:
        """Compute against accuracy, a row for every method and target."""
        return benchmark.benchmark(self.experiment)

    @cached_property
    def equal_error(self) -> pd.DataFrame:
        """Compute at equal error, a row for every Chinchilla method."""
        return benchmark.equal_error(self.benchmark)

    @property
    def headline(self) -> str:
        """The benchmark in one sentence: the annealing law's FLOPs at the error of Chinchilla from three cosines."""
        rows = {row["method"]: row for row in self.equal_error.to_dict("records")}
        if benchmark.REFERENCE not in rows:
            return "Chinchilla's runs are not part of this profile"
        row = rows[benchmark.REFERENCE]
        error = f"Chinchilla's error ({100 * row['error']:.2f} %)"
        reached = f"reaches {error} with {100 * row['ratio']:.0f} % of its FLOPs" if np.isfinite(row["ratio"]) else ""
        near = f"with {100 * row['noise_ratio']:.0f} %" if np.isfinite(row["noise_ratio"]) else ""
        if reached and near and row["noise_ratio"] < row["ratio"]:
            return f"The annealing law {reached}, and comes within seed noise of it {near}"
        if reached:
            return f"The annealing law {reached}"
        if near:
            return f"The annealing law comes within seed noise of {error} {near} of its FLOPs"
        return f"No fit of the annealing law comes within seed noise of {error}"

    @cached_property
    def claims(self) -> list[claims.Claim]:
        """Every claim with its evidence and verdict."""
        return claims.gather("annealing", self.evidence)

    @property
    def verdicts(self) -> str:
        """How many claims hold, in words: "holds: 20, holds in part: 9, ..."."""
        return claims.verdicts(self.claims)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables that a profile's folder holds, by the stem of their CSV file."""
        return {
            "fits": self.experiment.fits(),
            "predictions": self.experiment.predictions(),
            "benchmark": self.benchmark,
            "benchmark_summary": benchmark.summary(self.benchmark),
            "benchmark_equal_error": self.equal_error,
            "claims": claims.table(self.claims),
        }
