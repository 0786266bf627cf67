"""Choshen et al. 2024: A Hitchhiker's Guide to Scaling Law Estimation

How to estimate a scaling law: from which models, how many, which of their checkpoints (Choshen, Zhang and Andreas 2024,
[arXiv 2410.11840](https://arxiv.org/abs/2410.11840)). Every law below was estimated anew from the public trajectories of
GPT-3, OPT, OLMo and the data-ablation models; `laws.csv` holds each with its error (ARE: mean relative error over the last
30 % of the target's tokens).

**The unit trap.** OPT's public losses are perplexities. Taken as they are, as the paper's code takes them, they give its
printed errors; in nats the same fits err by about half as much. Errors compare only within one unit.

**On our own runs** (`results/kaplan`, six sizes) the practices are held against
the spread between seeds; `own_laws.csv` holds each of these laws.

What the paper does for families of models is done for loss curves too: the annealing law from the beginning of one run,
with what fits of other models say of its parameters.
"""

SWEEPS = ("kaplan",)  # the guide's own family of models is that of Kaplan's sweep
