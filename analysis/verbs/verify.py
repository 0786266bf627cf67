"""compare the headline numbers with expected.json; fails on drift"""

from analysis.verbs._profile import add_profile, load


def arguments(parser) -> None:
    add_profile(parser)
    parser.add_argument("--update", action="store_true", help="write the values anew, keeping tolerances")


def run(args) -> None:
    from analysis.papers.annealing.verify import EXPECTED, compare, refuse_drift, update

    study = load(args)
    if args.update:
        print(update(study))
    elif not (study.folder / EXPECTED).exists():
        print(f"{study.folder / EXPECTED} is not there, so there is nothing to compare with; --update writes it")
    else:
        table = compare(study)
        print(table.drop(columns="why").to_string(index=False, float_format="%.6g"))
        refuse_drift(study, table)
