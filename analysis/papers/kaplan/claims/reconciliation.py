"""Pearce and Song's reconciliation with Chinchilla."""

from analysis.papers.claim import Claim, answer, claim, verdict
from analysis.papers.comparisons import near
from analysis.papers.kaplan.evidence import Evidence
from analysis.papers.kaplan.simulation import reconcile
from losslaws.search.allocation import CHINCHILLA

# printed: exponent of the best size and of its loss, both without embeddings
PRINTED = {"Besiroglu et al. 2024": (0.7805, -0.0690), "Hoffmann et al. 2022": (0.7388, -0.0659)}


@claim
def reconciled(e: Evidence) -> list[Claim]:
    rows = []
    for letter, (name, (size, loss)) in zip("ab", PRINTED.items(), strict=True):
        found, exact = e.reconciled[name], reconcile(CHINCHILLA[name], exact=True)
        rows.append(
            answer(
                f"kaplan-09{letter}-reconciled",
                on_paper_data=f"{found.size:.4f}, {found.loss:.4f}; with embeddings N ~ C^{found.total_size:.4f}; "
                f"at exactly the budgets {exact.size:.4f}, {exact.loss:.4f}",
                verdict=verdict(
                    near("exponent of the size", found.size, size, 0.002, law=True),
                    near("exponent of the loss", found.loss, loss, 0.002, law=True),
                ),
            )
        )
    return rows
