"""The Gemstones: 22 models of 50M to 2B parameters, each under a constant rate and its cooldowns. McLeish et al. 2025, arXiv 2502.06857.

gemstones()       {"1024x28": {"constant": ..., "cooldown_2622": ..., ...}, ...}, by width x depth and by name
rebuild(folder)   its tables anew, from the repository
"""

from pathlib import Path

import numpy as np
import pandas as pd

from losslaws.curves.files import write_table
from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.public.fetcher import DATA, fetch
from losslaws.curves.schedules import build

GEMSTONES = "mcleish7/gemstone-scaling-laws/5f420478f6057b0cbb4d13405fb10ca64675bccb"
FOLDER = DATA / "gemstones"
VOCABULARY = 50_304  # twice in every model: embedding and head are not tied
TOKENS_PER_STEP = 4_194_304
REPLACED = ("2560x8", "3072x12")  # their cooldowns branched off an earlier run, whose losses are other ones
# cooldowns that are left out: this one falls by .004 where all others of its kind fall by .03 to .09
SUSPECT = (("1280x36", 4770),)


def gemstones() -> dict[str, dict[str, LossCurve]]:
    """Return the runs of every model, by "WIDTHxDEPTH" and by name.

    "constant" is the run at a constant rate, a loss each 477 steps up to 83,475; "cooldown_STEPS" branches off it and falls in a straight
    line to 0 over 10 % of the tokens seen before. A cooldown has one loss of its own, the last; before it stand those of the
    constant run (of REPLACED the one at the fork). Rates are in units of each model's own constant rate: the repository does not hold
    them, only that rate x width x sqrt(depth) is the same for all but 1792x7, which was redone at a lower one. The warm-up was
    over before the first loss. Batches of 4,194,304 tokens; repeated points differ by about .002.
    """
    models = pd.read_csv(FOLDER / "models.csv", index_col="model")
    constant = pd.read_csv(FOLDER / "constant.csv", index_col="step")
    branches = pd.read_csv(FOLDER / "cooldowns.csv")
    found = {}
    for model, row in models.iterrows():
        trunk = constant[model]
        runs = {"constant": (build("constant", int(trunk.index[-1])), trunk)}
        for branch in branches[branches["model"] == model].itertuples():
            if (model, branch.fork) in SUSPECT:
                continue
            first = trunk[trunk.index < branch.fork] if model not in REPLACED else trunk[:0]
            losses = pd.concat([first, pd.Series({branch.fork: branch.fork_loss, branch.end: branch.end_loss})])
            schedule = build("wsd", branch.end, decay=branch.end - branch.fork)
            runs[f"cooldown_{branch.end}"] = schedule, losses
        found[model] = {
            name: LossCurve(
                name=name,
                schedule=schedule,
                step=losses.index.to_numpy(),
                loss=losses.to_numpy(),
                tokens_per_step=TOKENS_PER_STEP,
                parameters={
                    "total": int(row["parameters"]),
                    "non_embedding": int(row["parameters"] - 2 * VOCABULARY * row["width"]),
                },
                source={
                    "paper": "arXiv 2502.06857",
                    "repository": f"https://github.com/{GEMSTONES}",
                    "licence": "MIT",
                },
            )
            for name, (schedule, losses) in runs.items()
        }
    return found


def rebuild(folder: Path) -> None:
    """Write models.csv, constant.csv (a column for every model) and cooldowns.csv anew into `folder`."""
    constant, begin, end = (logged(part) for part in ("hot_100b+_477", "cool_begin", "cool_end"))
    models = constant.groupby("model").agg(
        width=("width", "first"), depth=("depth", "first"), parameters=("params_active_precise", "first")
    )
    branches = pd.DataFrame(
        {
            "model": begin["model"],
            "fork": begin["step"],
            "end": end["step"],
            "fork_loss": begin["final_loss"],
            "end_loss": end["final_loss"],
        }
    )
    if not (begin["model"].equals(end["model"]) and np.all(np.abs(end["step"] / begin["step"] - 1.1) < 1e-3)):
        raise ValueError("the begin and the end of the cooldowns do not match, row by row")
    for name, table in (
        ("models.csv", models.reset_index()),
        ("constant.csv", constant.pivot_table("final_loss", "step", "model").round(6).reset_index()),
        ("cooldowns.csv", branches.round(6)),
    ):
        write_table(table, folder / name)


def logged(part: str) -> pd.DataFrame:
    """Return one table of the repository, sorted by model and step; the model is written WIDTHxDEPTH."""
    table = pd.read_json(fetch(f"{GEMSTONES}/wandb_dfs/wandb_df_for_fitting_{part}.jsonl"), lines=True)
    model = table["run_name"].str.removeprefix("PyGemma-").str.removesuffix("_pretrain")
    return table.assign(model=model).sort_values(["model", "step"]).reset_index(drop=True)
