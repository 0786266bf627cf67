"""how to spend a budget of compute: N, D, batch and expected loss by Kaplan, Chinchilla and a profile's own fit"""

from analysis.verbs._profile import results_folder


def arguments(parser) -> None:
    parser.add_argument("--flops", type=float, required=True, help="training FLOPs, counted as 6 N D, e.g. 1e18")
    parser.add_argument("--profile", default="cpu", help="whose own fit to add (default: cpu); empty: none")


def run(args) -> None:
    from analysis.experiment import Experiment
    from analysis.papers.allocation import allocate
    from analysis.papers.paper import as_markdown

    own = Experiment.load(results_folder(args.profile)) if args.profile else None
    print(as_markdown(allocate(args.flops, own)))
