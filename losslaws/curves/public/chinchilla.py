"""The final losses of Hoffmann et al. 2022, arXiv 2203.15556, as Besiroglu et al. 2024, arXiv 2404.10102, read them off its Fig. 4."""

import numpy as np
import pandas as pd

from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.public.fetcher import fetch
from losslaws.curves.schedule import Schedule

CHINCHILLA = "epoch-research/analyzing-chinchilla/92258837425e1b5f2851d624287f0120583a3d0e/data/svg_extracted_data.csv"


def chinchilla_points() -> list[LossCurve]:
    """Return the 245 final losses that Besiroglu et al. 2024 (arXiv 2404.10102) read off Hoffmann et al.'s Fig. 4.

    N is its model size and D its FLOPs / 6N; the steps are not known, so each run counts as one step of D tokens. The five
    runs with the fewest tokens per parameter come first; their fit leaves them out: `chinchilla_points()[5:]`.
    Fetched, since its repository states no licence. Raises InputError where that fails.
    """
    table = pd.read_csv(fetch(CHINCHILLA))
    size = table["Model Size"].round().astype(np.int64)
    tokens = (table["Training FLOP"] / (6 * table["Model Size"])).round().astype(np.int64)
    order = np.argsort(tokens / size, kind="stable")
    return [
        LossCurve(
            name=f"chinchilla_{i}",
            schedule=Schedule(np.ones(1), name="unknown"),
            step=np.ones(1),
            loss=table["loss"].to_numpy()[[i]],
            tokens_per_step=int(tokens[i]),
            parameters={"total": int(size[i]), "non_embedding": int(size[i])},
            source={"paper": "arXiv 2203.15556", "repository": f"https://github.com/{CHINCHILLA}"},
        )
        for i in order
    ]
