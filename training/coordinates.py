"""The coordinate check (`models.coordinates`) of a sweep's models at any widths, on its text and with its batches.

python -m training.coordinates mup        ->  results/mup/coordinates.csv: role, width, step, activation, mean |x| over seeds
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

import models
from losslaws.curves.errors import exit_on_input_error
from losslaws.curves.files import write_table
from models.coordinates import sizes
from training import corpus
from training.corpus.batches import train_batch
from training.sweep import Sweep, load


def measure(sweep: Sweep, widths: list[int], rate: float, steps: int, seeds: int) -> pd.DataFrame:
    """Train the model of each role of `sweep` at each width for a few steps at `rate`, once for each seed.

    Columns: role, width, step (size before the update of step 1, 2, ...), activation, size (the mean over seeds). Under muP
    the readout is zero at first: logits of a random one shrink with the width until it is learnt (Yang et al. 2022,
    arXiv 2203.03466, App. D.2).
    """
    chosen = {cell.role: cell.settings for cell in sweep.cells.values()}
    pairs = [(role, width) for role in chosen for width in widths]
    rows = []
    for role, width in tqdm(pairs, desc="coordinates", unit="model", disable=None):
        model = chosen[role]["model"] | {"d_model": width, "zero_readout": True}
        for name, values in mean_sizes(chosen[role] | {"model": model}, rate, steps, seeds).items():
            rows += [(role, width, step, name, size) for step, size in enumerate(values, start=1)]
    return pd.DataFrame(rows, columns=["role", "width", "step", "activation", "size"])


def mean_sizes(settings: dict, rate: float, steps: int, seeds: int) -> dict[str, np.ndarray]:
    """Return mean |x| of every activation at each step, the mean over seeds: [steps] each."""
    text, batch = corpus.prepare(settings["data"], settings["corpora"]), settings["batch"]
    found: dict[str, list] = {}
    for seed in range(seeds):
        module = models.build(settings["model"], text.vocab_size, batch["length"], seed)
        shape = batch["sequences"], batch["length"]
        rows = [torch.from_numpy(train_batch(text.train, step, seed, *shape)) for step in range(1, steps + 1)]
        for name, values in sizes(module, models.parameter_groups(module, 0.0), rows, rate).items():
            found.setdefault(name, []).append(values)
    return {name: np.mean(values, axis=0) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.coordinates", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sweep", help="a file of conf/sweep, by name or path; its roles are the parametrisations")
    parser.add_argument("--widths", nargs="+", type=int, default=[96, 192, 384, 768])
    parser.add_argument("--rate", type=float, default=0.008, help="learning rate, without warm-up")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--results", type=Path, help="where the table goes (default: results/SWEEP)")
    args = parser.parse_args()
    sweep = load(args.sweep)
    path = (args.results or sweep.results) / "coordinates.csv"
    table = measure(sweep, args.widths, args.rate, args.steps, args.seeds)
    write_table(table, path, digits=6)
    print(f"{len(table)} sizes of activations in {path}")


if __name__ == "__main__":
    exit_on_input_error(main)
