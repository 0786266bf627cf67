"""Tissue, Wang and Wang 2024: Scaling Law with Learning Rate Annealing

One law, L(s) = L0 + A S1^-alpha - C S2, fitted to the loss curves of one or two runs, predicts those of runs under other learning-rate
schedules (Tissue, Wang and Wang 2024, [arXiv 2408.11029](https://arxiv.org/abs/2408.11029)). Its claims and its reviewers' objections
are held against the paper's own points, the runs of a profile, and other people's curves.

`on_own_runs` gives what was measured, the mean over seeds, and in brackets what the experiment's fit says. A difference between the final
losses of two kinds of run is taken seed by seed and counts when it exceeds what their relation leaves open (`noise.relations`): two decays
of one trunk differ by far less than two seeds. A smaller one decides nothing, and reads "undecided".
"""

PROFILES = ("cpu", "night", "smoke", "gpu", "cluster")
LIMIT = 0.5  # % mean relative error up to which a curve counts as predicted; the paper's own five lie below .33
