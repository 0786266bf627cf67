"""Points of the annealing paper's Figs. 27 and 28: two public models and eight sizes of its set-up C.

The points are read off the vector figures of arXiv 2408.11029v2. What the paper does not print is filled in here and
may differ from what its authors used: the schedules of BLOOM and OLMo are those published with the models, and the sizes
between the smallest and the largest of Fig. 28 follow from the drawn lines and their printed equation.
"""

import pandas as pd

from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.public import DATA
from losslaws.curves.schedules import build

# schedule, peak rate, warm-up, non-embedding parameters
BLOOM = (("cosine", 97656, {"final": 0.1}), 6e-5, 90, 172_000_000_000)
OLMO = (("cosine", 740_000, {"final": 0.1}), 4e-4, 2000, 1_176_000_000)
SETUP_C = (("cosine", 143_400, {}), 1.381e-3, 500)
SIZES = (18.6, 48.2, 105.8, 161.2, 291.6, 399.0, 590.9, 1709.9)  # millions
LARGE = {"BLOOM-176B": BLOOM, "OLMo-1B": OLMO} | {f"{n}M": (*SETUP_C, round(n * 1e6)) for n in SIZES}


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
