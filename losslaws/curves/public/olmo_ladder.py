"""The OLMo ladder: 190M, 370M and 760M models under cosines of five lengths. Bhagia et al. 2024, arXiv 2412.04403.

olmo_ladder()     {"190M": {"0.5xC": ..., "1xC": ..., ...}, ...}, by size and by length in units of Chinchilla's
rebuild(folder)   its table anew, from the repository
"""

from math import ceil
from pathlib import Path

import pandas as pd

from losslaws.curves.files import write_table
from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.public.fetcher import DATA, fetch
from losslaws.curves.schedules import build

OLMO_LADDER = "allenai/OLMo-ladder/67a3f440f787d020da35e3ca8eeae475fae754f5"
FOLDER = DATA / "olmo_ladder"
# of every size: parameters as the ladder counts them (without the embedding, with the head), width, tokens of a step
SIZES = {
    "190M": (190_354_176, 768, 524_288),
    "370M": (371_262_464, 1024, 786_432),
    "760M": (758_220_288, 1536, 1_310_720),
}
VOCABULARY = 100_352  # embedding and head are not tied
LENGTHS = {"0.5xC": 0.5, "1xC": 1, "1xC-rerun": 1, "2xC": 2, "5xC": 5, "10xC": 10}
TOKENS = 20  # a parameter, at 1xC
COLUMN = "eval/{}-validation/CrossEntropyLoss"
SET, OTHERS = (
    "c4_en",
    (
        "dolma_books",
        "dolma_common-crawl",
        "dolma_pes2o",
        "dolma_reddit",
        "dolma_stack",
        "dolma_wiki",
        "ice",
        "m2d2_s2orc",
        "pile",
        "wikitext_103",
    ),
)


def olmo_ladder() -> dict[str, dict[str, LossCurve]]:
    """Return the runs of every size, by the name of their length; losses on C4's validation text, `also` those on ten other texts.

    A linear warm-up over as many tokens as the model has parameters, then a cosine to a tenth of the peak .0047 (N / 108M)^(-1/3) / 4,
    where it stays: the last loss lies about ten steps after the horizon. "1xC-rerun" (role "noise") is 1xC once more.
    """
    table = pd.read_csv(FOLDER / "losses.csv")
    return {
        size: {name: _curve(size, name, table[table["run"] == f"{size}-{name}"]) for name in LENGTHS} for size in SIZES
    }


def _curve(size: str, name: str, rows: pd.DataFrame) -> LossCurve:
    count, width, tokens = SIZES[size]
    schedule = build(
        "cosine",
        int(rows["step"].iloc[-1]),
        peak=0.0047 * (count / 108e6) ** (-1 / 3) / 4,
        warmup=round(count / tokens),
        cycle=ceil(TOKENS * LENGTHS[name] * count / tokens),
        final=0.1,
    )
    return LossCurve(
        name=name,
        schedule=schedule,
        step=rows["step"].to_numpy(),
        loss=rows[SET].to_numpy(),
        also={other: rows[other].to_numpy() for other in OTHERS},
        tokens_per_step=tokens,
        parameters={"total": count + VOCABULARY * width, "non_embedding": count - VOCABULARY * width},
        role="noise" if name == "1xC-rerun" else "",
        source={
            "paper": "arXiv 2412.04403",
            "repository": f"https://github.com/{OLMO_LADDER}",
            "licence": "Apache-2.0",
        },
    )


def rebuild(folder: Path) -> None:
    """Write losses.csv anew into `folder`: run, step, the logged rate, and the loss on each text."""
    tables = []
    for run in (f"{size}-{name}" for size in SIZES for name in LENGTHS):
        table = pd.read_csv(fetch(f"{OLMO_LADDER}/src/scripts/paper/data/ladder-runs/{run}.csv"))
        columns = {"_step": "step", "optim/learning_rate_group0": "lr"}
        columns |= {COLUMN.format(name): name for name in (SET, *OTHERS)}
        tables.append(table.rename(columns=columns)[list(columns.values())].assign(run=run))
    out = pd.concat(tables)[["run", "step", "lr", SET, *OTHERS]].sort_values(["run", "step"])
    write_table(out.round({name: 6 for name in (SET, *OTHERS)}), folder / "losses.csv")
