"""Other people's loss curves, as LossCurves.

Small distilled files are part of the project, in `losslaws/curves/public/data/` (its README says where each comes from and under which
licence); `fetch` gets the rest from where it is published. `python -m losslaws.curves.public` rebuilds what can be rebuilt.

    multi_power("25M")             nine validation curves of one model size, by name
    annealing_paper_fit()          the two curves that the annealing paper fits, "constant" and "cosine"
    annealing_paper_unseen()       the five that it predicts
    annealing_paper_setup("B")     its other set-ups: SETUPS
    annealing_paper_lines()        lines of its figures, as a table
    slimpajama_124m()              146 runs of one model: cooldowns x peak rates x horizons
    slimpajama_scaling(), openwebtext2_scaling()    cosine and cooldown runs at several sizes
    chinchilla_points()            245 final losses of Hoffmann et al. (fetched)
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pooch

from losslaws.curves.errors import InputError, exit_on_input_error, nearest
from losslaws.curves.files import write_table
from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.public import slimpajama
from losslaws.curves.public.slimpajama import openwebtext2_scaling, slimpajama_124m, slimpajama_scaling
from losslaws.curves.schedule import Schedule
from losslaws.curves.schedules import build

__all__ = [
    "annealing_paper_fit",
    "annealing_paper_lines",
    "annealing_paper_setup",
    "annealing_paper_unseen",
    "chinchilla_points",
    "fetch",
    "multi_power",
    "openwebtext2_scaling",
    "slimpajama_124m",
    "slimpajama_scaling",
]

DATA = Path(__file__).parent / "data"
SOURCES = DATA / "sources.sha256"

MULTI_POWER = "thu-yao-01-luo/MultiPowerLaw/8da9f1902602f3391b971a811e3cc51604541769"
CHINCHILLA = "epoch-research/analyzing-chinchilla/92258837425e1b5f2851d624287f0120583a3d0e/data/svg_extracted_data.csv"

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


class Unavailable(InputError):
    """A public file that can be had neither from where it is published nor from a mirror."""


def fetch(source: str) -> Path:
    """Return a local copy of the public file `source`, OWNER/REPO/COMMIT/PATH on GitHub, its SHA-256 checked.

    Downloads are cached. Where the environment variable PUBLIC_DATA_MIRROR names a folder laid out OWNER/REPO/COMMIT/PATH,
    the file is read there. Raises InputError for a source that `losslaws/curves/public/data/sources.sha256` does not list and for a file
    whose content differs, and Unavailable for one that cannot be had.
    """
    known = listed()
    if source not in known:
        raise InputError(f"{source}: is not listed in {SOURCES.name}{nearest(source, known)}")
    url = f"https://raw.githubusercontent.com/{source}"
    mirror = os.environ.get("PUBLIC_DATA_MIRROR")
    if mirror:
        path = Path(mirror) / source
        if not path.is_file():
            raise Unavailable(
                f"{path}: no such file; PUBLIC_DATA_MIRROR must name a folder that holds it (published at {url})"
            )
        if pooch.file_hash(str(path)) != known[source]:
            raise InputError(f"{path}: its SHA-256 is not {known[source]}; fetch it again")
        return path
    try:
        folder = pooch.os_cache("loss-curve-laws")
        return Path(pooch.retrieve(url, f"sha256:{known[source]}", fname=source.replace("/", "__"), path=folder))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise Unavailable(
            f"{url}: could not be fetched ({reason}); set PUBLIC_DATA_MIRROR to a folder that holds it as {source}"
        ) from None


def listed() -> dict[str, str]:
    """Return the SHA-256 of every source that may be fetched, by its OWNER/REPO/COMMIT/PATH."""
    return {path: digest for digest, path in (line.split() for line in SOURCES.read_text().splitlines())}


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


def rebuild() -> None:
    """Write `losslaws/curves/public/data/multi_power/` and `losslaws/curves/public/data/slimpajama/` anew from the repositories that published them."""
    for size in MULTI_POWER_SIZES:
        folder = f"{MULTI_POWER}/loss_curve_repo/csv_{size.removesuffix('M')}"
        tables = [
            pd.read_csv(fetch(f"{folder}/{name}.csv"), dtype=str).assign(curve=name) for name in MULTI_POWER_SCHEDULES
        ]
        table = pd.concat(tables)[["curve", "step", "lr", "loss"]]
        write_table(table, DATA / "multi_power" / f"{size}.csv")
    slimpajama.rebuild(fetch, listed(), DATA / "slimpajama")


if __name__ == "__main__":
    exit_on_input_error(rebuild)
