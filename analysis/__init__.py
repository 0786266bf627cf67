"""What was reproduced with the library: papers, the leaderboard, the calibration of forecasts, published numbers, a trial."""

from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"
