"""every table, every figure, report.md and report.html"""

from analysis.verbs._profile import add_profile as arguments
from analysis.verbs._profile import load

__all__ = ["arguments", "run"]


def run(args) -> None:
    from analysis.papers.annealing.report import write_report

    for path in write_report(load(args)):
        print(path)
