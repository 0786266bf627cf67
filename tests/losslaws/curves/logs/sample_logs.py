"""One short run, written as every kind of log that `curves.logs` reads, by the libraries that people use.

    RUN                     the run: 400 steps, warm-up 50, linear decay over the last 100, validation every 20 steps
    WRITERS[name](folder)   writes it and returns what `logs.read` is given

`python -m tests.losslaws.curves.logs.sample_logs` writes trainer_state.json anew, with a real Trainer: it needs half a minute.
"""

import json
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from losslaws.curves import LossCurve, schedules

STEPS, EVERY = 400, 20
TRAINER_STATE = Path(__file__).parent / "trainer_state.json"


def run() -> LossCurve:
    schedule = schedules.build("wsd", STEPS, peak=1e-3, warmup=50, decay=0.25)
    step = np.arange(EVERY, STEPS + 1, EVERY)
    train = 3 + 2 / np.sqrt(np.arange(1, STEPS + 1)) + 0.01 * np.sin(np.arange(STEPS))
    return LossCurve("run", schedule, step, 3.01 + 2 / np.sqrt(step), train_loss=train, tokens_per_step=512)


RUN = run()


def rows(names=("step", "lr", "train_loss", "val_loss")):
    """The run's rows, as dicts; val_loss only where it was measured."""
    val = dict(zip(RUN.step.tolist(), RUN.loss.tolist(), strict=True))
    for t in range(1, STEPS + 1):
        row = [t, RUN.schedule.lr[t - 1], RUN.train_loss[t - 1], val.get(t)]
        yield {name: value for name, value in zip(names, row, strict=True) if value is not None}


def csv(folder):
    pd.DataFrame(rows()).to_csv(folder / "log.csv", index=False)
    return folder / "log.csv"


def tsv(folder):
    pd.DataFrame(rows(("iter", "learning_rate", "loss", "valid_loss"))).to_csv(folder / "a.tsv", sep="\t", index=False)
    return folder / "a.tsv"


def wandb_csv(folder):
    """As the service exports it: one column for every run and key, and its smallest and largest value."""
    table = pd.DataFrame(rows(("Step", "run - lr", "run - train/loss", "run - val/loss")))
    for name in table.columns[1:]:
        table[f"{name}__MIN"] = table[f"{name}__MAX"] = table[name]
    table.to_csv(folder / "wandb_export.csv", index=False, quoting=1)
    return folder / "wandb_export.csv"


def jsonl(folder):
    nested = (
        {"step": r["step"], "lr": r["lr"], "train": {"loss": r["train_loss"]}, "note": "x"} | val(r) for r in rows()
    )
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in nested))
    return folder / "log.jsonl"


def val(row):
    return {"val": {"loss": row["val_loss"]}} if "val_loss" in row else {}


def parquet(folder):
    frame = pd.DataFrame(rows(("global_step", "lr", "train_loss", "eval_loss")))
    frame.to_parquet(folder / "log.parquet", engine="pyarrow", write_page_checksum=True)
    return folder / "log.parquet"


def tensorboard(folder):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / "tb")) as writer:
        writer.add_text("config", "some words")
        for row in rows(("step", "lr", "train/loss", "val/loss")):
            step = row.pop("step")
            for tag, value in row.items():
                writer.add_scalar(tag, value, step, new_style=tag == "lr")
    return folder / "tb"


def wandb(folder):
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    import wandb as service

    with service.init(dir=str(folder), project="p", settings=service.Settings(x_disable_stats=True)) as logged:
        for row in rows(("step", "lr", "train/loss", "val/loss")):
            step = row.pop("step")
            service.log(row, step=step)
        where = Path(logged.dir).parent
    file, size = next(where.glob("*.wandb")), -1
    while size != (size := file.stat().st_size):  # the service's own process still writes after the end
        time.sleep(0.5)
    return where


def nanogpt(folder):
    """Evaluations and training steps in lines, as nanoGPT prints them, with the rate added."""
    lines = ["number of parameters: 10.65M", "num decayed parameter tensors: 26, with 10,740,096 parameters"]
    for row in rows():
        if "val_loss" in row:
            lines.append(f"step {row['step']}: train loss {row['train_loss']:.4f}, val loss {row['val_loss']:.4f}")
        lines.append(f"iter {row['step']}: loss {row['train_loss']:.4f}, lr {row['lr']:.6e}, time 123.45ms, mfu 37.10%")
    (folder / "train.log").write_text("\n".join(lines) + "\n")
    return folder / "train.log"


