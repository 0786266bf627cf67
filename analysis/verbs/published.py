"""published numbers recomputed beside the printed ones: results/published.csv and .md"""


def arguments(parser) -> None:
    pass


def run(args) -> None:
    from analysis.published.table import write

    for path in write():
        print(path)
