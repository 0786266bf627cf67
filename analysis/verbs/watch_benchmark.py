"""rebuild results/watch: false alarms of `losslaws watch` on healthy public runs, and what it notices of damaged ones"""

from analysis import RESULTS
from losslaws.verbs import whole


def arguments(parser) -> None:
    about = "watch the first N runs, in an order drawn once (default: all)"
    parser.add_argument("--runs", type=whole(1), metavar="N", help=about)


def run(args) -> None:
    from analysis.watch import benchmark

    table = benchmark.measured(args.runs)
    chosen = benchmark.under(table, benchmark.RULE)
    print(benchmark.false_alarms(chosen).to_string(index=False, float_format="%.3g"))
    print(benchmark.hits(chosen).to_string(index=False, float_format="%.3g"))
    for path in benchmark.write(table, RESULTS / "watch"):
        print(path)