def run_folder(folder):
    """As training writes it, see training.run_folder; tests/training/test_run.py reads a real one."""
    path = folder / "run-1a2b3c4d"
    path.mkdir()
    numbers = ("step", "lr", "train_loss", "grad_norm", "val_loss")
    lines = [[r["step"], float(r["lr"]), float(r["train_loss"]), 1.0, r.get("val_loss", "")] for r in rows()]
    record = "".join(",".join(map(str, line)) + "\n" for line in [numbers, *lines])
    (path / "curve.csv").write_text(record)
    about = {"warmup": 50, "schedule": "wsd", "tokens_per_step": 512, "parameters": {"total": 9}, "seed": 3}
    (path / "run.json").write_text(json.dumps(about | {"flops_per_token": {"exact": 54.0}}))
    return path


def results_curve(folder):
    return RUN.save(folder)


def wandb_history(folder):
    """As `run.history().to_csv()` writes it, with the service's own columns."""
    table = pd.DataFrame(rows(("trainer/global_step", "lr-AdamW/pg1", "train/loss_step", "eval/loss")))
    table["_step"], table["_runtime"], table["_timestamp"] = table.index, 0.5 * table.index, 1.7e9 + table.index
    table.to_csv(folder / "history.csv")
    return folder / "history.csv"


def array(folder):
    (folder / "log.json").write_text(
        json.dumps({"run": "x", "history": list(rows(("step", "lr", "loss", "val_loss")))})
    )
    return folder / "log.json"


def lists(folder):
    """Columns as lists, as Keras' History or a hand-made dict is dumped."""
    table = pd.DataFrame(rows()).astype(object).where(lambda t: t.notna(), None)
    (folder / "history.json").write_text(json.dumps({name: table[name].tolist() for name in table}))
    return folder / "history.json"


def pandas_json(folder):
    pd.DataFrame(rows()).to_json(folder / "frame.json")
    return folder / "frame.json"


def json_in_text(folder):
    (folder / "console.log").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    return folder / "console.log"


def gzip(folder):
    import gzip as pack

    path = folder / "log.csv.gz"
    path.write_bytes(pack.compress(csv(folder).read_bytes()))
    return path


def zstandard(folder):
    import zstandard as pack

    path = folder / "log.jsonl.zst"
    path.write_bytes(pack.compress(jsonl(folder).read_bytes()))
    return path


def xz(folder):
    import lzma

    path = folder / "train.log.xz"
    path.write_bytes(lzma.compress(nanogpt(folder).read_bytes()))
    return path


def utf16(folder):
    path = folder / "utf16.csv"
    path.write_text(csv(folder).read_text(), encoding="utf-16")
    return path


def bom(folder):
    path = folder / "bom.jsonl"
    path.write_text(jsonl(folder).read_text(), encoding="utf-8-sig")
    return path


def semicolons(folder):
    pd.DataFrame(rows()).to_csv(folder / "semi.csv", sep=";", decimal=",", index=False)
    return folder / "semi.csv"


def lightning(folder):
    """Lightning's CSVLogger below its root folder: training and validation in rows of their own."""
    where = folder / "lightning_logs" / "version_0"
    where.mkdir(parents=True)
    lines = []
    for row in rows(("step", "lr-AdamW/pg1", "train_loss_step", "val_loss")):
        lines.append({name: value for name, value in row.items() if name != "val_loss"} | {"epoch": 0})
        if "val_loss" in row:
            lines.append({"step": row["step"], "val_loss": row["val_loss"], "epoch": 0})
    pd.DataFrame(lines).to_csv(where / "metrics.csv", index=False)
    return folder


def trainer_output(folder):
    """A Trainer's output folder, with two checkpoints of one run and what it wrote for TensorBoard."""
    history = [
        entry
        for row in rows()
        for entry in (
            {"step": row["step"], "learning_rate": row["lr"], "loss": row["train_loss"], "epoch": row["step"] / 400},
            {"step": row["step"], "eval_loss": row.get("val_loss"), "epoch": row["step"] / 400},
        )
        if None not in entry.values()
    ]
    for step in (90, 400):
        (folder / f"checkpoint-{step}").mkdir()
        state = {"global_step": step, "log_history": [entry for entry in history if entry["step"] <= step]}
        (folder / f"checkpoint-{step}" / "trainer_state.json").write_text(json.dumps(state))
    (folder / "runs" / "May01_host").mkdir(parents=True)
    (folder / "runs" / "May01_host" / "events.out.tfevents.1.host.1.0").write_bytes(b"")
    return folder


