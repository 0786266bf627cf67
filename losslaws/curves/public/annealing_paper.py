"""The points and lines of the figures of Tissue, Wang, Wang 2024, arXiv 2408.11029v2, read off its vector graphics.

annealing_paper_fit()          the two curves that the paper fits, "constant" and "cosine"
annealing_paper_unseen()       the five that it predicts
annealing_paper_setup("B")     its other set-ups: SETUPS
annealing_paper_large()        two public models and eight sizes of set-up C
annealing_paper_lines()        lines of its figures, as a table
"""

import pandas as pd

from losslaws.curves.errors import InputError
from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.public.fetcher import DATA
from losslaws.curves.schedules import build

# set-ups of the annealing paper: peak rate, warm-up steps, tokens per step, non-embedding parameters (of a mixture of
# experts: those in use)
SETUPS = {
    "A": (2e-4, 500, 4_000_000, 594_000_000),
    "B": (2e-4, 100, 2_000_000, 293_000_000),
    "D": (2e-4, 500, 4_000_000, 212_000_000),
    "E": (6e-4, 1000, 4_000_000, 1_704_000_000),
}

SIZES = {
    "84.95M": 84_950_000,
    "161.9M": 161_900_000,
    "594.6M": 594_600_000,
    "903.7M": 903_700_000,
    "1214.4M": 1_214_400_000,
}

TO_TENTH = {"final": 0.1}
WSD = {"decay": 10000, "shape": "cosine"}
# 10K steps at the peak, then in turn straight down to zero and up again, 5K steps each
CYCLIC = {"points": ((0, 1), *((k / 12, k % 2 ^ 1) for k in range(2, 13)))}

# of every curve of the annealing paper, by experiment: its schedule, steps and options
ANNEALING_PAPER = {
    "fit": {"constant": ("constant", 20000, {}), "cosine": ("cosine", 20000, {})},
    "unseen": {
        "constant_60000": ("constant", 60000, {}),
        "cosine_60000": ("cosine", 60000, TO_TENTH),
        "multistep_cosine_60000": ("multistep_cosine", 60000, {}),
        "wsd_50000": ("wsd", 50000, WSD),
        "cyclic_60000": ("polyline", 60000, CYCLIC),
    },
    "sizes": {size: ("cosine", 60000, TO_TENTH) for size in SIZES},
    "B": {
        "cosine_30000": ("cosine", 30000, {}),
        "constant_30000": ("constant", 30000, {}),
        "constant_120000": ("constant", 120000, {}),
        "wsd_90000": ("wsd", 90000, WSD),
        "wsd_110000": ("wsd", 110000, WSD),
    },
    "D": {
        "cosine_60000": ("cosine", 60000, {}),
        "constant_60000": ("constant", 60000, {}),
        "wsd_60000": ("wsd", 60000, WSD),
        "multistep_cosine_60000": ("multistep_cosine", 60000, {}),
        "wsd_exponential_60000": ("wsd", 60000, WSD),
        "cyclic_60000": ("polyline", 60000, CYCLIC),
    },
    "E": {
        "cosine_30000": ("cosine", 30000, {}),
        "constant_30000": ("constant", 30000, {}),
        "wsd_350000": ("wsd", 350000, {"decay": 35000, "shape": "cosine"}),
    },
}

# Figs. 27 and 28. What the paper does not print is filled in here and may differ from what its authors used: the schedules of
# BLOOM and OLMo are those published with the models, and the sizes between the smallest and the largest of Fig. 28 follow
# from the drawn lines and their printed equation.
# schedule, peak rate, warm-up, non-embedding parameters
BLOOM = (("cosine", 97656, {"final": 0.1}), 6e-5, 90, 172_000_000_000)
OLMO = (("cosine", 740_000, {"final": 0.1}), 4e-4, 2000, 1_176_000_000)
SETUP_C = (("cosine", 143_400, {}), 1.381e-3, 500)
SIZES_C = (18.6, 48.2, 105.8, 161.2, 291.6, 399.0, 590.9, 1709.9)  # millions
LARGE = {"BLOOM-176B": BLOOM, "OLMo-1B": OLMO} | {f"{n}M": (*SETUP_C, round(n * 1e6)) for n in SIZES_C}

