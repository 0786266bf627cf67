"""What the claims of Research without Re-search are held against: the losses over widths that its scripts hold."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.papers.widths import WidthLaw, hold_out

WIDTHS = np.array([128, 256, 384, 512, 640, 768, 896, 1024, 2048, 3072])
LAYERS, VOCABULARY, CONTEXT = 12, 50_261, 1024
MU_SCALING = np.array([3.9181, 3.6054, 3.4431, 3.3542, 3.2902, 3.2478, 3.224, 3.1797, 3.0854, 3.0425])  # at step 20,000


def millions(width: np.ndarray) -> np.ndarray:
    """Return the parameters of a GPT-2 of each width, in units of 2^20, as the script counts them."""
    return (LAYERS * (12 * width**2 + 13 * width) + 2 * width + (VOCABULARY + CONTEXT) * width) / 2**20


@dataclass(frozen=True, eq=False)
class Series:
    """Losses over widths: x in millions of parameters [n], loss [n], how many of the last the authors held out, under muP or not."""

    x: np.ndarray
    loss: np.ndarray
    held_out: int
    mup: bool = True

    @cached_property
    def law(self) -> WidthLaw:
        return hold_out(self.x, self.loss, self.held_out)

    @property
    def errors(self) -> np.ndarray:
        """Relative errors of the widths held out."""
        return (self.law.predict(self.x) / self.loss - 1)[-self.held_out :]


GPT = np.array([8.82, 22.36, 40.61, 63.59, 91.28, 123.69, 160.82, 202.67])
LLAMA = np.array([9.59, 25.47, 47.64, 76.10, 110.85, 151.90, 199.24, 252.86])
SERIES = {
    "Mu-scaling GPT-2, 20k steps": Series(millions(WIDTHS), MU_SCALING, 3),
    "nanoLM GPT, 7k steps": Series(GPT, np.array([4.52, 4.25, 4.16, 4.10, 4.04, 4.01, 4.00, 3.98]), 1),
    "nanoLM GPT, 20k steps": Series(GPT, np.array([4.45, 4.2, 4.05, 3.94, 3.9, 3.87, 3.85, 3.84]), 1),
    "nanoLM Llama, 20k steps": Series(LLAMA, np.array([4.49, 4.31, 4.24, 4.20, 4.18, 4.17, 4.11, 4.10]), 1),
    "nanoLM GPT without muP, 7k steps": Series(
        GPT, np.array([4.73, 4.48, 4.50, 4.42, 4.36, 4.33, 4.29, 4.31]), 1, mup=False
    ),
}
MAIN, WITHOUT = "Mu-scaling GPT-2, 20k steps", "nanoLM GPT without muP, 7k steps"


class Evidence:
    """The published series and the laws fitted to their smaller widths."""

    series = SERIES

    def tables(self) -> dict[str, Callable[[], pd.DataFrame]]:
        """Makers of the tables beside the claims, by name."""
        return {"widths": self.widths, "laws": self.laws}

    def widths(self) -> pd.DataFrame:
        """Every width: measured and predicted loss, and whether it was held out."""
        return pd.concat(
            pd.DataFrame(
                {
                    "series": name,
                    "millions": series.x,
                    "loss": series.loss,
                    "predicted": series.law.predict(series.x),
                    "held_out": np.arange(series.x.size) >= series.x.size - series.held_out,
                }
            )
            for name, series in SERIES.items()
        )

    def laws(self) -> pd.DataFrame:
        """The laws of the main series with one to three widths held out, and of the others."""
        main = SERIES[MAIN]
        every = {f"{MAIN}, last {k} held out": Series(main.x, main.loss, k) for k in (1, 2, 3)}
        rows = []
        for name, series in (every | {k: v for k, v in SERIES.items() if k != MAIN}).items():
            law = series.law
            rows.append((name, law.a, law.b, law.c, *law.errors, law.widths, series.errors[0], series.errors[-1]))
        columns = ["series", "a", "b", "c", "se_a", "se_b", "se_c", "widths", "first_error", "last_error"]
        return pd.DataFrame(rows, columns=columns)
