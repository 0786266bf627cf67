"""Draws docs/examples/forecast.svg and .pdf: the forecast of README beside what four runs really reached.

    python docs/examples/forecast.py [STEM]

The log is the first 20,000 steps of a run that went on to 50,000; the other three runs are of the same model, seed and data,
under other schedules. Their last evaluation is at step 24,800.
"""

import sys
from dataclasses import replace
from pathlib import Path

from losslaws import Forecaster, public, read
from losslaws.forecast.figure import draw
from losslaws.forecast.plans import forecasts, planned

HERE = Path(__file__).parent
LAST = 24_800
RUNS = {  # of every schedule that is forecast, the run that was trained under it
    "wsd decay=0.2": "linear20_0.001_25000",
    "wsd decay=0.2 shape=1-sqrt": "sqrt20_0.001_25000",
    "cosine": "cosine0_0.001_25000",
    "as now until 25000": "constant_0.001_50000",
}


def measured() -> dict[str, tuple[int, float]]:
    """Return the step and the loss, nats per token, of the last evaluation within the forecast, by schedule."""
    runs = public.slimpajama_124m()
    return {schedule: (LAST, runs[run].at(LAST)) for schedule, run in RUNS.items()}


def main(path: Path) -> None:
    run = replace(read(HERE / "run.csv"), tokens_per_step=51_200)
    forecaster = Forecaster([run])
    asked = ["wsd:decay=0.2", "wsd:decay=0.2,shape=1-sqrt", "cosine"]
    plans = planned(run.schedule, asked, steps=25_000, until=25_000)
    for written in draw(path, forecaster, forecasts(forecaster, plans), measured()):
        print(written)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "forecast")
