"""Kaplan et al. 2020: Scaling Laws for Neural Language Models

The loss of a converged language model falls as a power of its size, of its text or of its compute (Kaplan et al. 2020,
[arXiv 2001.08361](https://arxiv.org/abs/2001.08361)). The paper published constants and no data: *recomputed* below is what
follows from its constants by its own formulas, and *our runs* are those of `conf/sweep/kaplan.yaml` in `results/kaplan`: six
sizes of 7 to 443 thousand parameters, three lengths, five batches and four short texts, several seeds of each, at a
ten-thousandth of its sizes; the rate of each size was chosen by the loss before any law was fitted.
Constants of the loss belong to WebText2 and its vocabulary; only exponents compare, and ours are those of models that are
far from converged.

**The optimum of the printed L(N, S_min) is N ~ C<sup>.681</sup>, not the printed C<sup>.73</sup>**: that one is an empirical
fit, and stands in the table as such. Why Chinchilla found .5 follows from counting parameters without embeddings (Pearce
and Song 2024, [arXiv 2406.12907](https://arxiv.org/abs/2406.12907)).
"""

SWEEPS = ("kaplan",)