def nested_tensorboard(folder):
    """As Keras' callback writes: training and validation in folders of their own, with one tag."""
    from torch.utils.tensorboard import SummaryWriter

    for side in ("train", "validation"):
        with SummaryWriter(str(folder / "logs" / side)) as writer:
            for row in rows():
                if side == "train":
                    writer.add_scalar("learning_rate", row["lr"], row["step"])
                    writer.add_scalar("epoch_loss", row["train_loss"], row["step"])
                elif "val_loss" in row:
                    writer.add_scalar("epoch_loss", row["val_loss"], row["step"])
    return folder / "logs"


def mlflow(folder):
    """The store that MLflow 3.17 makes in a folder: a file for each metric, lines "time value step"."""
    run = folder / "mlruns" / "0" / "3ef1d60897ad46ec82b8f720d7dc4874"
    for key, name in (("lr", "lr"), ("train_loss", "train/loss"), ("val_loss", "val_loss")):
        path = run / "metrics" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"17{r['step']:011d} {r[key]} {r['step']}\n" for r in rows() if key in r))
    (run / "meta.yaml").write_text("run_id: 3ef1d60897ad46ec82b8f720d7dc4874\nstatus: 3\n")
    (folder / "mlruns" / "0" / "meta.yaml").write_text("experiment_id: '0'\n")
    return folder / "mlruns"


def mlflow_database(folder):
    """The table of metrics in MLflow's own mlflow.db."""
    import sqlite3

    with sqlite3.connect(folder / "mlflow.db") as store:
        store.execute(
            "CREATE TABLE metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT NOT NULL, run_uuid VARCHAR(32) NOT NULL, "
            "step BIGINT DEFAULT '0' NOT NULL, is_nan BOOLEAN DEFAULT '0' NOT NULL)"
        )
        store.executemany(
            "INSERT INTO metrics VALUES (?, ?, ?, 'r1', ?, 0)",
            [(k, r[k], r["step"], r["step"]) for r in rows() for k in ("lr", "train_loss", "val_loss") if k in r],
        )
    store.close()
    return folder / "mlflow.db"


def trackio(folder):
    """The database that trackio 0.43 makes for a project."""
    import sqlite3

    with sqlite3.connect(folder / "project.db") as store:
        store.execute(
            "CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL, run_name TEXT NOT NULL, "
            "step INTEGER NOT NULL, metrics TEXT NOT NULL, log_id TEXT, space_id TEXT)"
        )
        store.executemany(
            "INSERT INTO metrics VALUES (NULL, 'a', '2026-11-28T20:04:07+00:00', 'run-a', ?, ?, NULL, NULL)",
            [(r.pop("step"), json.dumps(r).encode()) for r in rows(("step", "lr", "train/loss", "val/loss"))],
        )
    store.close()
    return folder / "project.db"


def batch_job(folder):
    """What a batch job left: the output of a loop of one's own, and files that are no logs."""
    where = folder / "job"
    where.mkdir()
    nanogpt(where).rename(where / "slurm-1234.out")
    (where / "config.json").write_text('{"lr": 1e-3, "steps": 400}')
    (where / "stderr.txt").write_text("a warning\n")
    return where


FOLDERS = (lightning, trainer_output, batch_job)  # of which a note says which file was read
WRITERS = {
    writer.__name__: writer
    for writer in (
        *(csv, tsv, wandb_csv, wandb_history, semicolons, jsonl, array, lists, pandas_json, json_in_text, parquet),
        *(gzip, zstandard, xz, utf16, bom),
        *(tensorboard, nested_tensorboard, wandb, mlflow, mlflow_database, trackio, nanogpt, run_folder, results_curve),
        *FOLDERS,
    )
}


def make_trainer_state(path: Path = TRAINER_STATE) -> None:
    """Train a tiny GPT-2 for 120 steps with transformers' Trainer and keep the trainer_state.json of its last checkpoint."""
    import tempfile

    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

    torch.manual_seed(0)
    tokens = torch.randint(0, 16, (64, 17)).cumsum(1) % 32
    data = [{"input_ids": row, "labels": row} for row in tokens]
    model = GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=32, n_embd=16, n_layer=1, n_head=2))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=120,
            per_device_train_batch_size=8,
            learning_rate=1e-2,
            warmup_steps=10,
            lr_scheduler_type="cosine",
            logging_steps=2,
            eval_strategy="steps",
            eval_steps=5,
            save_steps=120,
            use_cpu=True,
            report_to=[],
            disable_tqdm=True,
        )
        Trainer(model, arguments, train_dataset=data, eval_dataset=data[:8]).train()
        state = json.loads((Path(folder) / "checkpoint-120" / "trainer_state.json").read_text())
    path.write_text(json.dumps(state, indent=1) + "\n")


if __name__ == "__main__":
    make_trainer_state()
