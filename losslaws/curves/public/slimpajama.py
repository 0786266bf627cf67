"""Loss curves of Llama-style models on SlimPajama and OpenWebText2, from the repository of Schaipp et al. 2025.

    slimpajama_124m()         cooldown shapes and fractions x peak rates x horizons, one model size
    slimpajama_scaling()      cosine and cooldown runs at eight sizes
    openwebtext2_scaling()    the same on OpenWebText2, three sizes

The runs are those of Hägele et al. 2024 (arXiv 2405.18392) and of Schaipp et al. 2025 (arXiv 2501.18965). Their losses lie in
`losslaws/curves/public/data/slimpajama/`, distilled by `rebuild`.
"""

import json
import re
from pathlib import Path

import pandas as pd

from losslaws.curves.files import write_table
from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.public.fetcher import DATA, fetch, listed
from losslaws.curves.schedules import build

FOLDER = DATA / "slimpajama"
LR_SCHEDULING = "fabian-sp/lr-scheduling/8ace3a327a396fbd4998ff7615d54012eba71573"
SETS = ("124m", "scaling", "openwebtext2")


def slimpajama_124m() -> dict[str, LossCurve]:
    """Return the runs of one 124M model (85M without embeddings), by name, e.g. "linear20_0.001_50000".

    A name says schedule, peak rate and steps: "constant"; "linear10" to "linear99.4" and "sqrt20", a constant rate and then a
    cooldown to 0, linear or 1 - sqrt, over the last so many per cent of the steps; "cosine10" and "cosine0", cosines down to
    a tenth of the peak and to 1e-7. 15, 25, 35 and 50 thousand steps, peaks 1e-4 to 3e-3, warm-up over 300 steps,
    batches of 100 x 512 tokens. Names that end in "_repeat" (role "noise") are the same run once more, with the same seed:
    they differ by the noise of the machine. One run that diverged (cosine0 at 5e-3) is left out.

    Losses are those that a run evaluated on its way, every 200 steps on 32 batches, the last one up to 200 steps before the
    end. The repository also has the loss of every finished run on the full validation set: .002 to .040 higher, so that the
    two must never be mixed, and not here.
    """
    return _read("124m")


def slimpajama_scaling() -> dict[str, LossCurve]:
    """Return the scaling runs on SlimPajama, by name, e.g. "60M_cosine10_0.002_7500"; losses as for `slimpajama_124m`.

    33M to 360M parameters, embeddings included; at each size cosines down to a tenth, one constant rate, and linear cooldowns
    over the last fifth that branch off it. At 360M, batches are 200 x 512 tokens.
    """
    return _read("scaling")


def openwebtext2_scaling() -> dict[str, LossCurve]:
    """Return the scaling runs on OpenWebText2, 60M, 93M and 166M parameters; otherwise as `slimpajama_scaling`."""
    return _read("openwebtext2")


def _read(which: str) -> dict[str, LossCurve]:
    table = pd.read_csv(FOLDER / f"{which}.csv", index_col="step")
    runs = pd.read_csv(FOLDER / "runs.csv").fillna({"trunk": "", "role": ""})
    return {run.name: _curve(run, table) for run in runs[runs["set"] == which].itertuples(index=False)}


def _curve(run, table: pd.DataFrame) -> LossCurve:
    """Return the curve of one row of runs.csv; a branch begins with its trunk, up to where its own log begins."""
    losses = table[run.name].dropna()
    if run.trunk:
        trunk = table[run.trunk].dropna()
        losses = pd.concat([trunk[trunk.index < losses.index[0]], losses])
    family, options = {
        "constant": ("constant", {}),
        "cosine": ("cosine", {"final": run.final}),
    }.get(run.schedule, ("wsd", {"decay": run.decay, "shape": run.schedule}))
    return LossCurve(
        name=run.name,
        schedule=build(family, run.steps, peak=run.peak, warmup=run.warmup, **options),
        step=losses.index.to_numpy(),
        loss=losses.to_numpy(),
        tokens_per_step=run.tokens_per_step,
        parameters={"total": run.total, "non_embedding": run.non_embedding},
        role=run.role,
        source={
            "paper": "arXiv 2501.18965",
            "repository": f"https://github.com/{LR_SCHEDULING}",
            "file": run.file,
            "licence": "MIT",
        },
    )


def rebuild(folder: Path) -> None:
    """Write the tables anew into `folder`, from the 215 logs of the repository.

    runs.csv has one row for every run; 124m.csv, scaling.csv and openwebtext2.csv have one row for every evaluated step and one
    column for every run, a branch only from the fork on. Interrupted runs logged steps twice: the last value counts.
    """
    rows, losses = [], {}
    for source in sorted(source for source in listed() if source.startswith(LR_SCHEDULING)):
        log = json.loads(fetch(source).read_text(encoding="utf-8"))
        values = log["history"]["val"]
        own = pd.Series(values["val_loss"], index=values["iter"]).groupby(level=0).last()
        row = describe(log, source.removeprefix(f"{LR_SCHEDULING}/"), branch=own.index[0] > 0)
        rows.append(row)
        losses[row["set"], row["name"]] = own[own.index > 0].round(6)
    write_table(pd.DataFrame(rows), folder / "runs.csv")
    for which in SETS:
        table = pd.DataFrame({name: own for (group, name), own in losses.items() if group == which}).sort_index()
        write_table(table.rename_axis("step").reset_index(), folder / f"{which}.csv")


def describe(log: dict, file: str, branch: bool) -> dict:
    """Return the row of runs.csv for the log of one run, read from `file` of the repository."""
    config = log["config"]
    peak, steps, fraction = config["lr"], config["iterations"], config["wsd_fract_decay"]
    total = log["summary"]["parameters"]
    which = (
        "openwebtext2" if config["dataset"] == "openwebtext2" else "124m" if "124" in log["name"][:15] else "scaling"
    )
    size = "" if which == "124m" else f"{total / 1e6:.0f}M_"
    if config["scheduler"] == "cos":
        absolute = config.get("cos_final_lr", -1)
        schedule, final = "cosine", 0.1 if absolute < 0 else absolute / peak
        label = "cosine10" if absolute < 0 else "cosine0"
    else:
        shape = "1-sqrt" if config.get("decay_type") == "sqrt" else "linear"
        schedule, final = shape if fraction else "constant", ""
        label = f"{shape.removeprefix('1-')}{100 * fraction:g}" if fraction else "constant"
    # the repository's folder grad_norm holds some runs of the main folder once more, and some of its own
    again = "grad_norm/" in file and fraction != 0.994 and peak != 0.003
    suffix = "_repeat" if again else ""
    forked = re.search(r"_iter(\d+)_", config.get("resume_from") or "")
    return {
        "set": which,
        "name": f"{size}{label}_{peak:g}_{steps}{suffix}",
        "schedule": schedule,
        "steps": steps,
        "warmup": config["warmup_steps"],
        "peak": peak,
        "decay": fraction or "",
        "final": final,
        "trunk": f"{size}constant_{peak:g}_{forked[1]}{suffix}" if branch else "",
        "total": total,
        "non_embedding": total - config["vocab_size"] * config["n_embd"],
        "tokens_per_step": config["batch_size"] * config["acc_steps"] * config["sequence_length"],
        "role": "noise" if again else "",
        "file": file,
    }
