"""rebuild results/watch: false alarms of `losslaws watch` on healthy public runs, and what it notices of damaged ones"""

from analysis import RESULTS


def arguments(parser) -> None:
    pass


def run(args) -> None:
    from analysis.watch import benchmark

    table = benchmark.measured()
    chosen = benchmark.under(table, benchmark.choose(table))
    print(benchmark.false_alarms(chosen).to_string(index=False, float_format="%.3g"))
    print(benchmark.hits(chosen).to_string(index=False, float_format="%.3g"))
    for path in benchmark.write(table, RESULTS / "watch"):
        print(path)
