"""claims.csv, and every claim with its verdict on the terminal"""

from analysis.verbs._profile import add_profile as arguments
from analysis.verbs._profile import load

__all__ = ["arguments", "run"]


def run(args) -> None:
    from analysis.papers.annealing.report import write_tables

    study = load(args)
    write_tables(study, "claims")
    for claim in study.claims:
        print(f"{claim.verdict:14} {claim.claim} [{claim.on_own_runs}; paper: {claim.paper_value}]")
    print(f"{study.verdicts}\n{study.folder / 'claims.csv'}")
