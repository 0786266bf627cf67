"""how to spend a budget of compute: N, D, batch and expected loss by Kaplan, Chinchilla and a fit of our own"""

from analysis.verbs._profile import RESULTS, results_folder


def arguments(parser) -> None:
    parser.add_argument("--flops", type=float, required=True, help="training FLOPs, counted as 6 N D, e.g. 1e18")
    parser.add_argument(
        "--profile", help="whose own fit to add (default: kaplan, or cpu where that was not run); empty: none"
    )


def run(args) -> None:
    from analysis import tables
    from analysis.papers.allocation import allocate, own_law

    profile = args.profile
    if profile is None:
        profile = "kaplan" if (RESULTS / "kaplan" / "curves").is_dir() else "cpu"
    print(tables.markdown(allocate(args.flops, own_law(results_folder(profile)) if profile else None)))