# of every model that was trained under several schedules: its set-up, and the curves that the paper fits
MODELS = {
    "594M": ("A", ("constant", "cosine")),
    "293M": ("B", ("cosine_30000", "constant_30000")),
    "212M": ("D", ("cosine_60000", "constant_60000", "wsd_60000")),
    "1704M": ("E", ("cosine_30000", "constant_30000")),
}


def annealing_paper_models() -> dict[str, dict[str, LossCurve]]:
    """Return the curves of every model of MODELS, by its size and by name."""
    first = annealing_paper_fit() | annealing_paper_unseen()
    return {size: first if setup == "A" else annealing_paper_setup(setup) for size, (setup, _) in MODELS.items()}


def annealing_paper_fit() -> dict[str, LossCurve]:
    """Return the curves of Fig. 2 of Tissue et al. 2024 (arXiv 2408.11029), "constant" and "cosine": 20K steps, set-up A."""
    return _annealing_paper("fit", "A")


def annealing_paper_unseen() -> dict[str, LossCurve]:
    """Return the five curves of its Fig. 3, set-up A. WSD and cyclic have points after the constant trunk only."""
    return _annealing_paper("unseen", "A")


def annealing_paper_setup(setup: str) -> dict[str, LossCurve]:
    """Return the curves of another set-up of the paper, by name.

    "sizes"  set-up A at five sizes, 60K steps of cosine to a tenth (Fig. 7b; 1214.4M is the unseen one)
    "B"      Figs. 21-22; fitted there: cosine_30000, constant_30000
    "D"      Figs. 23-24, a mixture of experts; fitted there: cosine_60000, constant_60000 and wsd_60000, which has points
             after the constant trunk only. The paper calls the decay of wsd_exponential_60000 exponential but draws a
             cosine; the schedule is the one drawn.
    "E"      Figs. 25-26; fitted there: cosine_30000, constant_30000

    Raises InputError for another name.
    """
    if setup not in ("sizes", "B", "D", "E"):
        raise InputError(f"set-up '{setup}' of the annealing paper is unknown (known: sizes, B, D, E)")
    return _annealing_paper(setup, "A" if setup == "sizes" else setup)


def _annealing_paper(experiment: str, setup: str) -> dict[str, LossCurve]:
    peak, warmup, tokens, parameters = SETUPS[setup]
    table = pd.read_csv(DATA / "annealing_paper" / "points.csv")
    table = table[table["experiment"] == experiment]
    return {
        name: LossCurve(
            name=name,
            schedule=build(family, steps, peak=peak, warmup=warmup, **options),
            step=table["step"][table["curve"] == name].to_numpy(),
            loss=table["loss"][table["curve"] == name].to_numpy(),
            tokens_per_step=tokens,
            parameters={"non_embedding": SIZES.get(name, parameters)},
            source={
                "paper": "arXiv 2408.11029v2",
                "how": "points of its figures, see losslaws/curves/public/data/README.md",
            },
        )
        for name, (family, steps, options) in ANNEALING_PAPER[experiment].items()
    }


def annealing_paper_lines() -> pd.DataFrame:
    """Return the lines of the paper's Figs. 2, 3, 7, 18, 19 and 21-28: learning rates and drawn predictions.

    Columns figure, panel, color, dashed, x, y; vertices are in order. y is in the panel's unit: a loss, or a rate x 1e4.
    """
    return pd.read_csv(DATA / "annealing_paper" / "lines.csv", dtype={"figure": str})


def annealing_paper_large() -> dict[str, LossCurve]:
    """Return "BLOOM-176B", "OLMo-1B" (Fig. 27) and "18.6M" to "1709.9M" (Fig. 28), by name; 4M tokens a step."""
    table = pd.read_csv(DATA / "annealing_paper" / "large.csv")
    return {
        name: LossCurve(
            name=name,
            schedule=build(family, steps, peak=peak, warmup=warmup, **options),
            step=table["step"][table["curve"] == name].to_numpy(),
            loss=table["loss"][table["curve"] == name].to_numpy(),
            tokens_per_step=4_000_000,
            parameters={"non_embedding": size},
            source={"paper": "arXiv 2408.11029v2", "how": "points of its Figs. 27 and 28"},
        )
        for name, ((family, steps, options), peak, warmup, size) in LARGE.items()
    }
