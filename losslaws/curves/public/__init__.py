"""Other people's loss curves, as LossCurves.

Small distilled files are part of the project, in `losslaws/curves/public/data/` (its README says where each comes from and under which
licence); `fetch` gets the rest from where it is published. `python -m losslaws.curves.public` rebuilds what can be rebuilt. One file for
every data set; `groups` lists them all, in groups of runs of one model, with who made them and how.

    groups(), groups("mpl")        every Group, those of one data set; DATA_SETS, by name
    multi_power("25M")             nine validation curves of one model size, by name
    annealing_paper_fit()          the two curves that the annealing paper fits, "constant" and "cosine"
    annealing_paper_unseen()       the five that it predicts
    annealing_paper_setup("B")     its other set-ups: SETUPS
    annealing_paper_large()        two public models and eight sizes that it fits
    annealing_paper_lines()        lines of its figures, as a table
    slimpajama_124m()              146 runs of one model: cooldowns x peak rates x horizons
    slimpajama_scaling(), openwebtext2_scaling()    cosine and cooldown runs at several sizes
    gemstones()                    22 models of 50M to 2B: a constant rate and its cooldowns, rates in relative units
    olmo_ladder()                  three models under cosines of five lengths
    modded_nanogpt()               one model under six optimisers, up to 20 seeds each
    chinchilla_points()            245 final losses of Hoffmann et al. (fetched)

Tables rather than curves, fetched: `losslaws.curves.public.hitchhiker`, `losslaws.curves.public.loss_to_loss`.
"""

from pathlib import Path

from losslaws.curves.public.annealing_paper import (
    annealing_paper_fit,
    annealing_paper_large,
    annealing_paper_lines,
    annealing_paper_setup,
    annealing_paper_unseen,
)
from losslaws.curves.public.chinchilla import chinchilla_points
from losslaws.curves.public.fetcher import DATA, Unavailable, fetch
from losslaws.curves.public.gemstones import gemstones
from losslaws.curves.public.gemstones import rebuild as rebuild_gemstones
from losslaws.curves.public.groups import DATA_SETS, DataSet, Group, groups
from losslaws.curves.public.modded_nanogpt import modded_nanogpt
from losslaws.curves.public.multi_power import MULTI_POWER_FIT, MULTI_POWER_SIZES, multi_power
from losslaws.curves.public.multi_power import rebuild as rebuild_multi_power
from losslaws.curves.public.olmo_ladder import olmo_ladder
from losslaws.curves.public.olmo_ladder import rebuild as rebuild_olmo_ladder
from losslaws.curves.public.slimpajama import openwebtext2_scaling, slimpajama_124m, slimpajama_scaling
from losslaws.curves.public.slimpajama import rebuild as rebuild_slimpajama

__all__ = [
    "DATA",
    "DATA_SETS",
    "MULTI_POWER_FIT",
    "MULTI_POWER_SIZES",
    "DataSet",
    "Group",
    "Unavailable",
    "annealing_paper_fit",
    "annealing_paper_large",
    "annealing_paper_lines",
    "annealing_paper_setup",
    "annealing_paper_unseen",
    "chinchilla_points",
    "fetch",
    "gemstones",
    "groups",
    "modded_nanogpt",
    "multi_power",
    "olmo_ladder",
    "openwebtext2_scaling",
    "rebuild",
    "slimpajama_124m",
    "slimpajama_scaling",
]

# what writes each folder of the data anew
DISTILLED = {
    "multi_power": rebuild_multi_power,
    "slimpajama": rebuild_slimpajama,
    "gemstones": rebuild_gemstones,
    "olmo_ladder": rebuild_olmo_ladder,
}


def rebuild(folder: Path = DATA) -> None:
    """Write the distilled tables anew, each into its folder below `folder`, from the repositories that published them."""
    for name, write in DISTILLED.items():
        write(folder / name)
