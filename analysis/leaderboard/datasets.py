"""Group: the curves of one model of one data set, with the split on which it is published and its noise floor.

    groups(results) -> [Group]      every group there is; own runs are those of results/PROFILE/curves

Points of the warm-up's aftermath are left out, as everywhere in this project (`losslaws.curves.runs.settled`), but for the
curves of the Multi-Power paper: its published scores count every logged point.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from losslaws.curves import LossCurve, public
from losslaws.curves.loss_curve import load_folder
from losslaws.curves.runs import settled

SAME = 1e-4  # relative difference below which two logged losses are one evaluation, rounded or read off a figure
FALLBACK = (
    0.0007 / 3.3
)  # of runs that nobody repeated: the seed noise that Luo et al. state for 25M, relative to the loss
OWN = {"annealing/cpu": "own-cpu", "annealing/gpu": "own-gpu"}  # data set of each profile of own runs


@dataclass(frozen=True, eq=False)
class Group:
    """The curves of one model: what a law fitted to some of them may be asked of the others.

    dataset, size  as in the table, e.g. "mpl", "25M"
    family         who trained it; what is learned elsewhere is learned from other families
    curves         by name; no second runs among them
    published      fit curves of each published split, by name; where none is published, those that this project chose
    noise          standard deviation of the final loss of one run, relative
    """

    dataset: str
    size: str
    family: str
    curves: dict[str, LossCurve]
    published: tuple[tuple[str, ...], ...]
    noise: float

    @property
    def name(self) -> str:
        """Data set and size."""
        return f"{self.dataset} {self.size}"

    @property
    def model(self) -> tuple[int, int]:
        """Parameters without embeddings, and tokens of a step."""
        run = next(iter(self.curves.values()))
        return run.parameters["non_embedding"], run.tokens_per_step


def groups(results: Path | str) -> list[Group]:
    """Return every group, the public ones first; own runs are read from `results`/PROFILE/curves where these exist."""
    own = [
        group
        for profile in OWN
        if (Path(results) / profile / "curves").is_dir()
        for group in own_runs(results, profile)
    ]
    return [*multi_power(), slimpajama_124m(), *scaling(), *annealing_paper(), *own]


def multi_power() -> Iterator[Group]:
    """Yield the three sizes of the Multi-Power paper, with its split."""
    for size in public.MULTI_POWER_SIZES:
        curves = public.multi_power(size)
        yield Group("mpl", size, "mpl", curves, (public.MULTI_POWER_FIT,), noise(curves.values()))


def slimpajama_124m() -> Group:
    """Return the SlimPajama grid. No split is published: constant, cosine and a cooldown over 20 % at 50K, for each peak rate."""
    runs = {name: settled(curve) for name, curve in public.slimpajama_124m().items()}
    first = {name: curve for name, curve in runs.items() if curve.role != "noise"}
    fits = [tuple(f"{kind}_{peak}_50000" for kind in ("constant", "cosine10", "linear20")) for peak in rates(first)]
    fits = tuple(names for names in fits if set(names) <= set(first))
    return Group("slimpajama-124m", "124M", "slimpajama", first, fits, noise(runs.values()))


def rates(curves: dict[str, LossCurve]) -> list[str]:
    """Return the peak rates of the grid as its names write them."""
    return sorted({name.split("_")[1] for name in curves}, key=float)


def scaling() -> Iterator[Group]:
    """Yield every size of the scaling runs. No split is published: the constant run, the shortest cooldown and cosine."""
    for dataset, runs in (
        ("slimpajama-scaling", public.slimpajama_scaling()),
        ("openwebtext2-scaling", public.openwebtext2_scaling()),
    ):
        sizes = sorted({name.split("_")[0] for name in runs}, key=lambda size: int(size[:-1]))
        for size in sizes:
            curves = {name: settled(curve) for name, curve in runs.items() if name.split("_")[0] == size}
            shortest = [
                min((name for name in curves if f"_{kind}_" in name), key=lambda name: curves[name].schedule.steps)
                for kind in ("constant", "linear20", "cosine10")
            ]
            yield Group(dataset, size, "slimpajama", curves, (tuple(shortest),), noise(curves.values()))


def annealing_paper() -> Iterator[Group]:
    """Yield the set-ups of the annealing paper in which one model was trained under several schedules."""
    setups = {
        "A": public.annealing_paper_fit() | public.annealing_paper_unseen(),
        **{setup: public.annealing_paper_setup(setup) for setup in ("B", "D", "E")},
    }
    fits = {
        "A": ("constant", "cosine"),
        "B": ("cosine_30000", "constant_30000"),
        "D": ("cosine_60000", "constant_60000", "wsd_60000"),
        "E": ("cosine_30000", "constant_30000"),
    }
    for setup, runs in setups.items():
        curves = {name: settled(curve) for name, curve in runs.items()}
        size = next(iter(curves.values())).parameters["non_embedding"]
        yield Group("annealing-paper", written(size), "annealing-paper", curves, (fits[setup],), noise(curves.values()))


def own_runs(results: Path | str, profile: str) -> Iterator[Group]:
    """Yield every size of which the profile trained several schedules, with the curves of role "fit" as its split."""
    runs = [settled(curve) for curve in load_folder(Path(results) / profile / "curves").values()]
    for size in sorted({run.parameters["non_embedding"] for run in runs}):
        same = [run for run in runs if run.parameters["non_embedding"] == size]
        curves = {run.name: run for run in same if run.role != "noise"}
        fit = tuple(name for name, run in curves.items() if run.role == "fit")
        if len(curves) > 2 and fit:
            yield Group(OWN[profile], written(size), OWN[profile], curves, (fit,), noise(same))


def written(size: int) -> str:
    """Write a number of parameters: 25,000,000 -> '25M'."""
    return f"{round(size / 1e6, 2 if size < 1e6 else 0):g}M"


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
