"""Claims of Tissue, Wang, Wang 2024, "Scaling Law with Learning Rate Annealing" (arXiv 2408.11029), and its reviewers' objections.

`on_own_runs` gives what was measured, and in brackets what the experiment's fit says. A difference between two final
losses counts when it exceeds what another seed changes (`Noise.difference`); a smaller one decides nothing.
"""

PAPER = "Tissue et al. 2024, arXiv 2408.11029"
REVIEWERS = "reviewers of Tissue et al. 2024 (ICLR 2025, o9YC0B6P2m)"
NATS = "nats per token"
NATS_LAW = "nats per token; in brackets the law's"
LIMIT = 0.5  # % mean relative error up to which a curve counts as predicted; the paper's own five lie below .33
