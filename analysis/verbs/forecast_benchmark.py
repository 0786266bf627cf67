"""rebuild results/forecast: the public 124M grid forecast from little, beside baselines"""

from analysis.verbs._profile import RESULTS


def arguments(parser) -> None:
    pass


def run(args) -> None:
    from analysis.forecast import benchmark, calibrate

    table = benchmark.benchmark(calibrate.errors())
    print(benchmark.summary(table).to_string(index=False, float_format="%.3g"))
    for path in benchmark.write(table, RESULTS / "forecast"):
        print(path)
