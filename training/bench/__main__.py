"""Measure what training costs.

python -m training.bench loops [--models llama-0.3m ...]       three loops side by side     ->  results/bench/bench.csv
python -m training.bench steps [--batches 4 8 16 32]           time of a step against size  ->  results/bench/bench_steps.csv
python -m training.bench sweep [--sweep cpu --shorter 20]      a whole sweep four ways      ->  results/bench/bench_sweep.csv
python -m training.bench small [--replicas 4 16 64]            ways to train small models   ->  results/bench/bench_small.csv
"""

import argparse
import os
from pathlib import Path

import pandas as pd

from losslaws.curves.errors import exit_on_input_error
from losslaws.curves.files import write_table

RESULTS = {"loops": "bench.csv", "steps": "bench_steps.csv", "sweep": "bench_sweep.csv", "small": "bench_small.csv"}


def rows(args: argparse.Namespace) -> list[dict]:
    """The measured rows of the table that was asked for."""
    from training.bench import loops, small, steps, sweep

    if args.table == "sweep":
        return sweep.measure(args.sweep, args.shorter, args.repeats, args.overrides)
    if args.table == "small":
        return [
            row
            for name in args.models
            for row in small.measure(name, args.replicas, args.steps, args.rounds, args.overrides)
        ]
    if args.table == "steps":
        return steps.measure(args.models, args.batches, args.rounds, args.steps, args.overrides)
    return [row for name in args.models for row in loops.measure(name, args.rounds, args.steps, args.overrides)]


def parser() -> argparse.ArgumentParser:
    """The options of this command."""
    parser = argparse.ArgumentParser(
        prog="python -m training.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", choices=RESULTS)
    parser.add_argument("--models", nargs="+", default=["llama-0.1m", "llama-0.3m", "llama-0.6m", "llama-1m"])
    parser.add_argument("--batches", nargs="+", type=int, default=[4, 8, 16, 32], help="sequences per step")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="optimiser steps per round")
    parser.add_argument("--sweep", default="cpu", help="a file of conf/sweep")
    parser.add_argument("--shorter", type=int, default=20, help="what the sweep's lengths are divided by")
    parser.add_argument("--repeats", type=int, default=3, help="times that the four ways of a sweep take turns")
    parser.add_argument("--replicas", nargs="+", type=int, default=[2, 4, 8], help="runs in a stack")
    parser.add_argument("--results", type=Path, default=Path("results/bench"))
    parser.add_argument(
        "--set", nargs="*", default=[], dest="overrides", help="config overrides, e.g. batch.length=512"
    )
    return parser


def main() -> None:
    args = parser().parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    table = pd.DataFrame(rows(args))
    write_table(table, args.results / RESULTS[args.table])
    print(table.to_string(index=False))


if __name__ == "__main__":
    exit_on_input_error(main)
