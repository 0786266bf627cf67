"""What the paper does for families of models, done for loss curves: intermediate checkpoints and borrowed parameters."""

from analysis.papers.claim import Claim, claim, verdict
from analysis.papers.hitchhiker import PAPER
from analysis.papers.hitchhiker.evidence import BORROWED, RUNS, Evidence
from losslaws.words import values


@claim
def borrowed(e: Evidence) -> list[Claim]:
    table, rows = e.curve_estimates, []
    for letter, run, label in zip("ab", RUNS, ("cosine", "WSD"), strict=True):
        means = 100 * table[table["run"] == run].groupby(["how", "part"])["error"].mean()
        alone, with_others = means["alone"], means["borrowed"]
        flagged = table[(table["run"] == run) & (table["how"] == "alone")]["doubts"].ne("").sum()
        rows.append(
            Claim(
                id=f"hitchhiker-14{letter}-curves",
                claim=f"The beginning of one {label} run and the {', '.join(BORROWED)} of other sizes foretell its end "
                "better than the beginning alone",
                source=f"{PAPER}, Sec. 6, carried over to the annealing law",
                paper_value="families of models only",
                on_public_curves=f"{values(with_others.to_dict(), '{:.2f}')} against {values(alone.to_dict(), '{:.2f}')} alone, "
                f"of which {flagged} of {3 * len(alone)} fits are flagged",
                unit="% mean error of the final loss over three sizes, by share of the run",
                verdict=verdict(*(with_others[part] < alone[part] for part in alone.index)),
                figure="fig04_curves",
            )
        )
    return rows
