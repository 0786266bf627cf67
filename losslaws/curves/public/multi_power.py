"""The loss curves of the Multi-Power paper: Luo et al. 2025, arXiv 2503.12811.

multi_power("25M")      nine validation curves of one model size, by name
rebuild(folder)         its tables anew, from the repository
"""

from pathlib import Path

import pandas as pd

from losslaws.curves.errors import InputError, nearest
from losslaws.curves.files import write_table
from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.public.fetcher import DATA, fetch
from losslaws.curves.schedules import build

MULTI_POWER = "thu-yao-01-luo/MultiPowerLaw/8da9f1902602f3391b971a811e3cc51604541769"

# non-embedding parameters
MULTI_POWER_SIZES = {"25M": 25_000_000, "100M": 101_000_000, "400M": 340_000_000}

MULTI_POWER_FIT = ("cosine_24000", "constant_24000", "wsdcon_9")

# of every curve: its schedule, steps and options; the two-stage runs log their lower rate at step 8000 already
MULTI_POWER_SCHEDULES = {
    "constant_24000": ("constant", 24000, {}),
    "constant_72000": ("constant", 72000, {}),
    "cosine_24000": ("cosine", 24000, {"final": 0.1}),
    "cosine_72000": ("cosine", 72000, {"final": 0.1}),
    "wsd_20000_24000": ("wsd", 24000, {"decay": 4000, "shape": "exponential", "final": 0.1}),
    "wsdld_20000_24000": ("wsd", 24000, {"decay": 4000, "shape": "linear", "final": 0.1}),
    "wsdcon_3": ("two_stage", 16000, {"switch": 7999 / 16000, "ratio": 0.1}),
    "wsdcon_9": ("two_stage", 16000, {"switch": 7999 / 16000, "ratio": 0.3}),
    "wsdcon_18": ("two_stage", 16000, {"switch": 7999 / 16000, "ratio": 0.6}),
}


def multi_power(size: str) -> dict[str, LossCurve]:
    """Return the nine validation curves of one size, "25M", "100M" or "400M" (Luo et al. 2025, arXiv 2503.12811), by name.

    Peak 3e-4, linear warm-up over 2160 steps, 128 x 4096 tokens a step, an evaluation every 128 steps from about 2176.
    The names are the file names: wsd decays exponentially, wsdld linearly, wsdcon_9 falls to 9e-5 at step 8000.
    MULTI_POWER_FIT names the three that the paper fits. Steps are as labelled there, although labels
    slip: at 100M and 400M, constant_72000 at step s equals constant_24000 at s + 64; at 25M constant_24000 differs from every
    other stable prefix. Raises InputError for another size.
    """
    if size not in MULTI_POWER_SIZES:
        raise InputError(
            f"size '{size}' is unknown{nearest(size, MULTI_POWER_SIZES)} (known: {', '.join(MULTI_POWER_SIZES)})"
        )
    table = pd.read_csv(DATA / "multi_power" / f"{size}.csv")
    return {
        name: LossCurve(
            name=name,
            schedule=build(family, steps, peak=3e-4, warmup=2160, **options),
            step=table["step"][table["curve"] == name].to_numpy(),
            loss=table["loss"][table["curve"] == name].to_numpy(),
            tokens_per_step=128 * 4096,
            parameters={"non_embedding": MULTI_POWER_SIZES[size]},
            role="fit" if name in MULTI_POWER_FIT else "unseen",
            source={"paper": "arXiv 2503.12811", "repository": f"https://github.com/{MULTI_POWER}", "licence": "MIT"},
        )
        for name, (family, steps, options) in MULTI_POWER_SCHEDULES.items()
    }


def rebuild(folder: Path) -> None:
    """Write the table of every size anew into `folder`, from the 27 files of the repository."""
    for size in MULTI_POWER_SIZES:
        source = f"{MULTI_POWER}/loss_curve_repo/csv_{size.removesuffix('M')}"
        tables = [
            pd.read_csv(fetch(f"{source}/{name}.csv"), dtype=str).assign(curve=name) for name in MULTI_POWER_SCHEDULES
        ]
        write_table(pd.concat(tables)[["curve", "step", "lr", "loss"]], folder / f"{size}.csv")
