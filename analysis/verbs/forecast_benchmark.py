"""rebuild results/calibration: the public 124M grid forecast from little, beside baselines"""

from analysis import RESULTS


def arguments(parser) -> None:
    pass


def run(args) -> None:
    from analysis.calibration import benchmark, calibrate

    told = calibrate.taught()
    table = benchmark.benchmark(told, calibrate.errors(told))
    print(benchmark.summary(table).to_string(index=False, float_format="%.3g"))
    for path in benchmark.write(table, RESULTS / "calibration"):
        print(path)
