"""What the paper does for families of models, done for loss curves: intermediate checkpoints and borrowed parameters."""

from analysis.papers.claim import Claim, answer, claim, verdict
from analysis.papers.comparisons import signs
from analysis.papers.hitchhiker.evidence import RUNS, Evidence
from losslaws.words import values


@claim
def borrowed(e: Evidence) -> list[Claim]:
    table, rows = e.curve_estimates, []
    for letter, run in zip("ab", RUNS, strict=True):
        means = 100 * table[table["run"] == run].groupby(["how", "part"])["error"].mean()
        alone, with_others = means["alone"], means["borrowed"]
        each = table[table["run"] == run].set_index(["how", "part", "size"])["error"]
        gain = each["borrowed"] - each["alone"]
        flagged = table[(table["run"] == run) & (table["how"] == "alone")]["doubts"].ne("").sum()
        rows.append(
            answer(
                f"hitchhiker-14{letter}-curves",
                on_public_curves=f"{values(with_others.to_dict(), '{:.2f}')} against {values(alone.to_dict(), '{:.2f}')} alone, "
                f"of which {flagged} of {3 * len(alone)} fits are flagged",
                verdict=verdict(
                    *(
                        signs(f"{part:g} of the run: errs less than alone, by size", gain.xs(part, level="part"))
                        for part in alone.index
                    )
                ),
            )
        )
    return rows
