"""Every public data set of loss curves, listed once: `groups()`, in groups of runs of one model.

A new data set is a file beside this one, whose function returns its curves by model and name, and a line of DATA_SETS.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations

import numpy as np

from losslaws.curves.errors import InputError, nearest
from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.public.annealing_paper import MODELS, annealing_paper_models
from losslaws.curves.public.gemstones import gemstones
from losslaws.curves.public.modded_nanogpt import modded_nanogpt
from losslaws.curves.public.multi_power import MULTI_POWER_FIT, MULTI_POWER_SIZES, multi_power
from losslaws.curves.public.olmo_ladder import olmo_ladder
from losslaws.curves.public.slimpajama import openwebtext2_scaling, slimpajama_124m, slimpajama_scaling
from losslaws.curves.runs import settled

SAME = 1e-4  # relative difference below which two logged losses are one evaluation, rounded or read off a figure
# of runs that nobody repeated: the seed noise that Luo et al. state for 25M, relative to the loss
FALLBACK = 0.0007 / 3.3

Curves = dict[str, LossCurve]


@dataclass(frozen=True, eq=False)
class Group:
    """The runs of one model: what a law fitted to some of them may be asked of the others.

    dataset    as in tables, e.g. "mpl"
    size       of the model, e.g. "25M"
    authors    who trained it; what is learned elsewhere is learned from other authors
    curves     by name, from twice their warm-up on (where a split is published all points, as its scores count them); no second
               runs among them
    published  the fit curves of every split that somebody published
    noise      standard deviation of the late loss of one run, relative
    optimiser  e.g. "adamw"
    rate       unit of the rates: "absolute", those of Adam; "relative", where only ratios within a run are known; "other", of another
               optimiser
    """

    dataset: str
    size: str
    authors: str
    curves: Curves
    published: tuple[tuple[str, ...], ...] = ()
    noise: float = FALLBACK
    optimiser: str = "adamw"
    rate: str = "absolute"

    @property
    def name(self) -> str:
        """Data set and size."""
        return f"{self.dataset} {self.size}"

    @property
    def parameters(self) -> int:
        """Parameters without embeddings."""
        return next(iter(self.curves.values())).parameters["non_embedding"]

    @property
    def tokens_per_step(self) -> int:
        """The batch, in tokens."""
        return next(iter(self.curves.values())).tokens_per_step

    def at_each_peak(self) -> list["Group"]:
        """Return the group in parts of one peak rate each, from the lowest on."""
        peaks = sorted({curve.schedule.peak for curve in self.curves.values()})
        return [self.at_peak(peak) for peak in peaks]

    def at_peak(self, peak: float) -> "Group":
        """Return the group with only the curves whose peak rate is `peak`."""
        same = {name: curve for name, curve in self.curves.items() if curve.schedule.peak == peak}
        return replace(self, curves=same)


@dataclass(frozen=True)
class DataSet:
    """One publication of loss curves.

    name, authors, optimiser, rate  as in Group
    read       returns its curves, by size of the model and by name
    source     where its numbers come from
    published  the fit curves of the split that somebody published, by size
    noise      as in Group, where it is known otherwise than from runs under the same rates
    """

    name: str
    authors: str
    read: Callable[[], Mapping[str, Curves]]
    source: str
    published: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    optimiser: str = "adamw"  # where the source of a curve names none
    rate: str = "absolute"
    noise: float | None = None

    def groups(self) -> list[Group]:
        """Return its groups, one for each model."""
        return [self.group(size, curves) for size, curves in self.read().items()]

    def group(self, size: str, curves: Curves) -> Group:
        splits = (self.published[size],) if size in self.published else ()
        if not splits:
            curves = {name: settled(curve) for name, curve in curves.items()}
        first = {name: curve for name, curve in curves.items() if curve.role != "noise"}
        optimiser = next(iter(curves.values())).source.get("optimiser", self.optimiser)
        floor = self.noise or noise(curves.values())
        return Group(self.name, size, self.authors, first, splits, floor, optimiser, self.rate)


def by_size(read: Callable[[], Curves]) -> Callable[[], dict[str, Curves]]:
    """Return a reader of the curves that `read` returns, by the number of their parameters, embeddings included."""

    def sorted_by_size() -> dict[str, Curves]:
        curves = read()
        sizes = sorted({curve.parameters["total"] for curve in curves.values()})
        return {
            written(size): {name: curve for name, curve in curves.items() if curve.parameters["total"] == size}
            for size in sizes
        }

    return sorted_by_size


def written(size: int) -> str:
    """Write a number of parameters: 25,000,000 -> '25M'."""
    return f"{round(size / 1e6, 2 if size < 1e6 else 0):g}M"


SCHAIPP = "Schaipp, Hägele et al."  # one group of authors, whatever the text and the size
LR_SCHEDULING = "github.com/fabian-sp/lr-scheduling"
# fmt: off
DATA_SETS = {data.name: data for data in (
    DataSet("mpl", "Luo et al.", lambda: {size: multi_power(size) for size in MULTI_POWER_SIZES}, "github.com/thu-yao-01-luo/MultiPowerLaw", dict.fromkeys(MULTI_POWER_SIZES, MULTI_POWER_FIT)),
    DataSet("slimpajama-124m", SCHAIPP, by_size(slimpajama_124m), LR_SCHEDULING),
    DataSet("slimpajama-scaling", SCHAIPP, by_size(slimpajama_scaling), LR_SCHEDULING),
    DataSet("openwebtext2-scaling", SCHAIPP, by_size(openwebtext2_scaling), LR_SCHEDULING),
    DataSet("annealing-paper", "Tissue et al.", annealing_paper_models, "figures of arXiv 2408.11029v2", {size: fit for size, (_, fit) in MODELS.items()}),
    DataSet("gemstones", "McLeish et al.", gemstones, "github.com/mcleish7/gemstone-scaling-laws", rate="relative", noise=8e-4),
    DataSet("olmo-ladder", "Bhagia et al.", olmo_ladder, "github.com/allenai/OLMo-ladder"),
    DataSet("modded-nanogpt", "Jordan et al.", modded_nanogpt, "github.com/KellerJordan/modded-nanogpt", optimiser="muon", rate="other"),
)}
# fmt: on


def groups(dataset: str | None = None) -> list[Group]:
    """Return the groups of one data set, or of all. Raises InputError for an unknown one."""
    if dataset is not None and dataset not in DATA_SETS:
        raise InputError(
            f"data set '{dataset}' is unknown{nearest(dataset, DATA_SETS)} (known: {', '.join(DATA_SETS)})"
        )
    return [group for name in ([dataset] if dataset else DATA_SETS) for group in read(name)]


@cache
def read(dataset: str) -> tuple[Group, ...]:
    """Return the groups of one data set, read once."""
    return tuple(DATA_SETS[dataset].groups())


def noise(runs: Iterable[LossCurve]) -> float:
    """Return by how much the late loss of one run differs from that of another under the same rates, relative, per run.

    Root mean square over all pairs, where they share rates but not the record, in the second half of what they share. Of
    runs that share nothing, FALLBACK.
    """
    pairs = [(a, b) for a, b in combinations(runs, 2) if a.schedule.peak == b.schedule.peak]
    differences = [difference(a, b) for a, b in pairs]
    found = np.concatenate([d for d in differences if d.size]) if any(d.size for d in differences) else None
    return FALLBACK if found is None else float(np.sqrt(np.mean(found**2) / 2))


def difference(a: LossCurve, b: LossCurve) -> np.ndarray:
    """Return the relative differences of two runs in the second half of the steps in which their rates agree."""
    shared = a.schedule.common_steps(b.schedule)
    _, i, j = np.intersect1d(a.step, b.step, return_indices=True)
    late = (a.step[i] <= shared) & (a.step[i] > shared / 2)
    relative = (b.loss[j] / a.loss[i] - 1)[late]
    return relative if np.any(np.abs(relative) > SAME) else relative[:0]
